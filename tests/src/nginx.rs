//! nginx, as it comes from a distribution: its configuration, and how it is started.

use std::{
    fmt::{Display, Write as _},
    process::Command,
};

use crate::Place;

/// What nginx is configured with, beside what tests need anyhow: files below a place, and no log of requests.
#[derive(Clone, Copy)]
pub struct Configuration<'a> {
    /// What comes first.
    pub first: &'a str,
    /// Processes that serve.
    pub workers: usize,
    /// What holds for all servers.
    pub http: &'a str,
}

/// One server in it.
#[derive(Clone, Copy)]
pub struct Server<'a> {
    /// Its name, which is a server name.
    pub name: &'a str,
    /// Files with its certificate and key, without `.crt` and `.key`.
    pub identity: &'a str,
    /// What else holds for it.
    pub more: &'a str,
    /// What it answers every request with.
    pub answer: &'a str,
}

impl Configuration<'_> {
    /// The text, with these servers at an address, the first the default.
    pub fn text(&self, listen: impl Display, servers: &[Server<'_>]) -> String {
        let mut blocks = String::new();
        for Server { name, identity, more, answer } in servers {
            write!(
                blocks,
                "server {{
                    listen {listen} ssl;
                    server_name {name};
                    ssl_certificate {identity}.crt;
                    ssl_certificate_key {identity}.key;
                    {more}
                    location / {{ return 200 \"{answer}\\n\"; }}
                }}\n"
            )
            .unwrap();
        }
        let Self { first, workers, http } = self;
        format!(
            "{first}
            pid nginx.pid;
            worker_processes {workers};
            events {{ worker_connections 512; }}
            http {{
                access_log off;
                client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi;
                uwsgi_temp_path uwsgi; scgi_temp_path scgi;
                ssl_protocols TLSv1.2 TLSv1.3;
                {http}
                {blocks}
            }}
            "
        )
    }
}

/// An nginx of this place, whose `nginx.conf` is written already, in the foreground.
pub fn command(place: &Place) -> Command {
    let mut command = Command::new("nginx");
    command.arg("-p").arg(place.path(".")).args(["-c", "nginx.conf", "-e", "stderr", "-g", "daemon off;"]);
    command
}
