//! The runtime: everything that policies share.

use std::{
    collections::HashMap,
    error::Error,
    fmt, io,
    path::Path,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use openssl::sha::Sha256;
use reprise_session::lock::Mutex;
use reprise_session::vital::{Vital, Vitals};
use wasmtime::{
    Engine,
    component::{Component, Linker},
};

use super::{
    Manifest, Mode, Policy, Rejection, RuntimeOptions, Step,
    compiled::Cache,
    compiling::{self, Failed},
    contract::{self, Mismatch},
    engine::{self, Layout},
    instance::{Blueprint, StartError},
    last_words::LastWords,
    ledger::{Ledger, Share},
    loaded::Terms,
    observe::one_line,
    probe::{ProbeError, probe},
    sandbox::{Label, NodeMemory, Sandbox, linker},
    shadow::Shadow,
    ticker::Ticker,
    upkeep::{Upkeep, Work},
};

/// What is to become a policy.
#[derive(Clone, Copy, Debug)]
pub struct Candidate<'a> {
    /// The module's file, as shown to the operator.
    pub file: &'a Path,
    /// The policy's name: the file's stem without its number.
    pub name: &'a str,
    /// Counts the modules that went live under this name, from 1.
    pub generation: u64,
    /// The module's bytes.
    pub module: &'a [u8],
    /// What its NAME.toml says.
    pub manifest: &'a Manifest,
}

/// Everything that policies share: the engine, what they may import, the threads that watch them, and each name's memory.
/// A clone is the same runtime. Its threads end when the last clone and the last of its policies are dropped.
///
/// Threads do not survive a `fork`: in the child, make a new runtime and leak this one (`std::mem::forget`).
#[derive(Clone)]
pub struct Runtime {
    shared: Arc<Shared>,
}

/// What a runtime's clones and policies hold together.
pub(super) struct Shared {
    options: RuntimeOptions,
    linker: Linker<Sandbox>,
    cache: Option<Cache>,
    memories: Mutex<HashMap<String, Arc<NodeMemory>>>,
    /// One of them is held while compiling: a module that takes long leaves the others their turn, and however many there
    /// are, what compiling takes is bounded.
    compiling: [Mutex<()>; 2],
    ledger: Arc<Ledger>,
    pub(super) work: Arc<Work>,
    vitals: Vitals,
    shadow: Shadow,
    // Dropped in this order: upkeep may be in a call that only the ticker ends.
    upkeep: Upkeep,
    _ticker: Ticker,
    engine: Engine,
    layout: Layout,
}

