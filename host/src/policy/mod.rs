//! Wasm's side: from a module's bytes to a policy that answers, and from several policies to one decision.

mod budget;
mod chain;
mod loaded;
mod manifest;
mod options;
mod outcome;
mod rejection;
mod runtime;
pub mod wit;

pub use self::{
    budget::Budget,
    chain::Chain,
    loaded::{Policy, PolicyStatus},
    manifest::{Manifest, ManifestError, OnFailure},
    options::RuntimeOptions,
    outcome::{Answer, Asked, Failure, GetDecision, NewDecision, Notes, Objection, Terms},
    rejection::{Rejection, Step},
    runtime::{Candidate, Runtime},
};
