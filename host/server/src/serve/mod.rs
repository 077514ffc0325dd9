//! `reprise serve`: a TLS server whose sessions are kept as policies say, in front of a backend or of a small responder.
//!
//! A host at work (`hosting`) with listeners. It uses of the library what any embedder can. Layout:
//!
//! - `options`, `argument`, `backend_address`, `ciphers`: what an operator writes beside what is the host's
//! - `settings`: what that means, with its defaults
//! - `self_signed`: the certificate of a server that was given none
//! - `material`, `sites`, `reload`: from files to the contexts in force, and again when the files change
//! - `accept`, `proxy`, `connection`, `wire`: a connection's life, and how it ends
//! - `backend` with `idle`, `responder` with `report`: what a connection is for

mod accept;
mod argument;
mod backend;
mod backend_address;
mod ciphers;
mod connection;
mod idle;
mod material;
mod options;
pub(crate) mod proxy;
mod reload;
mod report;
mod responder;
mod self_signed;
mod settings;
mod sites;
#[cfg(test)]
mod tests;
mod wire;

use std::{future::Future, net::SocketAddr, sync::Arc, time::Duration};

use anyhow::{Context, Result};
use ipnet::IpNet;
use reprise::Host;
use tokio::{net::TcpListener, sync::Semaphore, task::JoinSet};

pub(crate) use self::{
    argument::{DEFAULT, Listen},
    material::Material,
    options::Options,
    settings::{Settings, SiteFiles},
};
use self::{backend_address::BackendAddress, reload::FollowedSites, sites::Sites};
use crate::hosting::{Built, Hosting};

/// A server that listens, and does not accept yet.
pub(crate) struct Server {
    sockets: Vec<(TcpListener, usize)>,
    listeners: Vec<String>,
    shared: Arc<Shared>,
    hosting: Hosting,
    drain: Duration,
}

/// What every connection needs.
struct Shared {
    host: Arc<Host>,
    sites: Arc<Sites>,
    /// A permit for each connection.
    room: Arc<Semaphore>,
    accept_proxy: Vec<IpNet>,
    backend: Option<Backend>,
    handshake_timeout: Duration,
    idle_timeout: Duration,
}

/// Where what was decrypted goes.
struct Backend {
    address: BackendAddress,
    send_proxy: bool,
    idle_timeout: Duration,
}

impl Server {
    /// Builds the host and the sites, and listens.
    ///
    /// # Errors
    /// Something in `settings` cannot be had: an address is taken, a file is missing or wrong. The message names it.
    pub(crate) async fn bind(settings: Settings) -> Result<Self> {
        let built = Built::new(&settings.host, |host| host.tickets(settings.tickets))?;
        let host = Arc::clone(&built.host);
        let mut listeners: Vec<String> = Vec::new();
        let mut sockets = Vec::new();
        for listen in &settings.listen {
            let known = listeners.iter().position(|name| *name == listen.name);
            let listener = known.unwrap_or_else(|| {
                listeners.push(listen.name.clone());
                listeners.len() - 1
            });
            let socket = TcpListener::bind(listen.address).await.with_context(|| {
                format!("cannot listen on {}: choose another address with --listen", listen.address)
            })?;
            sockets.push((socket, listener));
        }
        let (sites, seen) = Sites::open(Arc::clone(&host), &settings, listeners.clone())?;
        let files = FollowedSites::new(Arc::clone(&sites), seen, settings.self_signed);
        let (socket, followed) = (settings.agent.as_ref(), ("certificates", files));
        let hosting = Hosting::start(built, &settings.host, socket, followed).await?;
        if let Some(backend) = &settings.backend {
            tokio::spawn(backend.clone().look_up());
        }
        let room = settings.max_connections.min(Semaphore::MAX_PERMITS);
        let shared = Shared {
            host,
            sites,
            room: Arc::new(Semaphore::new(room)),
            accept_proxy: settings.accept_proxy,
            backend: settings.backend.map(|address| Backend {
                address,
                send_proxy: settings.send_proxy,
                idle_timeout: settings.backend_idle_timeout,
            }),
            handshake_timeout: settings.handshake_timeout,
            idle_timeout: settings.idle_timeout,
        };
        let (shared, drain) = (Arc::new(shared), settings.drain);
        Ok(Self { sockets, listeners, shared, hosting, drain })
    }

    /// Where it listens, with the listener's name.
    pub(crate) fn addresses(&self) -> impl Iterator<Item = (SocketAddr, &str)> {
        self.sockets
            .iter()
            .filter_map(|(socket, listener)| Some((socket.local_addr().ok()?, self.listeners[*listener].as_str())))
    }

    /// What of it is not about listeners: the host, its health, and what operators reach.
    pub(crate) fn hosting(&mut self) -> &mut Hosting {
        &mut self.hosting
    }

    /// Serves until `stop` is ready, then lets connections finish, until that takes too long or `hurry` is ready;
    /// then ends as [`Hosting::run`] does. Whether the stores are done.
    ///
    /// # Errors
    /// A task without which it cannot serve has ended for good.
    pub(crate) async fn run(self, stop: impl Future<Output = ()>, hurry: impl Future<Output = ()>) -> Result<bool> {
        let Self { sockets, listeners, shared, hosting, drain } = self;
        let mut accepting = JoinSet::new();
        for (socket, listener) in sockets {
            let life = hosting.health().vitals().task(&format!("listener {}", listeners[listener]));
            accepting.spawn(accept::run(socket, listener, Arc::clone(&shared), hosting.phases(), life));
        }
        hosting.run((accepting, drain, shared), stop, hurry).await
    }
}
