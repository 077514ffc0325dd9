//! From candidates to policies.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
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
    /// What is in `NAME.wasm.sig`, where there are policy keys to hold it against.
    pub signature: Option<Vec<u8>>,
}

/// What the directory needs of the policy runtime. The directory's own tests put a simple one in its place, so that they can
/// say when a module is good.
pub(super) trait Loader: Send + Sync + 'static {
    type Policy: Send + Sync + 'static;

    /// Everything between a module's bytes and a policy that answers: compile, check, configure, probe. Called for one candidate
    /// after another; the runtime compiles each on all cores but one, and more at once would leave none for handshakes.
    ///
    /// # Errors
    /// Why not, ending in what to do.
    fn load(&self, candidate: &Candidate) -> Result<Arc<Self::Policy>, String>;

    /// Puts these policies in force, in this order, in one step. Those `missing` should be too and cannot.
    fn put_in_force(&self, policies: Vec<Arc<Self::Policy>>, missing: Vec<Arc<str>>);

    /// The policy is in force no more: calls that run may end, its idle instances go.
    fn retire(&self, policy: &Arc<Self::Policy>);
}

/// Loads a candidate. A bug that a module sets off in the compiler is that module's trouble and no other's.
pub(super) fn load<L: Loader>(loader: &L, candidate: &Candidate) -> Result<Arc<L::Policy>, String> {
    catch_unwind(AssertUnwindSafe(|| loader.load(candidate)))
        .unwrap_or_else(|_| Err("loading it panicked: report this as a bug in Reprise, with the file".into()))
}
