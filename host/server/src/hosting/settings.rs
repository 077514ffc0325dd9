//! From the options of a host, as given or not, to settings that hold together.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use reprise::recent::Clients;
use reprise_policy::{
    policies_dir::exposed,
    policy::{Compiler, SupervisionOptions},
    signing::PolicyKeys,
};

use super::{options::HostOptions, stores::StoreKind};
use crate::state_dir;

/// What a host runs with, and what is around it.
#[derive(Clone, Debug)]
pub(crate) struct HostSettings {
    pub(crate) policies: Option<PathBuf>,
    pub(crate) policy_keys: Option<PolicyKeys>,
    pub(crate) strict: bool,
    /// Where compiled policies are kept.
    pub(crate) compiled: Option<PathBuf>,
    pub(crate) policy_budget: Duration,
    pub(crate) memory: PolicyMemory,
    /// Where policies are compiled: whoever runs the server says it.
    pub(crate) compiler: Compiler,
    pub(crate) supervision: SupervisionOptions,
    pub(crate) lifetime: Duration,
    pub(crate) max_lifetime: Duration,
    /// The nearest first; never empty.
    pub(crate) stores: Vec<StoreKind>,
    pub(crate) keyring: Option<PathBuf>,
    pub(crate) namespace: String,
    pub(crate) store_deadline: Duration,
    pub(crate) copy_age: Duration,
    pub(crate) max_session_size: usize,
    /// How many handshakes are kept to be explained, and what of their clients.
    pub(crate) recent: (usize, Clients),
    /// Where metrics and status are served.
    pub(crate) admin: Option<SocketAddr>,
    /// Whether recent handshakes are shown there.
    pub(crate) admin_recent: bool,
    /// Other names under which they are asked for there, in lower case.
    pub(crate) admin_hosts: Vec<String>,
    /// Where the socket of `reprise status` is, if it was said.
    pub(crate) state_dir: Option<PathBuf>,
}

/// What policies and their compilation may take, in bytes, where it was said.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PolicyMemory {
    pub(crate) of_all: Option<usize>,
    pub(crate) to_compile: Option<usize>,
}

impl HostSettings {
    /// The settings that `options` make, with a default for each that is not given.
    ///
    /// # Errors
    /// Options that contradict each other; the message says which and what to do.
    pub(crate) fn new(options: &HostOptions) -> Result<Self> {
        let settings = Self {
            policies: options.policies.clone(),
            policy_keys: policy_keys(options)?,
            strict: options.strict == Some(true),
            compiled: compiled(options),
            policy_budget: options.policy_budget().0,
            memory: PolicyMemory {
                of_all: options.policy_memory.map(|size| size.0),
                to_compile: options.compile_memory.map(|size| size.0),
            },
            compiler: Compiler::default(),
            supervision: supervision(options),
            lifetime: options.lifetime().0,
            max_lifetime: options.max_lifetime().0,
            stores: stores(options)?,
            namespace: options.namespace().0,
            keyring: options.keyring.clone(),
            store_deadline: options.store_deadline().0,
            copy_age: options.copy_age().0,
            max_session_size: options.max_session_size().0,
            recent: (options.recent().0, options.recent_clients().0),
            admin: options.admin.as_ref().map(|admin| admin.0),
            admin_recent: options.admin_recent == Some(true),
            admin_hosts: options.admin_host.iter().map(|name| name.0.clone()).collect(),
            state_dir: options.state_dir.clone(),
        };
        ensure!(
            settings.lifetime <= settings.max_lifetime || options.lifetime.is_none(),
            "--lifetime {:?} is longer than --max-lifetime {:?}: shorten the one or lengthen the other",
            settings.lifetime,
            settings.max_lifetime
        );
        ensure!(
            settings.admin.is_some() || settings.admin_hosts.is_empty(),
            "--admin-host is given, but nothing is served under that name: add --admin PORT"
        );
        if settings.admin_recent {
            recent_may_be_shown(&settings)?;
        }
        Ok(Self { lifetime: settings.lifetime.min(settings.max_lifetime), ..settings })
    }
}

/// Whether there is a place to show recent handshakes at, and something to show.
fn recent_may_be_shown(settings: &HostSettings) -> Result<()> {
    let Some(address) = settings.admin else {
        bail!("--admin-recent is given, but nothing is served that could show them: add --admin PORT");
    };
    ensure!(
        address.ip().is_loopback(),
        "--admin-recent: on {address} other machines would see who your clients are, without TLS or a password: give --admin a port \
         alone, and reach it from elsewhere by e.g. `ssh -L`"
    );
    ensure!(
        settings.recent.0 > 0,
        "--admin-recent: with --recent 0 there are no handshakes to show: leave out one of them"
    );
    Ok(())
}

fn supervision(options: &HostOptions) -> SupervisionOptions {
    SupervisionOptions {
        failures: u32::try_from(options.policy_failures().0).unwrap_or(u32::MAX),
        window: options.policy_failure_window().0,
        ..SupervisionOptions::default()
    }
}

/// The stores, the nearest first, and whether what is needed for them is there.
fn stores(options: &HostOptions) -> Result<Vec<StoreKind>> {
    if options.store.is_empty() {
        return Ok(vec![StoreKind::default()]);
    }
    ensure!(
        options.store.is_sorted_by(|nearer, further| nearer.distance() < further.distance()),
        "--store: the stores are in the wrong order, or one kind is given twice: write `memory`, `disk:…`, `redis…://…` in this order, \
         each at most once"
    );
    ensure!(
        options.keyring.is_some() || !options.store.iter().any(StoreKind::is_shared),
        "--store: others than this process can read what is kept there, and there are no keys to seal it with: make a keyring with \
         `reprise keys new FILE`, and give --keyring FILE, the same one to every server that shares the store"
    );
    Ok(options.store.clone())
}

fn policy_keys(options: &HostOptions) -> Result<Option<PolicyKeys>> {
    let Some(file) = &options.policy_keys else { return Ok(None) };
    ensure!(
        options.policies.is_some(),
        "--policy-keys {} is given, but no policies are loaded: add --policies DIR",
        file.display()
    );
    Ok(Some(read_policy_keys(file, options.strict == Some(true))?))
}

/// Where compiled policies are kept; where no state can be, nowhere.
fn compiled(options: &HostOptions) -> Option<PathBuf> {
    options.policies.as_ref()?;
    Some(state_dir::choose(options.state_dir.as_deref()).ok()?.join("compiled"))
}

/// The keys in `file`, which is as valuable as what they sign: with `strict` nobody else may write it.
pub(crate) fn read_policy_keys(file: &Path, strict: bool) -> Result<PolicyKeys> {
    match exposed(file) {
        Some(exposed) if strict => bail!("--policy-keys: {exposed}"),
        Some(exposed) => tracing::warn!("--policy-keys: {exposed}"),
        None => {}
    }
    PolicyKeys::read(file).context("--policy-keys")
}
