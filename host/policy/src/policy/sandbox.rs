//! What an instance has around it: its limits, and what it may import.

use std::{
    fmt, mem,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use reprise_session::lock::Mutex;
use wasmtime::{
    Engine, ResourceLimiter, Store, UpdateDeadline,
    component::{HasSelf, Linker},
};

use super::{
    counts::PolicyCounts,
    engine::{CORE_INSTANCES, MEMORIES, TABLE_ELEMENTS, TABLES},
    last_words::LastWords,
    ledger::Share,
    observe::{Observations, one_line},
    state::State,
    ticker::ticks,
    wasi,
    wit::{observe, state},
};

/// Bytes that a policy may hand to the host in one call. Longer than any verdict or message that
/// makes sense, so that one too long by mistake is told from one meant to fill the host's memory.
const HOSTCALL_BYTES: usize = 256 << 10;

/// What a policy's instances share, and what outlives them and a reload: one for each name.
#[derive(Debug, Default)]
pub(super) struct NodeMemory {
    pub(super) state: Mutex<State>,
    pub(super) observations: Mutex<Observations>,
    pub(super) counts: PolicyCounts,
}

/// Which policy this is, as logs say it.
#[derive(Debug)]
pub(super) struct Label {
    pub(super) file: PathBuf,
    pub(super) name: Arc<str>,
    pub(super) generation: u64,
}

/// The host's side of one instance.
pub(super) struct Sandbox {
    label: Arc<Label>,
    memory: Arc<NodeMemory>,
    limits: Limits,
    /// What it imports from WASI, which is next to nothing.
    pub(super) wasi: wasi::Guest,
    said: LastWords,
    /// Its calls are made up.
    rehearses: bool,
    /// When the running call ends.
    deadline: Instant,
}

/// A store for one instance that may have `bytes` of linear memory, and takes `share` of what all
/// have together. It is not armed: nothing runs in it yet.
pub(super) fn store(
    engine: &Engine,
    label: Arc<Label>,
    memory: Arc<NodeMemory>,
    bytes: usize,
    share: Share,
) -> Store<Sandbox> {
    let limits = Limits { bytes: 0, max_bytes: bytes, elements: 0, refused: None, share };
    let (wasi, said) = Default::default();
    let mut store =
        Store::new(engine, Sandbox { label, memory, limits, wasi, said, rehearses: false, deadline: Instant::now() });
    store.limiter(|sandbox| &mut sandbox.limits);
    store.set_hostcall_fuel(HOSTCALL_BYTES);
    store.epoch_deadline_callback(|context| {
        let late = Instant::now() >= context.data().deadline;
        Ok(if late { UpdateDeadline::Interrupt } else { UpdateDeadline::Continue(1) })
    });
    store
}

/// Lets what runs next in `store` run for `allowed` from `start` on.
pub(super) fn arm(store: &mut Store<Sandbox>, start: Instant, allowed: Duration) {
    let sandbox = store.data_mut();
    sandbox.deadline = start + allowed;
    sandbox.said = LastWords::default();
    store.set_epoch_deadline(ticks(allowed));
}

/// Everything that a policy may import, but for WASI, of which each component has what it imports.
pub(super) fn linker(engine: &Engine) -> wasmtime::Result<Linker<Sandbox>> {
    let mut linker = Linker::new(engine);
    state::add_to_linker::<_, HasSelf<Sandbox>>(&mut linker, |sandbox| sandbox)?;
    observe::add_to_linker::<_, HasSelf<Sandbox>>(&mut linker, |sandbox| sandbox)?;
    Ok(linker)
}

impl Sandbox {
    /// Bytes of linear memory in use.
    pub(super) fn memory_used(&self) -> usize {
        self.limits.bytes
    }

    /// What it said in the last call of what went wrong there, and what it was refused.
    pub(super) fn last_words(&mut self) -> LastWords {
        self.print_the_rest();
        let refused = self.limits.refused.take();
        let mut said = mem::take(&mut self.said);
        said.refused = refused.map(|wanted| (wanted, self.limits.max_bytes));
        said
    }

    /// Its share of what all take, for the instance that comes in its place.
    pub(super) fn take_share(&mut self) -> Share {
        self.limits.share.take()
    }

    /// Whether the memories of all policies have come to more than they are to.
    pub(super) fn memory_is_short(&self) -> bool {
        self.limits.share.ledger().is_exceeded()
    }

    /// Bytes of linear memory that it may have.
    pub(super) fn memory_allowed(&self) -> usize {
        self.limits.max_bytes
    }

    /// From here on it says nothing and remembers in something else. What it remembers in, to be given back.
    pub(super) fn begin_rehearsal(&mut self) -> Arc<NodeMemory> {
        self.rehearses = true;
        mem::take(&mut self.memory)
    }

    pub(super) fn end_rehearsal(&mut self, memory: Arc<NodeMemory>) {
        self.print_the_rest();
        self.rehearses = false;
        self.memory = memory;
    }

    /// Writes a line to the log under the policy's name, if it has not had its share of them.
    pub(super) fn say(&mut self, level: observe::Level, message: &str) {
        if matches!(level, observe::Level::Warn | observe::Level::Error) {
            self.said.add(message);
        }
        if self.rehearses || !self.memory.observations.lock().admit_message(Instant::now()) {
            return;
        }
        // A line that begins with a policy's own words could be taken for one of the host's.
        let (policy, message) = (&self.label, one_line(message));
        match level {
            observe::Level::Debug => tracing::debug!(%policy, "policy says: {message}"),
            observe::Level::Info => tracing::info!(%policy, "policy says: {message}"),
            observe::Level::Warn => tracing::warn!(%policy, "policy says: {message}"),
            observe::Level::Error => tracing::error!(%policy, "policy says: {message}"),
        }
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.print_the_rest();
    }
}

impl state::Host for Sandbox {
    fn get(&mut self, key: String) -> Option<Vec<u8>> {
        self.memory.state.lock().get(Instant::now(), &key)
    }

    fn set(&mut self, key: String, value: Vec<u8>, ttl: u32) -> Result<(), state::Error> {
        self.memory.state.lock().set(Instant::now(), key, value, ttl)
    }

    fn increment(&mut self, key: String, by: i64, ttl: u32) -> Result<i64, state::Error> {
        self.memory.state.lock().increment(Instant::now(), key, by, ttl)
    }

    fn delete(&mut self, key: String) -> bool {
        self.memory.state.lock().delete(Instant::now(), &key)
    }
}

impl observe::Host for Sandbox {
    fn log(&mut self, level: observe::Level, message: String) {
        self.say(level, &message);
    }

    fn count(&mut self, name: String, by: u64) {
        self.memory.observations.lock().count(name, by);
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (generation {}, {})", self.name, self.generation, self.file.display())
    }
}

/// What an instance may take. wasmtime's own `StoreLimits` caps each memory; this caps all of them together.
struct Limits {
    bytes: usize,
    max_bytes: usize,
    elements: usize,
    /// Bytes that it wanted last, with what it has, where that was too much.
    refused: Option<usize>,
    /// Of what all instances take.
    share: Share,
}

impl ResourceLimiter for Limits {
    fn memory_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        let bytes = self.bytes.saturating_add(desired.saturating_sub(current));
        let granted = bytes <= self.max_bytes && maximum.is_none_or(|maximum| desired <= maximum);
        if granted {
            self.bytes = bytes;
            self.share.cover(bytes);
        } else if bytes > self.max_bytes {
            self.refused = Some(bytes);
        }
        Ok(granted)
    }

    fn table_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        let elements = self.elements.saturating_add(desired.saturating_sub(current));
        let granted = elements <= TABLE_ELEMENTS && maximum.is_none_or(|maximum| desired <= maximum);
        if granted {
            self.elements = elements;
        }
        Ok(granted)
    }

    fn instances(&self) -> usize {
        CORE_INSTANCES as usize
    }

    fn tables(&self) -> usize {
        TABLES as usize
    }

    fn memories(&self) -> usize {
        MEMORIES as usize
    }
}
