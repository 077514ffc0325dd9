//! How each policy is doing, for a status page or a command.

use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use reprise_session::clock;

use super::{ContentHash, loader::Vitals, ward::Ward};
use crate::policy::{Mode, PolicyStatus, ShadowCounts, State, WindowCounts};

/// One policy, as it is supervised now. Of a file that has never been live there is none: see
/// [`FileStatus`](super::FileStatus).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PolicyReport {
    /// The module's file name.
    pub file: String,
    /// The policy's name.
    pub name: String,
    /// Whether it decides, or is only asked for comparison.
    pub mode: Mode,
    /// The percentage of connections that it decides about.
    pub share: u8,
    /// Whether it is trusted.
    pub state: PolicyState,
    /// Since when it is in this state.
    pub since: SystemTime,
    /// The generation that the state is about: of those that went live, the one last taken from the
    /// directory, unless it was rolled back.
    pub generation: u64,
    /// What it was loaded from.
    pub hash: ContentHash,
    /// The generation that is called: this one, the former one in its place, or none. Without one the policy counts as
    /// failing, and so as its NAME.toml says: objecting, or abstaining.
    pub answering: Option<u64>,
    /// The failures that count at this moment, of the generation that is called, or was last.
    pub failures: WindowCounts,
    /// The last good generation before, which is kept.
    pub former: Option<Former>,
    /// Calls, failures and instances of this generation.
    pub calls: PolicyStatus,
    /// In shadow mode: how its verdicts compare with what was decided.
    pub shadow: ShadowCounts,
    /// Why the present content of its file is not what is live, if it is not: it was rejected, or rolled back.
    pub rejected: Option<String>,
}

/// Whether a policy is trusted with decisions.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PolicyState {
    /// It decides, and has done so for less than a trial takes since it went live or came back.
    Trial,
    /// It decides, and its trial went well.
    Live,
    /// It is not called.
    Quarantined {
        /// What it did, or who asked for it.
        reason: String,
        /// When it is tried again; none if an operator asked for it.
        retry_in: Option<Duration>,
    },
}

impl PolicyState {
    /// A short, stable name for logs and metrics.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Trial => "trial",
            Self::Live => "live",
            Self::Quarantined { .. } => "quarantined",
        }
    }
}

/// The generation before, compiled and ready to take over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Former {
    /// Its number.
    pub generation: u64,
    /// What it was loaded from.
    pub hash: ContentHash,
}

/// What the supervising thread shows of a policy; the rest of a report is read off the policy when somebody asks.
pub(super) struct View {
    file: String,
    name: String,
    state: State,
    since: Instant,
    reason: String,
    generation: u64,
    hash: ContentHash,
    live: Arc<dyn Vitals>,
    /// What answers: its generation, and itself.
    answering: Option<(u64, Arc<dyn Vitals>)>,
    former: Option<Former>,
    rejected: Option<String>,
}

impl View {
    pub fn new<P: Vitals>(file: &str, ward: &Ward<P>, rejected: Option<&str>) -> Self {
        let former = ward.former.as_ref().map(|former| &former.generation);
        Self {
            file: file.into(),
            name: ward.live.name.clone(),
            state: ward.course.state(),
            since: ward.course.since(),
            reason: ward.reason.clone(),
            generation: ward.live.generation,
            hash: ward.live.hash,
            live: ward.live.policy.clone(),
            answering: ward.answering().map(|answers| (answers.generation, answers.policy.clone() as Arc<dyn Vitals>)),
            former: former.map(|former| Former { generation: former.generation, hash: former.hash }),
            rejected: rejected.map(str::to_owned),
        }
    }

    pub fn report(&self, now: Instant) -> PolicyReport {
        let called = self.answering.as_ref().map_or(&self.live, |(_, policy)| policy);
        PolicyReport {
            file: self.file.clone(),
            name: self.name.clone(),
            mode: self.live.mode(),
            share: self.live.share(),
            state: match self.state {
                State::Trial { .. } => PolicyState::Trial,
                State::Live => PolicyState::Live,
                State::Quarantined { retry_at } => PolicyState::Quarantined {
                    reason: self.reason.clone(),
                    retry_in: Some(retry_at.saturating_duration_since(now)),
                },
                State::Held => PolicyState::Quarantined { reason: self.reason.clone(), retry_in: None },
            },
            since: clock::time() - now.saturating_duration_since(self.since),
            generation: self.generation,
            hash: self.hash,
            answering: self.answering.as_ref().map(|(generation, _)| *generation),
            failures: called.window(),
            former: self.former,
            calls: self.live.status(),
            shadow: self.live.shadow_counts(),
            rejected: self.rejected.clone(),
        }
    }
}
