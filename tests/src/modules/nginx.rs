//! nginx, unchanged, with the module in it.

use std::{fmt::Write as _, process::Command};

use super::{Guests, Running, Site};

/// An nginx of one worker with these sites, the first the default. It answers each request with the site's name, and the client's.
pub fn nginx(guests: &Guests, sites: &[Site<'_>]) -> Running {
    serving(Running::start(guests, "nginx", |port| command(guests, sites, port)))
}

/// The same at this port, which was another's and is free again.
pub fn nginx_at(port: u16, guests: &Guests, sites: &[Site<'_>]) -> Running {
    let started = Running::start_at(port, guests, "nginx", command(guests, sites, port));
    serving(started.unwrap_or_else(|log| panic!("nginx does not start:\n{log}")))
}

fn serving(running: Running) -> Running {
    crate::until("a worker serves", || !running.workers().is_empty());
    running
}

fn command(guests: &Guests, sites: &[Site<'_>], port: u16) -> Command {
    let place = guests.place();
    sites.iter().for_each(|site| place.identity(site.name, site.identity));
    place.write("nginx.conf", configuration(sites, port));
    let mut command = Command::new("nginx");
    command.arg("-p").arg(place.path(".")).args(["-c", "nginx.conf"]).args(["-e", "stderr"]);
    command
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
