//! Wasm's side: from a module's bytes to a policy that answers, and from several policies to one decision.
//!
//! What becomes of a module's bytes, and where:
//!
//! - `manifest`: what NAME.toml says of it.
//! - `runtime`: the steps from bytes to [`Policy`], each with its [`Rejection`]; what all policies share.
//! - `compiling`: from bytes to code, in this process or in one of its own. `componentize`: a component of a core module, or of
//!   text; `bounds`: what is too much to compile; `contract`: imports and exports held against `wit/`; `probe`: the first call of
//!   each callback.
//! - `instance`: one instance, made and called; `sandbox`: what it has around it, with the imports `state` and
//!   `observe`; `wasi`: what languages import whether they need it or not; `engine`: how wasmtime is set up; `compiled`: code kept on disk, and the one `unsafe` call here.
//! - `last_words`: what is told of a call that failed.
//! - `counts`: what calls add to, for the metrics.
//! - `ledger`: what the memories of all policies take together.
//! - `pool`: the warm instances of a policy; `upkeep`: the thread that makes and drops them; `ticker`: the clock that
//!   ends a call; `stack`: what a call needs of the thread it runs on.
//! - `loaded`: a policy that answers, its failures and counts; `facts`: what each policy may see of a session.
//! - `supervision`: what becomes of a policy that misbehaves while it is live.
//! - `share`: which connections a policy is asked about; `shadow`: asking policies that do not decide.
//! - `chain`: several policies, one decision, which is an `outcome` of verdicts.

mod bounds;
mod budget;
mod chain;
mod compiled;
mod compiling;
mod componentize;
mod contract;
mod counts;
mod engine;
mod facts;
mod instance;
mod last_words;
mod ledger;
mod loaded;
mod manifest;
mod observe;
mod options;
mod outcome;
mod pool;
mod probe;
mod rejection;
mod runtime;
mod sandbox;
mod shadow;
mod share;
mod stack;
mod state;
mod supervision;
mod thread;
mod ticker;
mod upkeep;
mod wasi;
pub mod wit;

#[cfg(test)]
mod tests;

pub(crate) use self::supervision::{Action, Alarm, Course, Event, State};
pub use self::{
    budget::Budget,
    chain::Chain,
    compiling::{Compiler, compile_for_parent},
    counts::{PolicyCounts, VERDICTS},
    loaded::{Policy, PolicyStatus},
    manifest::{Manifest, ManifestError, Mode, OnFailure},
    options::RuntimeOptions,
    outcome::{Answer, Asked, Callback, Failure, GetDecision, NewDecision, Notes, Objection, Terms},
    rejection::{Rejection, Step},
    runtime::{Candidate, Runtime, RuntimeError},
    shadow::{About, Decided, ShadowCounts},
    supervision::{Misbehaviour, SupervisionOptions, WindowCounts},
};
