//! `reprise serve`: a TLS server whose sessions are kept as policies say, in front of a backend or of a small responder.
//!
//! It uses of the library what any embedder can. Layout:
//!
//! - `options`, `argument`, `quantity`: what an operator writes, on the command line and in a file, which `configuration` reads
//! - `settings`: what that means, with its defaults
//! - `self_signed`: the certificate of a server that was given none
//! - `material`, `sites`, `reload`: from files to the contexts in force, and again when the files change
//! - `accept`, `proxy`, `connection`, `phase`: a connection's life, and how the server ends
//! - `backend` with `idle`, `responder` with `report`: what a connection is for; `http` with `request`: how the responder speaks
//! - `stores`: `--store`, from words to stores
//! - `state_dir`: where state that outlives the process is kept

mod accept;
mod argument;
mod backend;
mod configuration;
mod connection;
pub(crate) mod http;
mod idle;
mod material;
mod options;
pub(crate) mod phase;
mod proxy;
mod quantity;
mod reload;
mod report;
pub(crate) mod request;
mod responder;
mod self_signed;
mod settings;
mod sites;
pub(crate) mod state_dir;
mod stores;
#[cfg(test)]
mod tests;

use std::{future::Future, net::SocketAddr, sync::Arc, time::Duration};

use anyhow::{Context, Result};
use ipnet::IpNet;
use tokio::{
    net::TcpListener,
    sync::Semaphore,
    task::{AbortHandle, JoinSet},
    time::timeout,
};

pub(crate) use self::{
    argument::{Listen, LogFormat},
    configuration::read,
    options::Options,
    quantity::Span,
    settings::{Settings, read_policy_keys},
};
use self::{
    phase::{Phase, Phased},
    sites::Sites,
};
use crate::{Host, admin::Admin, session::Keyring};

/// A server that listens, and does not accept yet.
pub(crate) struct Server {
    sockets: Vec<(TcpListener, usize)>,
    listeners: Vec<String>,
    shared: Arc<Shared>,
    following: AbortHandle,
    reload: Reload,
    admin: Admin,
    drain: Duration,
}

/// A way to have policies and certificates looked at.
#[derive(Clone)]
pub(crate) struct Reload {
    host: Arc<Host>,
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
    address: String,
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
        let following =
            tokio::spawn(reload::follow(Arc::clone(&sites), seen, settings.self_signed, keyring, asked)).abort_handle();
        let reload = Reload { host: Arc::clone(&host), has_policies: settings.policies.is_some(), files };
        // Last: whoever waits for the socket finds a server behind it.
        let admin = Admin::bind(settings.admin, settings.state_dir.as_deref()).await?;
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
        Ok(Self { sockets, listeners, shared: Arc::new(shared), following, reload, admin, drain: settings.drain })
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

    /// A way to have policies and certificates looked at while it runs.
    pub(crate) fn reload(&self) -> Reload {
        self.reload.clone()
    }

    /// Where `--admin` is.
    pub(crate) fn admin_address(&self) -> Option<SocketAddr> {
        self.admin.address()
    }

    /// Serves until `stop` is ready, then lets connections finish, until that takes too long or `hurry` is ready.
    pub(crate) async fn run(self, stop: impl Future<Output = ()>, hurry: impl Future<Output = ()>) {
        let phased = Phased::new();
        let _admin = self.admin.serve(&self.shared.host, &phased.watch()).inspect_err(|error| {
            tracing::warn!("`reprise status` cannot reach this server: {error:#}");
        });
        let mut accepting = JoinSet::new();
        for (socket, listener) in self.sockets {
            accepting.spawn(accept::run(socket, listener, Arc::clone(&self.shared), phased.watch()));
        }
        stop.await;
        tracing::info!("stopping: connections have {:?} to finish", self.drain);
        phased.enter(Phase::Draining);
        let finished = async { while accepting.join_next().await.is_some() {} };
        let drained = tokio::select! {
            () = finished => true,
            () = tokio::time::sleep(self.drain) => false,
            () = hurry => false,
        };
        if !drained {
            phased.enter(Phase::Closing);
            // Enough for goodbyes; who does not take one by then is dropped with the rest.
            let finished = async { while accepting.join_next().await.is_some() {} };
            let _ = timeout(Duration::from_secs(2), finished).await;
        }
        accepting.shutdown().await;
        self.following.abort();
        tracing::info!("stopped");
    }
}

impl Reload {
    /// Takes up every policy, certificate, key, CA and CRL anew, policies as [`crate::Policies::reload`] does. When it returns,
    /// what changed is in force or was said to be wrong.
    pub(crate) async fn now(&self) {
        let policies = self.host.policies();
        let policies = self.has_policies.then(|| tokio::task::spawn_blocking(move || policies.reload()));
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
    host.build()
}
