//! From candidates to policies, several at once.

use std::{
    num::NonZeroUsize,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use super::ContentHash;

/// A module that may become live.
pub(super) struct Candidate {
    pub file: String,
    pub name: String,
    /// The generation it will be, if it goes live.
    pub generation: u64,
    pub hash: ContentHash,
    pub module: Vec<u8>,
    pub manifest: Option<String>,
}

/// What the directory needs of the policy runtime. The directory's own tests put a simple one in its place, so that they can
/// say when a module is good.
pub(super) trait Loader: Send + Sync + 'static {
    type Policy: Send + Sync + 'static;

    /// Everything between a module's bytes and a policy that answers: compile, check, configure, probe.
    ///
    /// # Errors
    /// Why not, ending in what to do.
    fn load(&self, candidate: &Candidate) -> Result<Arc<Self::Policy>, String>;

    /// Puts these policies in force, in this order, in one step.
    fn put_in_force(&self, policies: Vec<Arc<Self::Policy>>);

    /// The policy is in force no more: calls that run may end, its idle instances go.
    fn retire(&self, policy: &Arc<Self::Policy>);
}

type Outcome<L> = Result<Arc<<L as Loader>::Policy>, String>;

/// Loads every candidate, at most `threads` at once, and gives each back with its outcome, in the order they came.
pub(super) fn load_all<L: Loader>(
    loader: &L,
    candidates: Vec<Candidate>,
    threads: NonZeroUsize,
) -> Vec<(Candidate, Outcome<L>)> {
    let slots: Vec<_> = candidates.into_iter().map(|candidate| (candidate, OnceLock::new())).collect();
    let next = AtomicUsize::new(0);
    let work = || {
        while let Some((candidate, slot)) = slots.get(next.fetch_add(1, Ordering::Relaxed)) {
            let outcome = catch_unwind(AssertUnwindSafe(|| loader.load(candidate))).unwrap_or_else(|_| Err(panicked()));
            // Each slot is given out once.
            let _ = slot.set(outcome);
        }
    };
    thread::scope(|scope| {
        // The calling thread is one of them: it serves no handshakes.
        for _ in 1..threads.get().min(slots.len()) {
            // Where no thread is to be had, fewer do all the work.
            let _ = thread::Builder::new().name("reprise-compile".into()).spawn_scoped(scope, work);
        }
        work();
    });
    slots
        .into_iter()
        .map(|(candidate, slot)| (candidate, slot.into_inner().unwrap_or_else(|| Err(panicked()))))
        .collect()
}

fn panicked() -> String {
    "loading it panicked: report this as a bug in Reprise, with the file".into()
}
