//! A server's process.

use std::{
    io,
    net::{SocketAddr, TcpStream},
    os::unix::process::CommandExt,
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use crate::{Log, PATIENCE};

/// A server that listens. It is killed when dropped.
pub struct Server {
    process: Child,
    addresses: Vec<SocketAddr>,
    log: Arc<Log>,
}

impl Server {
    /// Runs a program that says `listening on ADDR` on stderr for each `--listen` among its arguments.
    pub fn start(program: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        Self::start_as(None, program, arguments, environment)
    }

    /// Like [`Server::start`], as another user (and group), which takes root.
    pub fn start_as(user: Option<u32>, program: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let mut command = Command::new(program);
        command.args(arguments).envs(environment.iter().copied()).env_remove("RUST_LOG");
        if let Some(user) = user {
            command.uid(user).gid(user);
        }
        Self::start_command(&mut command)
    }

    /// Runs a command that says `listening on ADDR` on stderr for each `--listen` among its arguments.
    pub fn start_command(command: &mut Command) -> Self {
        let listeners = command.get_args().filter(|argument| *argument == "--listen").count();
        let mut process = command.stdin(Stdio::null()).stderr(Stdio::piped()).spawn().expect("the server starts");
        let log = Log::of(process.stderr.take().expect("it is piped"));
        let mut server = Self { process, addresses: Vec::new(), log };
        server.addresses = server.log.lines(&["listening on "], listeners).iter().map(|line| address(line)).collect();
        server
    }

    /// Runs a command whose stderr is somebody else's, once somebody answers at the address that it
    /// was told to listen on. Nothing that it says is in [`Server::log`].
    pub fn start_unheard(command: &mut Command, stderr: impl Into<Stdio>, address: SocketAddr) -> Self {
        let process = command.stdin(Stdio::null()).stderr(stderr).spawn().expect("the server starts");
        let server = Self { process, addresses: vec![address], log: Log::of(io::empty()) };
        crate::until("somebody listens", || TcpStream::connect(address).is_ok());
        server
    }

    /// Runs a program that says `listening on ADDR` on stdout.
    pub fn start_example(program: &Path, arguments: &[&str]) -> Self {
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut process = command.spawn().expect("the example starts");
        let log = Log::of(process.stdout.take().expect("it is piped"));
        let mut server = Self { process, addresses: Vec::new(), log };
        server.addresses = vec![address(&server.log.line(&["listening on "]))];
        server
    }

    /// Where it listens: its first `--listen`.
    pub fn address(&self) -> SocketAddr {
        self.addresses[0]
    }

    /// Where it listens, in the order of its `--listen`s.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Where `--admin` is.
    pub fn admin(&self) -> SocketAddr {
        let line = self.log.line(&["admin on http://"]);
        // In a log of JSON a quotation mark follows.
        let address = line.split("http://").nth(1).and_then(|rest| rest.split('"').next());
        address.and_then(|address| address.parse().ok()).unwrap_or_else(|| panic!("{line}"))
    }

    /// What it says.
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// Its process's number.
    pub fn process(&self) -> u32 {
        self.process.id()
    }

    /// Waits until this generation of a policy decides.
    pub fn live(&self, policy: &str, generation: u64) {
        self.log.line(&["policy is live", &format!("policy=\"{policy}\""), &format!("generation={generation} ")]);
    }

    /// Waits until a site's changed files are in force for the `times`th time.
    pub fn reloaded(&self, site: &str, times: usize) {
        self.log.lines(&[&format!("site `{site}`: its changed files are in force")], times);
    }

    /// The most bytes of memory that it has had at once, so far (`VmHWM`).
    pub fn peak_memory(&self) -> usize {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id())).expect("it runs, on Linux");
        let peak = status
            .lines()
            .find_map(|line| line.strip_prefix("VmHWM:"))
            .and_then(|peak| peak.trim().strip_suffix(" kB"));
        peak.and_then(|peak| peak.parse::<usize>().ok()).expect("the system says so") << 10
    }

    /// Sends SIGTERM.
    pub fn terminate(&self) {
        self.signal("-TERM");
    }

    /// Ends it with SIGKILL, and is back when it is gone.
    pub fn kill(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }

    /// Sends SIGHUP.
    pub fn hang_up(&self) {
        self.signal("-HUP");
    }

    fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args([signal, &self.process.id().to_string()]).status();
        assert!(sent.expect("`kill` is there").success());
    }

    /// Waits for its end.
    pub fn ended(&mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.process.try_wait().expect("a child can be waited for") {
                return status;
            }
            assert!(Instant::now() < deadline, "the server does not end:\n{}", self.log.text());
            // There is no waiting for a child with a bound; a look now and then is as good.
            thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("the server said:\n{}", self.log.text());
        }
        self.kill();
    }
}

fn address(line: &str) -> SocketAddr {
    let after = line.split("listening on ").nth(1).unwrap_or_default();
    // In a log of JSON a quotation mark follows.
    let address = after.split(|c: char| c.is_whitespace() || c == '"').next().unwrap_or_default();
    address.parse().unwrap_or_else(|_| panic!("no address in `{line}`"))
}
