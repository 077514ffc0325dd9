//! A host at work, whatever it is for: `reprise serve` and `reprise agent` are made of it.
//!
//! - `options`, `argument`, `quantity`, `log_filter`: what an operator writes of it, on the command line and in a file, which
//!   `configuration` reads; `text`: so that both are one grammar; `precedence`: how options are declared
//! - `settings`: what that means, with its defaults; `stores`: `--store`, from words to stores
//! - `reload`: the keyring, and whatever else follows files
//! - `ending`: how it ends
//! - `agent`: where modules in other processes ask it, and the command that has nothing else

pub(crate) mod agent;
pub(crate) mod argument;
mod configuration;
mod ending;
mod log_filter;
mod options;
pub(crate) mod precedence;
mod quantity;
mod reload;
mod settings;
mod stores;
pub(crate) mod text;

use std::{convert::Infallible, future::Future, net::SocketAddr, pin::pin, sync::Arc, time::Duration};

use anyhow::{Context, Result, anyhow};
use reprise::{Host, HostBuilder, agent::Agent};
use reprise_session::{
    session::Keyring,
    vital::{Vitals, caught},
};
use tokio::task::JoinSet;

pub(crate) use self::{
    argument::{AdminAddress, HostName, Namespace},
    configuration::read,
    log_filter::LogFilter,
    options::{HostOptions, declared_with_hosts},
    precedence::declared,
    quantity::{Age, Count, Lifetime, SizeOf, Span, Timeout},
    reload::{Followed, PATIENCE, Reload},
    settings::{HostSettings, read_policy_keys},
    stores::StoreKind,
};
use crate::{
    admin::Admin,
    health::Health,
    page::Page,
    phase::{Phase, Phased, Phases},
};

/// A host that was built, and what is to follow its keyring's file.
pub(crate) struct Built {
    pub(crate) host: Arc<Host>,
    keyring: Option<Arc<Keyring>>,
}

/// A host at work, which operators reach once it runs.
pub(crate) struct Hosting {
    host: Arc<Host>,
    agent: Option<Arc<Agent>>,
    /// Its tasks, as long as they live: one that ends before the server is told to stop ends the server.
    living: JoinSet<()>,
    phased: Phased,
    health: Health,
    reload: Reload,
    admin: Admin,
}

impl Built {
    /// Builds a host; `beside` says what of it is its command's.
    ///
    /// # Errors
    /// Something in `settings` cannot be had: a file is missing or wrong, a store cannot be opened. The message names it.
    pub(crate) fn new(settings: &HostSettings, beside: impl FnOnce(HostBuilder) -> HostBuilder) -> Result<Self> {
        let keyring = settings.keyring.as_ref().map(Keyring::open).transpose().context("--keyring")?.map(Arc::new);
        let host = beside(builder(settings, keyring.clone())?).build()?;
        Ok(Self { host: Arc::new(host), keyring })
    }
}

impl Hosting {
    /// Follows files, those of `beside` among them, has modules ask at `socket`, if there is one, and listens for operators.
    /// `followed` is what all those files are.
    ///
    /// # Errors
    /// A socket or an address is another server's, or cannot be had.
    pub(crate) async fn start(
        Built { host, keyring }: Built,
        settings: &HostSettings,
        socket: Option<&agent::Socket>,
        (followed, beside): (&str, impl Followed + 'static),
    ) -> Result<Self> {
        let (files, asked) = reload::channel();
        let vitals = Vitals::default();
        let mut living = JoinSet::new();
        let follower = reload::Follower::new(keyring, beside, asked);
        living.spawn(reload::follow(follower, vitals.task(followed)));
        let agent = socket.map(|socket| socket.listen(&host, settings.state_dir.as_deref())).transpose()?.map(Arc::new);
        let health = Health::new(Arc::clone(&host), agent.as_ref(), vitals);
        let reload = Reload::new(&host, settings.policies.is_some(), files);
        // Last: whoever waits for the socket finds a server behind it.
        let admin = Admin::bind(
            settings.admin,
            &settings.admin_hosts,
            Page::new(settings.admin_recent),
            settings.state_dir.as_deref(),
        )
        .await?;
        Ok(Self { host, agent, living, phased: Phased::new(), health, reload, admin })
    }

    /// The host behind it.
    pub(crate) fn host(&self) -> &Host {
        &self.host
    }

    /// Whether it does what it seems to.
    pub(crate) fn health(&self) -> Health {
        self.health.clone()
    }

    /// A way to have policies and files looked at while it runs.
    pub(crate) fn reload(&self) -> Reload {
        self.reload.clone()
    }

    /// How it ends, for those that serve with it.
    pub(crate) fn phases(&self) -> Phases {
        self.phased.watch()
    }

    /// Where `--admin` is.
    pub(crate) fn admin_address(&self) -> Option<SocketAddr> {
        self.admin.address()
    }

    /// Its tasks, for a test that ends one.
    #[cfg(test)]
    pub(crate) fn living(&mut self) -> &mut JoinSet<()> {
        &mut self.living
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

    /// Serves until `stop` is ready, then lets those that are `accepting` finish what they have, until that takes longer than
    /// `drain` or `hurry` is ready; then lets the stores write what they have, until that takes too long or `hurry` is ready.
    /// `held` is what holds the host beside this. Whether the stores are done.
    ///
    /// # Errors
    /// A task without which it cannot serve has ended for good.
    pub(crate) async fn run<T: Send + 'static>(
        self,
        (mut accepting, drain, held): (JoinSet<()>, Duration, T),
        stop: impl Future<Output = ()>,
        hurry: impl Future<Output = ()>,
    ) -> Result<bool> {
        let Self { host, agent, mut living, phased, health, reload, admin } = self;
        drop(reload);
        let mut asked = admin.serve(&health, &phased.watch()).unwrap_or_else(|error| {
            tracing::warn!("`reprise status` cannot reach this server: {error:#}");
            JoinSet::new()
        });
        let fallen = tokio::select! {
            () = stop => None,
            Some(_) = accepting.join_next() => Some("accepts connections"),
            Some(_) = living.join_next() => Some("follows files"),
            Some(_) = asked.join_next() => Some("answers operators"),
        };
        let mut hurry = pin!(hurry);
        let mut hurried = fallen.is_some();
        if fallen.is_none() {
            if accepting.is_empty() {
                tracing::info!("stopping");
            } else {
                tracing::info!("stopping: connections have {drain:?} to finish");
            }
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
        // Modules ask until the end: what is left without them waits for nobody. It holds the host, and goes first. Then the last
        // that hold the host, unless one of their threads is held up by a file system.
        let gone = ending::part((agent, held, health, host), hurried, hurry).await;
        match fallen {
            Some(what) => {
                Err(anyhow!("the task that {what} has ended, which is a bug of Reprise: the server ends with it"))
            }
            None => Ok(gone),
        }
    }
}

fn builder(settings: &HostSettings, keyring: Option<Arc<Keyring>>) -> Result<HostBuilder> {
    let mut host = stores::open(Host::builder(), settings)?
        .namespace(&settings.namespace)
        .store_deadline(settings.store_deadline)
        .copy_age(settings.copy_age)
        .policy_budget(settings.policy_budget)
        .supervision(settings.supervision.clone())
        .compiler(settings.compiler.clone())
        .lifetime(settings.lifetime)
        .max_lifetime(settings.max_lifetime)
        .max_entry(settings.max_session_size)
        .strict_policies(settings.strict)
        .recent(settings.recent.0)
        .recent_clients(settings.recent.1);
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
    Ok(host)
}
