//! Why a call failed.

/// Why a call to a policy gave no verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Failure {
    /// It trapped: a panic, an `unreachable`, a memory or stack limit.
    Trap,
    /// It ran past the handshake's budget, or its own.
    Deadline,
    /// No warm instance came free within the budget.
    Saturated,
    /// Its answer breaks a limit of the interface, e.g. a note that is too long, or lies where it has no memory.
    InvalidVerdict,
    /// Its generation has been retired, and the handshake outlived the draining.
    Retired,
    /// It misbehaved, or an operator had it quarantined, and no other generation answers in its
    /// place: it was not called.
    Quarantined,
    /// Its module was there when the host started and could not be loaded, so no generation of it has been live yet.
    NotLoaded,
    /// The calling thread has too little stack left for a call: see `RuntimeOptions::stack`.
    /// The policy was not called.
    NoStack,
}

impl Failure {
    /// Every kind, in the order in which counts of them are given.
    pub const ALL: [Failure; 8] = [
        Failure::Trap,
        Failure::Deadline,
        Failure::Saturated,
        Failure::InvalidVerdict,
        Failure::Retired,
        Failure::Quarantined,
        Failure::NotLoaded,
        Failure::NoStack,
    ];

    /// A short, stable name for logs and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Failure::Trap => "trap",
            Failure::Deadline => "deadline",
            Failure::Saturated => "saturated",
            Failure::InvalidVerdict => "invalid-verdict",
            Failure::Retired => "retired",
            Failure::Quarantined => "quarantined",
            Failure::NotLoaded => "not-loaded",
            Failure::NoStack => "no-stack",
        }
    }
}
