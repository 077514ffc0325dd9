//! `reprise serve`: a TLS server whose sessions are kept as policies say, in front of a backend or of a small responder.
//!
//! It uses of the library what any embedder can. Layout:
//!
//! - `options`, `argument`, `quantity`, `backend_address`, `ciphers`, `log_filter`: what an operator writes, on the command line and in a
//!   file, which `configuration` reads; `text`: so that both are one grammar
//! - `settings`: what that means, with its defaults
//! - `self_signed`: the certificate of a server that was given none
//! - `material`, `sites`, `reload`: from files to the contexts in force, and again when the files change
//! - `accept`, `proxy`, `connection`, `wire`: a connection's life, and how it ends
//! - `ending`: how the server ends
//! - `backend` with `idle`, `responder` with `report`: what a connection is for
//! - `stores`: `--store`, from words to stores

mod accept;
mod argument;
mod backend;
mod backend_address;
mod ciphers;
mod configuration;
mod connection;
mod ending;
mod idle;
mod log_filter;
mod material;
mod options;
mod precedence;
pub(crate) mod proxy;
mod quantity;
mod reload;
mod report;
mod responder;
mod self_signed;
mod settings;
mod sites;
mod stores;
#[cfg(test)]
mod tests;
mod text;
mod wire;

use std::{
    convert::Infallible,
    future::Future,
    net::SocketAddr,
    pin::pin,
    sync::{Arc, Weak},
    time::Duration,
};

use anyhow::{Context, Result, anyhow};
use ipnet::IpNet;
use reprise::Host;
use reprise_session::{
    session::Keyring,
    vital::{Vitals, caught},
};
use tokio::{net::TcpListener, sync::Semaphore, task::JoinSet};

pub(crate) use self::{
    argument::Listen,
    configuration::read,
    log_filter::LogFilter,
    options::Options,
    quantity::{Span, Timeout},
    settings::{Settings, read_policy_keys},
};
use self::{backend_address::BackendAddress, sites::Sites};
use crate::{
    admin::Admin,
    health::Health,
    phase::{Phase, Phased},
};

/// A server that listens, and does not accept yet.
pub(crate) struct Server {
    sockets: Vec<(TcpListener, usize)>,
    listeners: Vec<String>,
    shared: Arc<Shared>,
    /// Its tasks, as long as they live: one that ends before the server is told to stop ends the server.
    living: JoinSet<()>,
    health: Health,
    reload: Reload,
    admin: Admin,
    drain: Duration,
}

