//! nginx, unchanged, with the module in it.

use std::process::Command;

use super::{Guests, Running, Site};
use crate::nginx::{self, Configuration, Server};

/// An nginx of one worker with these sites, the first the default. It answers each request with the site's name, and the client's.
pub fn nginx(guests: &Guests, sites: &[Site<'_>]) -> Running {
    serving(guests.start("nginx", |port| command(guests, sites, port)))
}

/// The same at this port, which was another's and is free again.
pub fn nginx_at(port: u16, guests: &Guests, sites: &[Site<'_>]) -> Running {
    let started = guests.start_at(port, "nginx", command(guests, sites, port));
    serving(started.unwrap_or_else(|log| panic!("nginx does not start:\n{log}")))
}

fn serving(running: Running) -> Running {
    crate::until("a worker serves", || !running.workers().is_empty());
    running
}

fn command(guests: &Guests, sites: &[Site<'_>], port: u16) -> Command {
    let place = guests.place();
    sites.iter().for_each(|site| place.identity(site.name, site.identity));
    let answers: Vec<String> =
        sites.iter().map(|site| format!("site {} client $ssl_client_verify $ssl_client_s_dn", site.name)).collect();
    let servers: Vec<Server<'_>> = sites
        .iter()
        .zip(&answers)
        .map(|(Site { name, more, .. }, answer)| Server { name, identity: name, more, answer })
        .collect();
    let configuration = Configuration { first: "", workers: 1, http: "keepalive_timeout 0;" };
    place.write("nginx.conf", configuration.text(format_args!("127.0.0.1:{port}"), &servers));
    nginx::command(place)
}
