//! One server's process.

use std::{
    ffi::OsString,
    fs::File,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::PathBuf,
    process::{self, Child, Command, Stdio},
    sync::{
        LazyLock,
        atomic::{AtomicU16, Ordering::Relaxed},
    },
    thread,
    time::Duration,
};

use redis::{Connection, FromRedisValue, RedisResult};
use tempfile::TempDir;

use super::{field, until};
use crate::certificates;

/// A `redis-server`, or where there is none a `valkey-server`, or what `REPRISE_REDIS_SERVER`
/// names, that answers. It is killed when dropped.
pub struct RedisServer {
    process: Child,
    port: u16,
    tls: Option<u16>,
    arguments: Vec<String>,
    directory: TempDir,
}

impl RedisServer {
    /// A server that keeps everything in memory.
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// A server with these arguments, e.g. `["--maxmemory", "4mb"]`.
    pub fn start_with(arguments: &[&str]) -> Self {
        Self::try_ports(arguments, false, &[])
    }

    /// A server that speaks TLS on a port of its own, with [`certificates::server`]: it is called
    /// `localhost`. It logs who fails to connect.
    pub fn start_tls() -> Self {
        Self::try_ports(&["--loglevel", "verbose"], true, &[])
    }

    /// A server whose file of settings says these lines too, and which is started with these arguments.
    pub(super) fn start_configured(arguments: &[&str], settings: &[String]) -> Self {
        Self::try_ports(arguments, false, settings)
    }

    /// A port that was free may be somebody else's a moment later.
    fn try_ports(arguments: &[&str], tls: bool, settings: &[String]) -> Self {
        for _ in 0..10 {
            let directory = tempfile::tempdir().expect("a temporary directory");
            let port = free_port();
            let mut all: Vec<String> =
                arguments.iter().map(|argument| argument.replace("{port}", &port.to_string())).collect();
            if all.iter().any(|argument| argument == "--cluster-enabled") {
                // The default is ten thousand above, which may be past the last port, and somebody else's.
                all.extend(["--cluster-port".to_owned(), free_port().to_string()]);
            }
            let tls = tls.then(free_port);
            if let Some(tls) = tls {
                let identity = certificates::server();
                let path = |name: &str| directory.path().join(name);
                std::fs::write(path("server.crt"), identity.certificate_pem()).expect("it can be written");
                std::fs::write(path("server.key"), identity.key_pem()).expect("it can be written");
                std::fs::write(path("ca.crt"), certificates::server_ca().certificate_pem()).expect("it can be written");
                all.extend(["--tls-port".to_owned(), tls.to_string()]);
                for (option, value) in [
                    ("--tls-cert-file", "server.crt"),
                    ("--tls-key-file", "server.key"),
                    ("--tls-ca-cert-file", "ca.crt"),
                    ("--tls-auth-clients", "no"),
                ] {
                    all.extend([option.to_owned(), value.to_owned()]);
                }
            }
            let settings = format!(
                "bind 127.0.0.1\nprotected-mode no\nport {port}\ndir {}\n{}\n",
                directory.path().display(),
                settings.join("\n")
            );
            std::fs::write(directory.path().join("redis.conf"), settings).expect("it can be written");
            let process = run(&directory, &all);
            let mut server = Self { process, port, tls, arguments: all, directory };
            if server.is_ready() {
                return server;
            }
        }
        panic!("no redis-server starts");
    }

