//! nginx, as most fleets run it: sessions in shared memory of one machine.

use std::net::SocketAddr;

use crate::{
    Place, Running,
    certificates::Identity,
    nginx::{Configuration, Server, command},
};

/// An nginx that listens, with files of its own. It is ended when dropped.
pub struct Nginx {
    running: Running,
    // Gone after who uses it.
    _place: Place,
}

impl Nginx {
    /// An nginx with this certificate, with session tickets as it has them by default or without
    /// any. It answers every request.
    pub fn start(identity: &Identity, tickets: bool) -> Self {
        let place = Place::new();
        place.identity("server", identity);
        let tickets = if tickets { "" } else { "ssl_session_tickets off;" };
        let http = format!("ssl_session_cache shared:sessions:10m; ssl_session_timeout 2h; {tickets}");
        // One worker, as nginx has by default, so that its shared memory is shared by all there are.
        let configuration = Configuration { first: "", workers: 1, http: &http };
        let server = Server { name: "a.example", identity: "server", more: "", answer: "" };
        let running = Running::start(&place, "nginx", |port| {
            place.write("nginx.conf", configuration.text(format_args!("127.0.0.1:{port}"), &[server]));
            command(&place)
        });
        Self { running, _place: place }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.running.address()
    }
}
