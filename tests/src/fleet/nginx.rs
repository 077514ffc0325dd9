//! nginx, as most fleets run it: sessions in shared memory of one machine.

use std::{
    fs::File,
    net::{Ipv4Addr, SocketAddr, TcpStream},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use tempfile::TempDir;

use crate::{PATIENCE, certificates::Identity, redis::free_port};

/// An nginx that listens, with a directory of its own. It is killed when dropped.
pub struct Nginx {
    process: Child,
    port: u16,
    directory: TempDir,
}

impl Nginx {
    /// An nginx with this certificate, with session tickets as it has them by default or without
    /// any. It answers every request.
    pub fn start(identity: &Identity, tickets: bool) -> Self {
        // A port that was free may be somebody else's a moment later.
        for _ in 0..10 {
            let mut nginx = Self::run(identity, tickets, free_port());
            if nginx.listens() {
                return nginx;
            }
        }
        panic!("no nginx starts");
    }

    fn run(identity: &Identity, tickets: bool, port: u16) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let write = |name: &str, content: &[u8]| std::fs::write(directory.path().join(name), content).unwrap();
        write("server.crt", &identity.certificate_pem());
        write("server.key", &identity.key_pem());
        write("nginx.conf", configuration(tickets, port).as_bytes());
        let log = File::create(directory.path().join("log")).unwrap();
        let mut command = Command::new("nginx");
        // Debian has it where only root looks.
        command.env("PATH", format!("{}:/usr/sbin", std::env::var("PATH").unwrap_or_default()));
        command.arg("-p").arg(directory.path()).args(["-c", "nginx.conf"]).args(["-e", "stderr"]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let process =
            command.spawn().expect("`nginx` is not there. Install it, then try again:\n  apt-get install nginx");
        Self { process, port, directory }
    }

    /// Whether it came to listen; it did not if it has ended.
    fn listens(&mut self) -> bool {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            if !matches!(self.process.try_wait(), Ok(None)) {
                let log = std::fs::read_to_string(self.directory.path().join("log")).unwrap_or_default();
                assert!(log.contains("Address already in use"), "nginx does not start:\n{log}");
                return false;
            }
            if TcpStream::connect(self.address()).is_ok() {
                return true;
            }
            // Another process is waited for, which needs the processor more than who asks.
            thread::sleep(Duration::from_millis(10));
        }
        panic!("nginx does not listen within {PATIENCE:?}");
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // SIGTERM, so that the workers end with it.
        let _ = Command::new("kill").arg(self.process.id().to_string()).status();
        let _ = self.process.wait();
    }
}

/// One worker, as nginx has by default, so that its shared memory is shared by all there are.
fn configuration(tickets: bool, port: u16) -> String {
    let tickets = if tickets { "" } else { "ssl_session_tickets off;" };
    format!(
        "daemon off;
        pid nginx.pid;
        events {{ worker_connections 512; }}
        http {{
            access_log off;
            client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi;
            uwsgi_temp_path uwsgi; scgi_temp_path scgi;
            ssl_session_cache shared:sessions:10m;
            ssl_session_timeout 2h;
            {tickets}
            server {{
                listen 127.0.0.1:{port} ssl;
                server_name a.example;
                ssl_certificate server.crt;
                ssl_certificate_key server.key;
                ssl_protocols TLSv1.2 TLSv1.3;
                location / {{ return 200; }}
            }}
        }}
        "
    )
}