/// A runtime that cannot be.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RuntimeError {
    /// There is no memory for it, or no support.
    #[error("wasmtime does not work on this machine")]
    Engine(#[source] Box<dyn Error + Send + Sync>),
    /// What policies import cannot be offered.
    #[error("the imports of policies do not link")]
    Imports(#[source] Box<dyn Error + Send + Sync>),
    /// No thread can be started.
    #[error("no thread for {whose}")]
    Thread {
        /// What it is for.
        whose: &'static str,
        /// What the operating system says.
        source: io::Error,
    },
}

/// How often a candidate looks whether there is room for it by now.
const ROOM: Duration = Duration::from_millis(20);
/// All instances of a candidate are to be made in so many times the time that one may take.
const STARTS: u32 = 5;

impl Runtime {
    /// A runtime with these limits.
    ///
    /// # Errors
    /// The engine does not work on this machine, or no thread can be started.
    pub fn new(options: RuntimeOptions) -> Result<Self, RuntimeError> {
        let options = options.within_reason();
        let (engine, layout) = engine::made(&options).map_err(|error| RuntimeError::Engine(error.into()))?;
        let linker = linker(&engine).map_err(|error| RuntimeError::Imports(error.into()))?;
        let no_thread = |whose| move |source| RuntimeError::Thread { whose, source };
        let vitals = Vitals::default();
        let ticker = Ticker::start(engine.clone(), &vitals).map_err(no_thread("the policies' clock"))?;
        let upkeep = Upkeep::start(&vitals).map_err(no_thread("the policies' upkeep"))?;
        let work = upkeep.work();
        let cache = options.cache.as_ref().and_then(|dir| {
            let opened = Cache::open(dir, options.cache_bytes);
            opened.inspect_err(|reason| tracing::warn!("compiled policies are not kept: {reason}")).ok()
        });
        let (memories, compiling) = (Mutex::default(), Default::default());
        let shadow = Shadow::start(options.supervision.shadow_queue, options.budget, &vitals)
            .map_err(no_thread("policies in shadow mode"))?;
        let ledger = Ledger::new(options.memory_of_all);
        let shared = Shared {
            options,
            linker,
            cache,
            memories,
            compiling,
            ledger,
            work,
            vitals,
            shadow,
            upkeep,
            _ticker: ticker,
            engine,
            layout,
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Bytes of linear memory that the instances of all policies take, and may take ([`RuntimeOptions::memory_of_all`]).
    pub fn memory(&self) -> (usize, usize) {
        (self.shared.ledger.taken(), self.shared.ledger.most())
    }

    /// The limits it was made with.
    pub fn options(&self) -> &RuntimeOptions {
        &self.shared.options
    }

    /// How its threads are doing.
    pub fn vitals(&self) -> Vec<Vital> {
        self.shared.vitals.list()
    }

    /// Has one of its threads panic.
    #[cfg(test)]
    pub(super) fn strike(&self, name: &str) {
        self.shared.vitals.strike(name);
    }

    /// Makes a policy of a candidate: makes a component of it if it is none, compiles it, holds its imports and exports against the interface, configures it, calls
    /// each callback once and warms its instances. Takes from milliseconds to seconds: never call it on a handshake's thread.
    ///
    /// # Errors
    /// The step at which it failed, and what to do.
    pub fn load(&self, candidate: Candidate<'_>) -> Result<Arc<Policy>, Rejection> {
        let Candidate { file, name, generation, module, manifest } = candidate;
        let shared = &self.shared;
        let options = &shared.options;
        let label = Label { file: file.into(), name: name.into(), generation };

        let (component, begins_with) =
            shared.compile(module).map_err(|Failed { step, mismatch }| candidate.rejected(step, mismatch))?;
        let linked = contract::link(&shared.engine, &shared.linker, &component, name)
            .map_err(|mismatch| candidate.rejected(Step::Link, mismatch))?;

        let mut blueprint = Blueprint::new(linked, label, options, Arc::clone(&shared.ledger));
        blueprint.settings.clone_from(&manifest.settings);
        blueprint.attributes.clone_from(&manifest.attributes);
        blueprint.memory = manifest.memory.unwrap_or_else(|| options.memory_of(begins_with));
        let wanted = manifest.instances.unwrap_or_else(|| options.instances_of(begins_with));

        // On scratch state: a probe leaves nothing behind.
        let share = shared.room(begins_with).ok_or_else(|| candidate.has_no_room(begins_with, &shared.ledger))?;
        let started = Instant::now();
        let mut probed =
            blueprint.start_cold(Arc::default(), share).map_err(|error| candidate.did_not_start(&blueprint, &error))?;
        blueprint.footprint = probed.memory_used();
        probe(&mut probed, &manifest.attributes, options.start).map_err(|error| candidate.failed_its_probe(&error))?;
        let mut first = Some(probed.take_share());
        drop(probed);

        let memory = match manifest.mode {
            Mode::Enforce => shared.memory(name),
            // What it would have decided leaves no trace in what decides.
            Mode::Shadow => Arc::default(),
        };
        let mut instances = Vec::new();
        while instances.len() < wanted {
            let Some(share) = first.take().or_else(|| blueprint.share()) else { break };
            let instance = blueprint.start(Arc::clone(&memory), share);
            instances.push(instance.map_err(|error| candidate.did_not_start(&blueprint, &error))?);
            if started.elapsed() > options.start.saturating_mul(STARTS) && instances.len() < wanted {
                return Err(candidate.starts_too_slowly(instances.len(), wanted, options.start * STARTS));
            }
        }
        if instances.len() < wanted {
            tracing::warn!(
                policy = name,
                "{} instances, not {wanted}: the memory of all policies, {} MiB, has no room for more",
                instances.len(),
                shared.ledger.most() >> 20
            );
        }
        let terms = Terms {
            hash: hash(module, manifest),
            mode: manifest.mode,
            share: manifest.share,
            on_failure: manifest.on_failure,
            attributes: manifest.attributes.clone(),
            budget: manifest.budget,
        };
        let policy = Policy::new(blueprint, terms, (wanted, instances), memory, options.drain, Arc::clone(shared));
        let policy = Arc::new(policy);
        shared.upkeep.adopt(&policy);
        Ok(policy)
    }
}

/// SHA-256 of the module and, after it, its settings: without settings, what `sha256sum` says of the module.
fn hash(module: &[u8], manifest: &Manifest) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(module);
    hash.update(manifest.source.as_bytes());
    hash.finish()
}

impl fmt::Debug for Runtime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Runtime").field("options", &self.shared.options).finish_non_exhaustive()
    }
}

impl Shared {
    pub(super) fn options(&self) -> &RuntimeOptions {
        &self.options
    }

    pub(super) fn shadow(&self) -> &Shadow {
        &self.shadow
    }

