//! Where in its life a policy is, as one word.

use serde::{Deserialize, Serialize};

use super::{FileState, PolicyState};

/// Where in its life a policy is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Standing {
    /// It decides, on trial: it went live or came back a short time ago.
    Trial,
    /// It decides, and its trial went well.
    Live,
    /// It is not called: it misbehaved, or an operator asked for it.
    Quarantined,
    /// It was there at the start and could not be loaded: it objects to every session until it is mended or removed.
    Missing,
    /// Its content was rejected, and no generation of it is live.
    Rejected,
    /// It is new, and loaded once it stops changing.
    Settling,
}

impl Standing {
    /// All of them.
    pub const ALL: [Standing; 6] = [
        Standing::Trial,
        Standing::Live,
        Standing::Quarantined,
        Standing::Missing,
        Standing::Rejected,
        Standing::Settling,
    ];

    /// A short, stable name for logs and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Standing::Trial => "trial",
            Standing::Live => "live",
            Standing::Quarantined => "quarantined",
            Standing::Missing => "missing",
            Standing::Rejected => "rejected",
            Standing::Settling => "settling",
        }
    }

    /// That of a policy which has been live.
    pub fn of(state: &PolicyState) -> Self {
        match state {
            PolicyState::Trial => Self::Trial,
            PolicyState::Live => Self::Live,
            PolicyState::Quarantined { .. } => Self::Quarantined,
        }
    }

    /// That of a file which no policy that has been live is of.
    pub fn of_file(state: &FileState) -> Self {
        match state {
            FileState::Rejected { .. } => Self::Rejected,
            // Live since those that have been were looked at; the next look shows it.
            FileState::Settling { .. } | FileState::Live { .. } => Self::Settling,
        }
    }
}
