//! nginx, unchanged, with the module in it.

use std::{
    fmt::Write as _,
    fs::{self, File},
    net::{Ipv4Addr, SocketAddr, TcpStream},
    process::{Child, Command, Stdio},
};

use super::Guests;
use crate::{certificates::Identity, redis::free_port, until};

/// A site of nginx's.
pub struct Site<'a> {
    /// Its name, which is a server name.
    pub name: &'a str,
    /// Its certificate.
    pub identity: &'a Identity,
    /// What else stands in its block.
    pub more: &'a str,
}

/// An nginx that listens. It is ended when dropped.
pub struct Nginx {
    process: Child,
    port: u16,
    log: std::path::PathBuf,
}

impl Nginx {
    /// One with these sites, the first the default, and with the module if `guests` have said where it is. It answers each request
    /// with the site's name.
    pub fn start(guests: &Guests, sites: &[Site<'_>]) -> Self {
        // A port that was free may be somebody else's a moment later.
        for _ in 0..10 {
            let mut nginx = Self::run(guests, sites, free_port());
            let mut ended = false;
            until("nginx listens", || {
                ended = !matches!(nginx.process.try_wait(), Ok(None));
                ended || (TcpStream::connect(nginx.address()).is_ok() && !nginx.workers().is_empty())
            });
            if !ended {
                return nginx;
            }
            let log = fs::read_to_string(&nginx.log).unwrap_or_default();
            assert!(log.contains("Address already in use"), "nginx does not start:\n{log}");
        }
        panic!("no nginx starts");
    }

    fn run(guests: &Guests, sites: &[Site<'_>], port: u16) -> Self {
        let place = guests.place();
        for site in sites {
            place.identity(site.name, site.identity);
        }
        place.write("nginx.conf", configuration(sites, port));
        let log = place.path("nginx.log");
        let mut command = Command::new("nginx");
        // Debian has it where only root looks.
        command.env("PATH", format!("{}:/usr/sbin", std::env::var("PATH").unwrap_or_default()));
        command.env("OPENSSL_CONF", place.path("openssl.cnf"));
        command.arg("-p").arg(place.path(".")).args(["-c", "nginx.conf"]).args(["-e", "stderr"]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(File::create(&log).unwrap());
        let process =
            command.spawn().expect("`nginx` is not there. Install it, then try again:\n  apt-get install nginx");
        Self { process, port, log }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    /// The processes that serve.
    pub fn workers(&self) -> Vec<u32> {
        let children = format!("/proc/{0}/task/{0}/children", self.process.id());
        let children = fs::read_to_string(children).unwrap_or_default();
        children.split_whitespace().filter_map(|number| number.parse().ok()).collect()
    }

    /// Has it read its configuration again, and is back when new workers serve and the old ones are gone.
    pub fn reload(&self) {
        let before = self.workers();
        let sent = Command::new("kill").args(["-HUP", &self.process.id().to_string()]).status();
        assert!(sent.expect("`kill` is there").success());
        until("nginx has new workers alone", || {
            let now = self.workers();
            !now.is_empty() && now.iter().all(|worker| !before.contains(worker))
        });
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // SIGTERM, so that the workers end with it.
        let _ = Command::new("kill").arg(self.process.id().to_string()).status();
        let _ = self.process.wait();
    }
}

fn configuration(sites: &[Site<'_>], port: u16) -> String {
    let mut blocks = String::new();
    for Site { name, more, .. } in sites {
        write!(
            blocks,
            "server {{
                listen 127.0.0.1:{port} ssl;
                server_name {name};
                ssl_certificate {name}.crt;
                ssl_certificate_key {name}.key;
                {more}
                location / {{ return 200 \"site {name} client $ssl_client_verify $ssl_client_s_dn\\n\"; }}
            }}\n"
        )
        .unwrap();
    }
    format!(
        "daemon off;
        pid nginx.pid;
        worker_processes 1;
        events {{ worker_connections 512; }}
        http {{
            access_log off;
            client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi;
            uwsgi_temp_path uwsgi; scgi_temp_path scgi;
            ssl_protocols TLSv1.2 TLSv1.3;
            keepalive_timeout 0;
            {blocks}
        }}
        "
    )
}