    /// Whether it came to answer; it did not if it has ended.
    fn is_ready(&mut self) -> bool {
        let mut ended = false;
        let number = self.process.id().to_string();
        until("redis-server answers", || {
            ended = !matches!(self.process.try_wait(), Ok(None));
            let info = self.try_ask::<String>(&["INFO"]);
            // While it loads what it had saved, it says so.
            ended
                || info.is_ok_and(|info| {
                    field(&info, "process_id") == Some(&number) && field(&info, "loading") != Some("1")
                })
        });
        !ended
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    /// Where it listens, as a URL.
    pub fn url(&self) -> String {
        format!("redis://{}", self.address())
    }

    /// Where it listens with TLS, as a URL.
    pub fn tls_url(&self) -> String {
        format!("rediss://localhost:{}", self.tls.expect("it was started with TLS"))
    }

    /// Where a file of this name is in its directory: `dump.rdb` after `SAVE`, and with TLS the CA's `ca.crt`.
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// What it answers to a command.
    pub fn ask<T: FromRedisValue>(&self, command: &[&str]) -> T {
        self.try_ask(command).unwrap_or_else(|error| panic!("{command:?} of {}: {error}", self.address()))
    }

    /// What it answers to a command, if it does.
    pub fn try_ask<T: FromRedisValue>(&self, command: &[&str]) -> RedisResult<T> {
        let mut connection = self.connect()?;
        redis::cmd(command[0]).arg(&command[1..]).query(&mut connection)
    }

    fn connect(&self) -> RedisResult<Connection> {
        let client = redis::Client::open(self.url())?;
        let connection = client.get_connection_with_timeout(Duration::from_secs(5))?;
        connection.set_read_timeout(Some(Duration::from_secs(5)))?;
        Ok(connection)
    }

    /// The value of a field of `INFO`.
    pub fn info(&self, name: &str) -> String {
        let info: String = self.ask(&["INFO"]);
        field(&info, name).unwrap_or_else(|| panic!("no {name} in {info}")).to_owned()
    }

    /// Whether it takes writes: it is nobody's replica.
    pub fn is_master(&self) -> bool {
        self.try_ask::<String>(&["INFO", "replication"]).is_ok_and(|info| field(&info, "role") == Some("master"))
    }

    /// Waits until it has all that its master has had so far, as its replica.
    pub(super) fn replicates(&self) {
        until("the replica is in step", || {
            let info = self.try_ask::<String>(&["INFO", "replication"]).unwrap_or_default();
            field(&info, "master_link_status") == Some("up")
        });
    }

    /// Pauses this replica so that nothing more of its master reaches it, not even by what is on its way.
    pub(super) fn cut_off(&self, master: &RedisServer) {
        self.pause();
        master.ask::<u64>(&["CLIENT", "KILL", "TYPE", "replica"]);
    }

    /// Deletes everything.
    pub fn wipe(&self) {
        self.ask::<()>(&["FLUSHALL"]);
    }

    /// Stops it where it stands: it listens, and answers nothing.
    pub fn pause(&self) {
        self.signal("-STOP");
    }

    /// Lets it go on.
    pub fn resume(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args([signal, &self.process.id().to_string()]).status();
        assert!(sent.expect("`kill` is there").success());
    }

    /// Ends it with SIGKILL.
    pub fn kill(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }

    /// Starts it again where it was, after [`RedisServer::kill`]. It has what it had saved.
    pub fn restart(&mut self) {
        self.kill();
        self.process = run(&self.directory, &self.arguments);
        assert!(self.is_ready(), "redis-server does not start again:\n{}", self.log());
    }

    /// What it says.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.path("log")).unwrap_or_default()
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.kill();
    }
}

fn run(directory: &TempDir, arguments: &[String]) -> Child {
    let log = File::options().create(true).append(true).open(directory.path().join("log")).expect("it can be written");
    let mut command = Command::new(&*PROGRAM);
    command.arg(directory.path().join("redis.conf"));
    // Sentinels know no such settings.
    if !arguments.iter().any(|argument| argument == "--sentinel") {
        command.args(["--save", "", "--appendonly", "no", "--repl-diskless-sync-delay", "0"]);
    }
    command.args(arguments).current_dir(directory.path()).stdin(Stdio::null()).stdout(log).stderr(Stdio::null());
    command.spawn().expect("redis-server or valkey-server is installed")
}

/// Names the server's program.
const SERVER: &str = "REPRISE_REDIS_SERVER";

static PROGRAM: LazyLock<OsString> = LazyLock::new(|| {
    let is_there = || Command::new("redis-server").arg("--version").stdout(Stdio::null()).status().is_ok();
    std::env::var_os(SERVER).unwrap_or_else(|| if is_there() { "redis-server" } else { "valkey-server" }.into())
});

/// A port below those that the system gives to whoever connects, so that a server finds its own
/// free when it comes back.
pub(crate) fn free_port() -> u16 {
    const FIRST: u16 = 10_000;
    const COUNT: u16 = 20_000;
    static TRIED: AtomicU16 = AtomicU16::new(0);
    loop {
        // Programs of tests that run side by side begin at different places.
        let start = process::id().wrapping_mul(97) % u32::from(COUNT);
        let offset = (start + u32::from(TRIED.fetch_add(1, Relaxed))) % u32::from(COUNT);
        let port = FIRST + u16::try_from(offset).expect("it is below COUNT");
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
        thread::yield_now();
    }
}
