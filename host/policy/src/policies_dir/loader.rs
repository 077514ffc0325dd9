//! From candidates to policies.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use super::ContentHash;
use crate::{
    policy::{Alarm, Mode, PolicyStatus, ShadowCounts, SupervisionOptions, WindowCounts},
    signing::Signed,
};

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
    /// What that signature says, once it was found good.
    pub signed: Option<Signed>,
}

/// What the directory needs of the policy runtime. The directory's own tests put a simple one in
/// its place, so that they can say when a module is good.
pub(super) trait Loader: Send + Sync + 'static {
    type Policy: Vitals;

    /// How policies are supervised.
    fn supervision(&self) -> SupervisionOptions;

    /// Everything between a module's bytes and a policy that answers: compile, check, configure,
    /// probe. Called for several candidates at once; the runtime sees to it that compiling leaves
    /// handshakes what they need.
    ///
    /// # Errors
    /// Why not, ending in what to do.
    fn load(&self, candidate: &Candidate) -> Result<Arc<Self::Policy>, String>;

    /// Puts these policies in force, in this order, in one step. Those `missing` should be too and cannot.
    fn put_in_force(&self, policies: Vec<Arc<Self::Policy>>, missing: Vec<Arc<str>>);

    /// The policy is in force no more: calls that run may end, its idle instances go.
    fn retire(&self, policy: &Arc<Self::Policy>);

    /// Begins to supervise a policy: a misbehaviour keeps it from being called, and rings `alarm`.
    fn supervise(&self, policy: &Arc<Self::Policy>, alarm: Alarm);

    /// What the policy was set aside for, if it was.
    fn misbehaviour(&self, policy: &Arc<Self::Policy>) -> Option<String>;

    /// Keeps the policy from being called.
    fn set_aside(&self, policy: &Arc<Self::Policy>);

    /// Makes a policy that was set aside or retired fit to be called again, if it answers a probe.
    ///
    /// # Errors
    /// Why it cannot be.
    fn take_back(&self, policy: &Arc<Self::Policy>) -> Result<(), String>;

    /// Whether `former` may answer in place of `live`.
    fn stands_in_for(&self, former: &Arc<Self::Policy>, live: &Arc<Self::Policy>) -> bool;
}

/// What a policy tells of itself, at any time and on any thread.
pub(super) trait Vitals: Send + Sync + 'static {
    fn mode(&self) -> Mode;
    fn share(&self) -> u8;
    fn window(&self) -> WindowCounts;
    fn status(&self) -> PolicyStatus;
    fn shadow_counts(&self) -> ShadowCounts;
}

/// [`Loader::take_back`], where a bug that the policy sets off is that policy's trouble, too.
pub(super) fn take_back<L: Loader>(loader: &L, policy: &Arc<L::Policy>) -> Result<(), String> {
    catch_unwind(AssertUnwindSafe(|| loader.take_back(policy)))
        .unwrap_or_else(|_| Err("starting it panicked: report this as a bug in Reprise, with the file".into()))
}

/// Loads a candidate. A bug that a module sets off in the compiler is that module's trouble and no other's.
pub(super) fn load<L: Loader>(loader: &L, candidate: &Candidate) -> Result<Arc<L::Policy>, String> {
    catch_unwind(AssertUnwindSafe(|| loader.load(candidate)))
        .unwrap_or_else(|_| Err("loading it panicked: report this as a bug in Reprise, with the file".into()))
}
