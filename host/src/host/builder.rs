//! How a host is made.

use std::{
    path::PathBuf,
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};

use reprise_openssl::{Handler, process};
use reprise_policy::{
    policies_dir::DirOptions,
    policy::{Compiler, RuntimeOptions, SupervisionOptions},
    signing::PolicyKeys,
};
use reprise_session::{
    clock::{self, Clock},
    session::Keyring,
};
use reprise_store::store::{Memory, Scope, Store, Tiers, TiersError, guard::Guard, sealed::Sealed};

use super::{BuildError, Host, Inner};
use crate::{
    handshake::{Answers, Limits, Resources},
    living::Slot,
    recent::{self, Clients},
};

/// What stands between OpenSSL's callbacks and hosts.
type Between = fn(Arc<dyn Handler>) -> Arc<dyn Handler>;

static BETWEEN: OnceLock<Between> = OnceLock::new();

/// For tests: has this stand between OpenSSL's callbacks and every host that is made from now on.
pub fn stand_between(between: Between) {
    BETWEEN.set(between).expect("it is said once");
}

/// How a host is made. Every default is one that a server can start with.
pub struct HostBuilder {
    policies: Option<PathBuf>,
    dir: DirOptions,
    runtime: RuntimeOptions,
    stores: Vec<Arc<dyn Store>>,
    copy_age: Duration,
    limits: Limits,
    recent: recent::Options,
    keyring: Option<Arc<Keyring>>,
    namespace: String,
    clock: Clock,
}

impl Default for HostBuilder {
    fn default() -> Self {
        let runtime = RuntimeOptions::default();
        let limits = Limits {
            lifetime: 2 * 60 * 60,
            max_lifetime: 24 * 60 * 60,
            tickets: 1,
            max_entry: 16 * 1024,
            policy_budget: runtime.budget,
            store_deadline: Duration::from_millis(20),
        };
        Self {
            policies: None,
            dir: DirOptions::default(),
            runtime,
            stores: Vec::new(),
            copy_age: Duration::from_secs(30),
            limits,
            recent: recent::Options::default(),
            keyring: None,
            namespace: "reprise".into(),
            clock: Arc::new(clock::now),
        }
    }
}

impl HostBuilder {
    /// The directory of policies: `NAME.wasm`, and `NAME.toml` beside it. It is watched from then on. Default: none, and the
    /// defaults below decide.
    pub fn policies(mut self, dir: impl Into<PathBuf>) -> Self {
        self.policies = Some(dir.into());
        self
    }

    /// How the directory is watched. Does not take back [`HostBuilder::policy_keys`] and [`HostBuilder::strict_policies`].
    pub fn policies_dir_options(mut self, options: DirOptions) -> Self {
        let (keys, strict) = (self.dir.keys.take(), self.dir.strict);
        self.dir = DirOptions { keys: options.keys.clone().or(keys), strict: options.strict || strict, ..options };
        self
    }

    /// The keys one of which must have signed a policy for it to go live. Default: none are asked for. Part of
    /// [`DirOptions`], as is the next.
    pub fn policy_keys(mut self, keys: PolicyKeys) -> Self {
        self.dir.keys = Some(keys);
        self
    }

    /// Whether policies that others than their owner may write are refused, rather than warned of. Default: no.
    pub fn strict_policies(mut self, strict: bool) -> Self {
        self.dir.strict = strict;
        self
    }

    /// A directory that is this user's alone, for compiled policies, so that a restart does not compile them again. Default: none.
    /// Part of [`RuntimeOptions`].
    pub fn compiled_policies(mut self, dir: impl Into<PathBuf>) -> Self {
        self.runtime.cache = Some(dir.into());
        self
    }

    /// Bounds of the policies' sandboxes. Does not take back [`HostBuilder::compiled_policies`].
    pub fn runtime_options(mut self, options: RuntimeOptions) -> Self {
        self.limits.policy_budget = options.budget;
        let cache = self.runtime.cache.take();
        self.runtime = RuntimeOptions { cache: options.cache.clone().or(cache), ..options };
        self
    }