/// A way to have policies and certificates looked at.
#[derive(Clone)]
pub(crate) struct Reload {
    host: Weak<Host>,
    has_policies: bool,
    files: reload::Ask,
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
        let keyring = settings.keyring.as_ref().map(Keyring::open).transpose().context("--keyring")?.map(Arc::new);
        let host = Arc::new(host(&settings, keyring.clone())?);
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
        let (files, asked) = reload::channel();
        let vitals = Vitals::default();
        let mut living = JoinSet::new();
        let follower = reload::Follower::new(Arc::clone(&sites), seen, settings.self_signed, keyring, asked);
        living.spawn(reload::follow(follower, vitals.task("certificates")));
        let health = Health::new(Arc::clone(&host), vitals);
        let reload = Reload { host: Arc::downgrade(&host), has_policies: settings.policies.is_some(), files };
        // Last: whoever waits for the socket finds a server behind it.
        let admin = Admin::bind(settings.admin, &settings.admin_hosts, settings.state_dir.as_deref()).await?;
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
        Ok(Self { sockets, listeners, shared, living, health, reload, admin, drain })
    }

    /// Where it listens, with the listener's name.
    pub(crate) fn addresses(&self) -> impl Iterator<Item = (SocketAddr, &str)> {
        self.sockets
            .iter()
            .filter_map(|(socket, listener)| Some((socket.local_addr().ok()?, self.listeners[*listener].as_str())))
    }

    /// The host behind it.
    pub(crate) fn host(&self) -> &Host {
        &self.shared.host
    }

    /// Whether it does what it seems to.
    pub(crate) fn health(&self) -> Health {
        self.health.clone()
    }

    /// A way to have policies and certificates looked at while it runs.
    pub(crate) fn reload(&self) -> Reload {
        self.reload.clone()
    }

    /// Where `--admin` is.
    pub(crate) fn admin_address(&self) -> Option<SocketAddr> {
        self.admin.address()
    }

    /// Has what `name` says done as long as it serves, by `work`, which does not return, over and over.
    pub(crate) fn also<F: Future<Output = Infallible> + Send>(
        &mut self,
        name: &str,
        mut work: impl FnMut() -> F + Send + 'static,
    ) {
        let mut life = self.health.vitals().task(name);
        self.living.spawn(async move { while life.again(caught(work()).await.map(|never| match never {})).await {} });
    }

    /// Serves until `stop` is ready, then lets connections finish, until that takes too long or `hurry` is ready;
    /// then lets the stores write what they have, until that takes too long or `hurry` is ready. Whether they are
    /// done.
    ///
    /// # Errors
    /// A task without which it cannot serve has ended for good.
    pub(crate) async fn run(self, stop: impl Future<Output = ()>, hurry: impl Future<Output = ()>) -> Result<bool> {
        let Self { sockets, listeners, shared, mut living, health, reload, admin, drain } = self;
        drop(reload);
        let phased = Phased::new();
        let mut asked = admin.serve(&health, &phased.watch()).unwrap_or_else(|error| {
            tracing::warn!("`reprise status` cannot reach this server: {error:#}");
            JoinSet::new()
        });
        let mut accepting = JoinSet::new();
        for (socket, listener) in sockets {
            let life = health.vitals().task(&format!("listener {}", listeners[listener]));
            accepting.spawn(accept::run(socket, listener, Arc::clone(&shared), phased.watch(), life));
        }
        let fallen = tokio::select! {
            () = stop => None,
            Some(_) = accepting.join_next() => Some("accepts connections"),
            Some(_) = living.join_next() => Some("follows certificates"),
            Some(_) = asked.join_next() => Some("answers operators"),
        };
        let mut hurry = pin!(hurry);
        let mut hurried = fallen.is_some();
        if fallen.is_none() {
            tracing::info!("stopping: connections have {drain:?} to finish");
            phased.enter(Phase::Draining);
            let finished = async { while accepting.join_next().await.is_some() {} };
            tokio::select! {
                () = finished => {}
                () = tokio::time::sleep(drain) => {}
                () = &mut hurry => hurried = true,
            }
        }
        // Each connection says goodbye where the socket has room for it, and is gone.
        phased.enter(Phase::Closing);
        while accepting.join_next().await.is_some() {}
        asked.shutdown().await;
        living.shutdown().await;
        // The last that holds the host, unless one of their threads is held up by a file system.
        let gone = ending::part((shared, health), hurried, hurry).await;
        match fallen {
            Some(what) => {
                Err(anyhow!("the task that {what} has ended, which is a bug of Reprise: the server ends with it"))
            }
            None => Ok(gone),
        }
    }
}

impl Reload {
    /// Takes up every policy, certificate, key, CA and CRL anew, policies as [`reprise::Policies::reload`] does. When it returns,
    /// what changed is in force or was said to be wrong.
    pub(crate) async fn now(&self) {
        let policies = self.host.upgrade().filter(|_| self.has_policies).map(|host| host.policies());
        let policies = policies.map(|policies| tokio::task::spawn_blocking(move || policies.reload()));
        self.files.now().await;
        if let Some(policies) = policies
            && let Ok(Err(error)) = policies.await
        {
            tracing::warn!("policies stay as they are: {error}");
        }
    }
}

fn host(settings: &Settings, keyring: Option<Arc<Keyring>>) -> Result<Host> {
    let mut host = stores::open(Host::builder(), settings)?
        .namespace(&settings.namespace)
        .store_deadline(settings.store_deadline)
        .copy_age(settings.copy_age)
        .policy_budget(settings.policy_budget)
        .supervision(settings.supervision.clone())
        .compiler(settings.compiler.clone())
        .lifetime(settings.lifetime)
        .max_lifetime(settings.max_lifetime)
        .tickets(settings.tickets)
        .max_entry(settings.max_session_size)
        .strict_policies(settings.strict);
    if let Some(bytes) = settings.memory.of_all {
        host = host.policy_memory(bytes);
    }
    if let Some(bytes) = settings.memory.to_compile {
        host = host.compile_memory(bytes);
    }
    if let Some(keyring) = keyring {
        host = host.keyring(keyring);
    }
    if let Some(keys) = &settings.policy_keys {
        host = host.policy_keys(keys.clone());
    }
    if let Some(compiled) = &settings.compiled {
        host = host.compiled_policies(compiled);
    }
    if let Some(policies) = &settings.policies {
        host = host.policies(policies);
    }
    Ok(host.build()?)
}
