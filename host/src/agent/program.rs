//! A program that has the module, in however many processes.

use serde::{Deserialize, Serialize};

use super::counts::Counted;

/// How a program is doing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProgramStatus {
    /// Its name, as its configuration says it.
    pub program: String,
    /// Processes that are connected.
    pub processes: usize,
    /// Contexts that these have hooked.
    pub contexts: u64,
    /// Whether its handshakes are looked at, and nothing is decided about them.
    pub observes: bool,
    /// Whether an operator has it left alone.
    pub stands_down: bool,
    /// What it came to since the agent started, those processes included that are gone.
    pub counted: Counted,
}
