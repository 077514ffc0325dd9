//! One instance of a policy: made, configured, called, worn out.

use std::{
    fmt,
    hash::{BuildHasher, RandomState},
    sync::Arc,
    time::{Duration, Instant},
};

use wasmtime::{PoolConcurrencyLimitError, Store};

use super::{
    RuntimeOptions,
    contract::Linked,
    last_words::LastWords,
    ledger::{Ledger, Share},
    observe::one_line,
    probe::probe,
    sandbox::{self, Label, NodeMemory, Sandbox},
    wit::{
        exports::reprise::session_cache::{get_session, new_session, remove_session},
        types::{Connection, GetVerdict, NewVerdict, Removal, RemoveVerdict, Session},
    },
};

/// Everything that instances of one policy are made from.
pub(super) struct Blueprint {
    pub(super) linked: Linked,
    pub(super) label: Arc<Label>,
    pub(super) settings: Vec<(String, String)>,
    /// Names of the attributes that it is given.
    pub(super) attributes: Vec<String>,
    /// Bytes of linear memory.
    pub(super) memory: usize,
    /// Bytes of it that an instance has once it was made, as far as is known.
    pub(super) footprint: usize,
    /// What all policies' instances take.
    pub(super) ledger: Arc<Ledger>,
    pub(super) start: Duration,
    pub(super) max_age: Duration,
    pub(super) max_calls: u32,
}

/// Why an instance could not be made.
#[derive(Debug, thiserror::Error)]
pub(super) enum StartError {
    /// It could not be instantiated.
    #[error("{0}")]
    Instantiate(Fault),
    /// This export is not of the interface's type.
    #[error("`{0}` is of another type: {1:#}")]
    Export(&'static str, wasmtime::Error),
    /// `configure` trapped or took too long.
    #[error("{0}")]
    Configure(Fault),
    /// `configure` refused its settings, with this message.
    #[error("\"{}\"", one_line(.0))]
    Settings(String),
}

/// A call that failed, and what the policy said of it.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) error: wasmtime::Error,
    pub(super) words: LastWords,
}

/// One instance. Whatever call on it fails, it is not to be called again: a trap leaves it in a state nobody knows.
pub(super) struct Instance {
    store: Store<Sandbox>,
    new: Option<new_session::Guest>,
    get: Option<get_session::Guest>,
    remove: Option<remove_session::Guest>,
    calls_left: u32,
    good_until: Instant,
    /// Bytes of memory that it had when it was new, and at which it is replaced.
    fresh: usize,
    bloated: usize,
}

impl StartError {
    /// Whether the host could not make room for it, which is not the policy's failure.
    pub(super) fn is_the_hosts(&self) -> bool {
        matches!(self, Self::Instantiate(fault) if fault.error.is::<PoolConcurrencyLimitError>())
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words.explain(&self.error))
    }
}

impl Blueprint {
    pub(super) fn new(linked: Linked, label: Label, options: &RuntimeOptions, ledger: Arc<Ledger>) -> Self {
        Self {
            linked,
            label: Arc::new(label),
            settings: Vec::new(),
            attributes: Vec::new(),
            memory: options.memory,
            footprint: 0,
            ledger,
            start: options.start,
            max_age: options.max_age,
            max_calls: options.max_calls,
        }
    }

    /// Makes an instance that remembers in `memory` and has answered once: in the first call an
    /// interpreter does what it does only once, which takes ten times as long as a call, and no
    /// handshake is to wait for it. Never on a handshake's thread: it takes 0.2 ms, or what
    /// `configure` takes.
    pub(super) fn start(&self, memory: Arc<NodeMemory>, share: Share) -> Result<Instance, StartError> {
        let mut instance = self.start_cold(Arc::clone(&memory), share)?;
        if instance.rehearse(&self.attributes, self.start) {
            return Ok(instance);
        }
        // One that fails at it has not been shown to fail at anything real. It is judged by its calls.
        let share = instance.take_share();
        drop(instance);
        self.start_cold(memory, share)
    }

    /// Makes up to so many instances: the first in any case, the others as far as there is room for
    /// their memory. Whether all of them could be made is seen by their number.
    pub(super) fn start_several(&self, wanted: usize, memory: &Arc<NodeMemory>) -> Result<Vec<Instance>, StartError> {
        let mut instances = Vec::new();
        while instances.len() < wanted {
            let share = if instances.is_empty() { Some(self.share_anyway()) } else { self.share() };
            let Some(share) = share else { break };
            instances.push(self.start(Arc::clone(memory), share)?);
        }
        Ok(instances)
    }

    /// Room for one more instance, if there is any.
    pub(super) fn share(&self) -> Option<Share> {
        self.ledger.share(self.footprint)
    }

    /// Room for an instance that there has to be.
    pub(super) fn share_anyway(&self) -> Share {
        self.ledger.share_anyway(self.footprint)
    }

