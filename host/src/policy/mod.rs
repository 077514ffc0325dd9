//! Wasm's side: from a module's bytes to a policy that answers, and from several policies to one decision.
//!
//! What becomes of a module's bytes, and where:
//!
//! - `manifest`: what NAME.toml says of it.
//! - `runtime`: the steps from bytes to [`Policy`], each with its [`Rejection`]; what all policies share.
//! - `contract`: imports and exports held against `wit/`; `probe`: the first call of each callback.
//! - `instance`: one instance, made and called; `sandbox`: what it has around it, with the imports `state` and
//!   `observe`; `engine`: how wasmtime is set up.
//! - `pool`: the warm instances of a policy; `upkeep`: the thread that makes and drops them; `ticker`: the clock that
//!   ends a call.
//! - `loaded`: a policy that answers, its failures and counts; `facts`: what each policy may see of a session.
//! - `supervision`: what becomes of a policy that misbehaves while it is live.
//! - `share`: which connections a policy is asked about; `shadow`: asking policies that do not decide.
//! - `chain`: several policies, one decision, which is an `outcome` of verdicts.

mod budget;
mod chain;
mod contract;
mod engine;
mod facts;
mod instance;
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
mod state;
mod supervision;
mod thread;
mod ticker;
mod upkeep;
pub mod wit;

#[cfg(test)]
mod tests;

pub(crate) use self::supervision::{Action, Alarm, Course, Event, State};
pub use self::{
    budget::Budget,
    chain::Chain,
    loaded::{Policy, PolicyStatus},
    manifest::{Manifest, ManifestError, Mode, OnFailure},
    options::RuntimeOptions,
    outcome::{Answer, Asked, Callback, Failure, GetDecision, NewDecision, Notes, Objection, Terms},
    rejection::{Rejection, Step},
    runtime::{Candidate, Runtime},
    shadow::ShadowCounts,
    supervision::{Misbehaviour, SupervisionOptions, WindowCounts},
};
