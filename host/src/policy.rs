//! Wasm's side: from a module's bytes to a policy that answers, and from several policies to one decision.

pub use reprise_policy::policy::{
    About, Answer, Asked, Budget, Callback, Candidate, Chain, Compiler, Decided, Failure, GetDecision, Manifest,
    ManifestError, Misbehaviour, Mode, NewDecision, Notes, Objection, OnFailure, Policy, PolicyStatus, Rejection,
    Runtime, RuntimeOptions, ShadowCounts, Step, SupervisionOptions, Terms, WindowCounts, compile_for_parent, wit,
};