    /// Makes an instance that has not been called.
    pub(super) fn start_cold(&self, memory: Arc<NodeMemory>, share: Share) -> Result<Instance, StartError> {
        let linked = &self.linked;
        let engine = linked.pre.engine();
        let mut store = sandbox::store(engine, Arc::clone(&self.label), memory, self.memory, share);
        sandbox::arm(&mut store, Instant::now(), self.start);
        let instance = linked.pre.instantiate(&mut store);
        let instance = instance.map_err(|error| StartError::Instantiate(fault(&mut store, error)))?;

        let wrong = |interface| move |error| StartError::Export(interface, error);
        if let Some(indices) = &linked.settings {
            let guest = indices.load(&mut store, &instance).map_err(wrong("settings"))?;
            sandbox::arm(&mut store, Instant::now(), self.start);
            let configured = guest.call_configure(&mut store, &self.settings);
            configured
                .map_err(|error| StartError::Configure(fault(&mut store, error)))?
                .map_err(StartError::Settings)?;
        }
        let (new, get, remove) = (linked.new.as_ref(), linked.get.as_ref(), linked.remove.as_ref());
        let new = new.map(|indices| indices.load(&mut store, &instance)).transpose().map_err(wrong("new-session"))?;
        let get = get.map(|indices| indices.load(&mut store, &instance)).transpose().map_err(wrong("get-session"))?;
        let remove =
            remove.map(|indices| indices.load(&mut store, &instance)).transpose().map_err(wrong("remove-session"))?;

        let mut instance = Instance {
            new,
            get,
            remove,
            calls_left: random_from_half(self.max_calls.into()) as u32,
            good_until: Instant::now() + Duration::from_millis(random_from_half(self.max_age.as_millis() as u64)),
            fresh: 0,
            bloated: 0,
            store,
        };
        instance.settle();
        Ok(instance)
    }
}

impl Instance {
    /// Has it answer made-up facts, which leaves no trace but in its own memory. Whether it could.
    fn rehearse(&mut self, attributes: &[String], allowed: Duration) -> bool {
        let calls_left = self.calls_left;
        let memory = self.store.data_mut().begin_rehearsal();
        let answered = probe(self, attributes, allowed).is_ok();
        self.store.data_mut().end_rehearsal(memory);
        self.calls_left = calls_left;
        self.settle();
        answered
    }

    /// Takes the memory that it uses now for what it needs: it is replaced once half of the rest is gone.
    fn settle(&mut self) {
        let sandbox = self.store.data();
        let (used, most) = (sandbox.memory_used(), sandbox.memory_allowed());
        self.fresh = used;
        self.bloated = used + most.saturating_sub(used) / 2;
    }

    /// Bytes of memory that it uses.
    pub(super) fn memory_used(&self) -> usize {
        self.store.data().memory_used()
    }

    /// Its share of what all instances take, for the one that comes in its place.
    pub(super) fn take_share(&mut self) -> Share {
        self.store.data_mut().take_share()
    }

    /// Whether a fresh one would take less, where all policies take too much.
    pub(super) fn is_grown_too_far(&self) -> bool {
        let sandbox = self.store.data();
        sandbox.memory_used() > self.fresh && sandbox.memory_is_short()
    }

    /// Lets the next call run for `allowed` from `start` on.
    pub(super) fn arm(&mut self, start: Instant, allowed: Duration) {
        self.calls_left = self.calls_left.saturating_sub(1);
        sandbox::arm(&mut self.store, start, allowed);
    }

    /// `new-session`; none if it is not exported.
    pub(super) fn new_session(
        &mut self,
        connection: &Connection,
        session: &Session,
    ) -> Option<wasmtime::Result<NewVerdict>> {
        Some(self.new.as_ref()?.call_decide(&mut self.store, connection, session))
    }

    /// `get-session`; none if it is not exported.
    pub(super) fn get_session(
        &mut self,
        connection: &Connection,
        candidate: &Session,
    ) -> Option<wasmtime::Result<GetVerdict>> {
        Some(self.get.as_ref()?.call_decide(&mut self.store, connection, candidate))
    }

    /// `remove-session`; none if it is not exported.
    pub(super) fn remove_session(
        &mut self,
        id: &Vec<u8>,
        session: Option<&Session>,
        why: Removal,
    ) -> Option<wasmtime::Result<RemoveVerdict>> {
        Some(self.remove.as_ref()?.call_decide(&mut self.store, id, session, why))
    }

    /// What it said in the last call, if that failed.
    pub(super) fn last_words(&mut self) -> LastWords {
        self.store.data_mut().last_words()
    }

    /// Whether it has been called often enough, lived long enough, or grown large enough to be replaced.
    pub(super) fn is_worn(&self, now: Instant) -> bool {
        self.calls_left == 0 || now >= self.good_until || self.store.data().memory_used() > self.bloated
    }
}

fn fault(store: &mut Store<Sandbox>, error: wasmtime::Error) -> Fault {
    Fault { error, words: store.data_mut().last_words() }
}

/// A random number between half of `most` and all of it, so that what was made together does not go together.
fn random_from_half(most: u64) -> u64 {
    let half = most / 2;
    // A hasher's keys are the one source of randomness in std; nothing here needs a better one.
    most - RandomState::new().hash_one(most) % (half + 1)
}
