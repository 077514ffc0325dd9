//! The runtime: everything that policies share.

use std::{collections::HashMap, fmt, path::Path, sync::Arc};

use anyhow::{Context, anyhow};
use openssl::sha::Sha256;
use parking_lot::Mutex;
use thread_priority::{ThreadPriority, set_current_thread_priority};
use wasmtime::{
    Engine,
    component::{Component, Linker},
};

use super::{
    Manifest, Mode, Policy, Rejection, RuntimeOptions, Step, bounds,
    compiled::Cache,
    componentize,
    contract::{self, Mismatch},
    engine::engine,
    instance::{Blueprint, StartError},
    last_words::LastWords,
    loaded::Terms,
    observe::one_line,
    options::cores,
    probe::{ProbeError, probe},
    sandbox::{Label, NodeMemory, Sandbox, linker},
    shadow::Shadow,
    ticker::Ticker,
    upkeep::{Upkeep, Work},
};
use crate::vital::{Vital, Vitals};

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
    pub(super) work: Arc<Work>,
    vitals: Vitals,
    shadow: Shadow,
    // Dropped in this order: upkeep may be in a call that only the ticker ends.
    upkeep: Upkeep,
    _ticker: Ticker,
    engine: Engine,
}

impl Runtime {
    /// A runtime with these limits.
    ///
    /// # Errors
    /// The engine does not work on this machine, or no thread can be started.
    pub fn new(options: RuntimeOptions) -> anyhow::Result<Self> {
        let options = options.within_reason();
        let engine = engine(&options).map_err(|error| anyhow!("wasmtime does not work on this machine: {error:#}"))?;
        let linker = linker(&engine).map_err(|error| anyhow!("the imports of policies do not link: {error:#}"))?;
        let vitals = Vitals::default();
        let ticker = Ticker::start(engine.clone(), &vitals).context("no thread for the policies' clock")?;
        let upkeep = Upkeep::start(&vitals).context("no thread for the policies' upkeep")?;
        let work = upkeep.work();
        let cache = options.cache.as_ref().and_then(|dir| {
            let opened = Cache::open(dir, options.cache_bytes);
            opened.inspect_err(|reason| tracing::warn!("compiled policies are not kept: {reason}")).ok()
        });
        let (memories, compiling) = (Mutex::default(), Default::default());
        let shadow = Shadow::start(options.supervision.shadow_queue, options.budget, &vitals)
            .context("no thread for policies in shadow mode")?;
        let shared = Shared {
            options,
            linker,
            cache,
            memories,
            compiling,
            work,
            vitals,
            shadow,
            upkeep,
            _ticker: ticker,
            engine,
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// The limits it was made with.
    pub fn options(&self) -> &RuntimeOptions {
        &self.shared.options
    }

    /// How its threads are doing.
    pub(crate) fn vitals(&self) -> Vec<Vital> {
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

        let not_one = |mismatch| candidate.rejected(Step::Componentize, mismatch);
        let too_much = |mismatch| candidate.rejected(Step::Compile, mismatch);
        let binary = componentize::binary(module).map_err(not_one)?;
        let mut begins_with = bounds::check(&binary).map_err(too_much)?;
        let component = match componentize::component(&binary).map_err(not_one)? {
            None => binary,
            Some(made) => {
                // With what was linked to it.
                begins_with = bounds::check(&made).map_err(too_much)?;
                made.into()
            }
        };
        contract::foresee(&component).map_err(|mismatch| candidate.rejected(Step::Link, mismatch))?;
        let component =
            shared.compile(&component).map_err(|error| candidate.rejected(Step::Compile, invalid(&error)))?;
        let linked = contract::link(&shared.engine, &shared.linker, &component, name)
            .map_err(|mismatch| candidate.rejected(Step::Link, mismatch))?;

        let mut blueprint = Blueprint::new(linked, label, options);
        blueprint.settings.clone_from(&manifest.settings);
        blueprint.attributes.clone_from(&manifest.attributes);
        blueprint.memory = manifest.memory.unwrap_or_else(|| options.memory_of(begins_with));

        // On scratch state: a probe leaves nothing behind.
        let mut probed =
            blueprint.start_cold(Arc::default()).map_err(|error| candidate.did_not_start(&blueprint, &error))?;
        probe(&mut probed, &manifest.attributes, options.start).map_err(|error| candidate.failed_its_probe(&error))?;
        drop(probed);

        let memory = match manifest.mode {
            Mode::Enforce => shared.memory(name),
            // What it would have decided leaves no trace in what decides.
            Mode::Shadow => Arc::default(),
        };
        let instances = (0..manifest.instances.unwrap_or_else(|| options.instances_of(begins_with)))
            .map(|_| blueprint.start(Arc::clone(&memory)))
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| candidate.did_not_start(&blueprint, &error))?;
        let terms = Terms {
            hash: hash(module, manifest),
            mode: manifest.mode,
            share: manifest.share,
            on_failure: manifest.on_failure,
            attributes: manifest.attributes.clone(),
            budget: manifest.budget,
        };
        let policy = Policy::new(blueprint, terms, instances, memory, options.drain, Arc::clone(shared));
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

/// The priority of compiling threads, from 0 to 99: `nice 10`, which on a busy machine leaves handshakes nine tenths of a core
/// that both want, and a compilation the rest.
const COMPILE_PRIORITY: u8 = 22;

impl Shared {
    pub(super) fn options(&self) -> &RuntimeOptions {
        &self.options
    }

    pub(super) fn shadow(&self) -> &Shadow {
        &self.shadow
    }

    /// Takes the compiled code from the cache, if it is there. Else compiles, on all cores but one, and behind everybody else
    /// there, so that no handshake waits for it; the threads are there for this compilation only.
    fn compile(&self, component: &[u8]) -> wasmtime::Result<Component> {
        if let Some(compiled) = self.cache.as_ref().and_then(|cache| cache.load(&self.engine, component)) {
            return Ok(compiled);
        }
        let _turn = self.compiling[0].try_lock().unwrap_or_else(|| self.compiling[1].lock());
        let threads = rayon::ThreadPoolBuilder::new()
            .num_threads(cores().saturating_sub(1).max(1))
            .thread_name(|_| "reprise-compile".into())
            .start_handler(|_| step_back())
            .build()?;
        let compiled = threads.install(|| Component::from_binary(&self.engine, component))?;
        if let Some(cache) = &self.cache {
            cache.keep(&self.engine, component, &compiled);
        }
        Ok(compiled)
    }

    /// What the policies of this name remember, from its first module to the runtime's end.
    fn memory(&self, name: &str) -> Arc<NodeMemory> {
        Arc::clone(self.memories.lock().entry(name.into()).or_default())
    }
}

/// Lowers the priority of this thread.
fn step_back() {
    let lowered = COMPILE_PRIORITY.try_into().map(ThreadPriority::Crossplatform);
    let lowered = lowered.and_then(|low| set_current_thread_priority(low).map_err(|error| error.to_string()));
    if let Err(error) = lowered {
        tracing::debug!(error, "a compiling thread keeps its priority");
    }
}

impl Candidate<'_> {
    fn rejected(&self, step: Step, Mismatch { expected, found, hint }: Mismatch) -> Rejection {
        // Each may have the module's own words in it.
        let [expected, found, hint] = [expected, found, hint].map(|words| one_line(&words).into_owned());
        Rejection { file: self.file.into(), policy: self.name.into(), step, expected, found, hint: hint.into() }
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

fn invalid(error: &wasmtime::Error) -> Mismatch {
    Mismatch {
        expected: "a valid component".into(),
        found: format!("{error:#}"),
        hint: "Unless that names a limit, build it again: a file cut short looks like this. `wasm-tools validate FILE` says more."
            .into(),
    }
}