    /// Where policies are compiled. Default: in this process. Part of [`RuntimeOptions`], as are the next two.
    pub fn compiler(mut self, compiler: Compiler) -> Self {
        self.runtime.compiler = compiler;
        self
    }

    /// Bytes of memory that compiling a policy may take, where that is a process of its own. Default: 2 GiB.
    pub fn compile_memory(mut self, bytes: usize) -> Self {
        self.runtime.compile_memory = bytes;
        self
    }

    /// Bytes that the linear memories of all policies may take together ([`RuntimeOptions::memory_of_all`]). Default: 512 MiB, and 64 MiB
    /// for each core.
    pub fn policy_memory(mut self, bytes: usize) -> Self {
        self.runtime.memory_of_all = bytes;
        self
    }

    /// When a policy that misbehaves is set aside, and when it is tried again.
    pub fn supervision(mut self, options: SupervisionOptions) -> Self {
        self.runtime.supervision = options;
        self
    }

    /// What all policies together may take of one handshake. A policy that takes longer counts as objecting. Default: 20 ms,
    /// a hundred times what a hundred calls need, and less than a client notices.
    pub fn policy_budget(mut self, budget: Duration) -> Self {
        self.limits.policy_budget = budget;
        self.runtime.budget = budget;
        self
    }

    /// Where sessions are kept. Default: 64 MiB of this process's memory. Given several times, the stores are tiers, the nearest
    /// first: memory, then disk, then what the fleet shares. A session is looked up in each in turn, and kept as far as its reach
    /// goes ([`Tiers`]).
    pub fn store(mut self, store: impl Store) -> Self {
        self.stores.push(Arc::new(store));
        self
    }

    /// While a shared store cannot be reached, sessions that the stores in front of it were handed longer ago than this do not
    /// resume: they may have been revoked meanwhile. In whole seconds. Default: 30 s.
    pub fn copy_age(mut self, age: Duration) -> Self {
        self.copy_age = age;
        self
    }

    /// How long a session resumes where no policy has an opinion, in whole seconds. Default: 2 hours, OpenSSL's own.
    pub fn lifetime(mut self, lifetime: Duration) -> Self {
        self.limits.lifetime = lifetime.as_secs();
        self
    }

    /// How long after a full handshake anything that descends from it may resume, in whole seconds, whatever policies say.
    /// Default: 24 hours. RFC 8446 section 4.6.1 allows a ticket 7 days.
    pub fn max_lifetime(mut self, lifetime: Duration) -> Self {
        self.limits.max_lifetime = lifetime.as_secs();
        self
    }

    /// How many TLS 1.3 tickets a full handshake gives. Default: 1. More help clients that open several connections at once
    /// and use each ticket once, and each takes room in the store.
    pub fn tickets(mut self, tickets: usize) -> Self {
        self.limits.tickets = tickets;
        self
    }

    /// The most bytes that an encoded session may take; a larger one, with a huge client certificate, is not kept. Default:
    /// 16 KiB.
    pub fn max_entry(mut self, bytes: usize) -> Self {
        self.limits.max_entry = bytes;
        self
    }

    /// How long look-ups in a remote store may hold a handshake, all together; then they are misses. Default: 20 ms. The memory store answers
    /// at once.
    pub fn store_deadline(mut self, deadline: Duration) -> Self {
        self.limits.store_deadline = deadline;
        self
    }

    /// How many handshakes are kept, the last ones, for [`Host::recent`] to tell why one did not resume. Each takes 8 KiB at the most,
    /// mostly less than 1 KiB, and up to 1 µs of the handshake. Default: 0, none.
    pub fn recent(mut self, handshakes: usize) -> Self {
        self.recent.handshakes = handshakes;
        self
    }

    /// What of clients' addresses is kept with them. Default: all.
    pub fn recent_clients(mut self, clients: Clients) -> Self {
        self.recent.clients = clients;
        self
    }