    /// Takes the compiled code of a module's file from the cache, if it is there; else compiles.
    fn compile(&self, file: &[u8]) -> Result<(Component, usize), Failed> {
        if let Some(compiled) = self.cache.as_ref().and_then(|cache| cache.load(&self.engine, file)) {
            return Ok(compiled);
        }
        let _turn = self.compiling[0].try_lock().unwrap_or_else(|| self.compiling[1].lock());
        let (component, begins_with, code) = compiling::compile(&self.engine, self.layout, &self.options, file)?;
        if let (Some(cache), Some(code)) = (&self.cache, code) {
            cache.keep(&self.engine, file, &code);
        }
        Ok((component, begins_with))
    }

    /// Room for the first instance of a candidate. Where there is none, policies give up instances that they can do without; where
    /// that is not enough, what is being retired is waited for.
    fn room(&self, bytes: usize) -> Option<Share> {
        if bytes > self.ledger.most() {
            return None;
        }
        let until = Instant::now() + self.options.drain + Duration::from_secs(1);
        loop {
            if let Some(share) = self.ledger.share(bytes) {
                return Some(share);
            }
            let policies = self.upkeep.policies();
            let richest = policies.iter().max_by_key(|policy| policy.spare_bytes());
            if richest.and_then(|policy| policy.spare()).is_some() {
                continue;
            }
            if Instant::now() >= until || !policies.iter().any(|policy| policy.is_draining()) {
                return None;
            }
            thread::sleep(ROOM);
        }
    }

    /// What the policies of this name remember, from its first module to the runtime's end.
    fn memory(&self, name: &str) -> Arc<NodeMemory> {
        Arc::clone(self.memories.lock().entry(name.into()).or_default())
    }
}

impl Candidate<'_> {
    fn rejected(&self, step: Step, Mismatch { expected, found, hint }: Mismatch) -> Rejection {
        // Each may have the module's own words in it.
        let [expected, found, hint] = [expected, found, hint].map(|words| one_line(&words).into_owned());
        Rejection { file: self.file.into(), policy: self.name.into(), step, expected, found, hint: hint.into() }
    }

    fn has_no_room(&self, begins_with: usize, ledger: &Ledger) -> Rejection {
        self.rejected(
            Step::Instantiate,
            Mismatch {
                expected: format!(
                    "room for one instance in the {} bytes that all policies' memories may take",
                    ledger.most()
                ),
                found: format!("{} bytes taken, and an instance that begins with {begins_with}", ledger.taken()),
                hint: "Raise --policy-memory, have the policy begin with less, or remove others.".into(),
            },
        )
    }

    fn starts_too_slowly(&self, made: usize, wanted: usize, allowed: Duration) -> Rejection {
        self.rejected(
            Step::Instantiate,
            Mismatch {
                expected: format!("{wanted} instances to start within {allowed:?}"),
                found: format!("{made} in that time"),
                hint: "Have it do less when it starts, or put fewer `instances` into its NAME.toml.".into(),
            },
        )
    }

    fn did_not_start(&self, blueprint: &Blueprint, error: &StartError) -> Rejection {
        let (step, expected, hint) = match error {
            StartError::Instantiate(fault) => (
                Step::Instantiate,
                "an instance within the limits",
                self.more_memory(&fault.words).unwrap_or_else(|| {
                    "Load fewer policies, or with fewer `instances`, if the pool is full; correct the policy if its own code \
                     failed."
                        .into()
                }),
            ),
            StartError::Export(interface, error) => {
                return self.rejected(Step::Link, contract::wrong_type(&blueprint.linked, interface, error));
            }
            StartError::Configure(fault) => (
                Step::Configure,
                "`configure` to return in time",
                self.more_memory(&fault.words).unwrap_or_else(|| {
                    "Correct the policy: a `configure` that has something against its settings returns an error.".into()
                }),
            ),
            StartError::Settings(_) => {
                (Step::Configure, "settings that the policy takes", "Correct [settings] in its NAME.toml.".into())
            }
        };
        self.rejected(step, Mismatch { expected: expected.into(), found: error.to_string(), hint })
    }

    /// What to do where memory was refused.
    fn more_memory(&self, words: &LastWords) -> Option<String> {
        let toml = self.file.with_extension("toml");
        let line = words.memory()?;
        Some(format!("If it needs that much, put `{line}` into {}.", toml.display()))
    }

    fn failed_its_probe(&self, ProbeError { callback, found, words }: &ProbeError) -> Rejection {
        let mismatch = Mismatch {
            expected: format!("a verdict of `{callback}` for made-up facts"),
            found: found.clone(),
            hint: self.more_memory(words).unwrap_or_else(|| {
                "Correct the policy: with these facts or with others like them, it would fail on every handshake."
                    .into()
            }),
        };
        self.rejected(Step::Probe, mismatch)
    }
}