    /// The keys that session ids are made with, and that seal what leaves this process. Nodes that share a store share them.
    /// Default: a random key, good for this process; enough for stores in its memory, and no other store is taken with it.
    pub fn keyring(mut self, keyring: impl Into<Arc<Keyring>>) -> Self {
        self.keyring = Some(keyring.into());
        self
    }

    /// The name of what shares sessions. What is sealed in one namespace opens in no other, so that fleets which have a keyring in
    /// common have no sessions in common. Default: `reprise`.
    pub fn namespace(mut self, name: impl Into<String>) -> Self {
        self.namespace = name.into();
        self
    }

    /// The clock that lifetimes go by, in seconds since the Unix epoch. Default: the system's. For simulations and tests.
    ///
    /// While it is behind what it said before, time goes on from there: a clock that is set back prolongs nothing.
    pub fn clock(mut self, clock: impl Fn() -> u64 + Send + Sync + 'static) -> Self {
        self.clock = Arc::new(clock::following(clock));
        self
    }

    /// Makes the engine, loads the policies, starts watching. When it returns, every good policy in the directory is live.
    ///
    /// # Errors
    /// The directory does not exist, a bound makes no sense, or there is no memory for the engine. A bad policy is no error:
    /// it is rejected, and the log says why.
    pub fn build(self) -> Result<Host, BuildError> {
        let Limits { lifetime, max_lifetime, tickets, .. } = self.limits;
        match () {
            () if max_lifetime == 0 => return Err(BuildError::NoMaxLifetime),
            () if lifetime == 0 => return Err(BuildError::NoLifetime),
            () if lifetime > max_lifetime => return Err(BuildError::LifetimeTooLong { lifetime, max_lifetime }),
            () if tickets > 16 => return Err(BuildError::TooManyTickets(tickets)),
            () => {}
        }
        let shared = self.stores.iter().any(|store| store.scope() != Scope::Process);
        let keyring = match self.keyring {
            Some(keyring) => keyring,
            None if shared => return Err(BuildError::NoKeyring),
            None => Arc::new(Keyring::random().map_err(BuildError::Random)?),
        };
        let seal = |store: Arc<dyn Store>| -> Arc<dyn Store> {
            match store.scope() {
                Scope::Process => store,
                Scope::Node | Scope::Fleet => {
                    let sealed = Sealed::new(store, keyring.clone(), &self.namespace, self.clock.clone());
                    Arc::new(Guard::new(Arc::new(sealed), self.limits.store_deadline))
                }
            }
        };
        process::watch_forks();
        let store = store(self.stores.into_iter().map(seal).collect(), self.copy_age)?;
        let (policies, dir, runtime) = (self.policies, self.dir, self.runtime);
        let living = |work| Slot::new(policies, dir, runtime, work);
        let resources = Resources::new((self.limits, self.recent), keyring, store, self.clock, living);
        resources.living.revive()?;
        let between = BETWEEN.get().copied().unwrap_or(|handler| handler);
        let handler = between(Arc::new(Answers::by(&resources)));
        let inner = Inner { handler, resources, since: clock::time(), made: Instant::now() };
        Ok(Host { inner: Arc::new(inner) })
    }
}

/// All stores as one.
fn store(mut stores: Vec<Arc<dyn Store>>, copy_age: Duration) -> Result<Arc<dyn Store>, TiersError> {
    if stores.len() > 1 {
        return Ok(Arc::new(Tiers::new(stores, copy_age)?));
    }
    Ok(stores.pop().unwrap_or_else(|| Arc::new(Memory::default())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_makes_policies_trusted_is_not_taken_back_by_other_options() {
        let keys = minisign::KeyPair::generate_unencrypted_keypair().unwrap().pk.to_box().unwrap().into_string();
        let builder = HostBuilder::default()
            .policy_keys(PolicyKeys::parse(&keys, "keys".as_ref()).unwrap())
            .strict_policies(true)
            .compiled_policies("/compiled")
            .policies_dir_options(DirOptions::default())
            .runtime_options(RuntimeOptions::default());
        assert!(builder.dir.keys.is_some() && builder.dir.strict && builder.runtime.cache.is_some());
    }
}
