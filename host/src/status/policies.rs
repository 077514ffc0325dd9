//! How each policy is doing.

use std::{collections::BTreeMap, sync::Arc};

pub use reprise_policy::policies_dir::Standing as State;
use reprise_policy::{
    policies_dir::{FileState, FileStatus, LastRejection, PolicyHistory, PolicyReport, PolicyState},
    policy::{self, Failure, Mode, PolicyStatus},
};
use reprise_session::clock::unix_seconds;
use serde::{Deserialize, Serialize};

use crate::living::Snapshot;

/// How the policy of one name is doing. Counts are those of `generation` alone, where nothing else is said.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Policy {
    /// The file's stem without its number.
    pub name: String,
    /// The module's file name.
    pub file: String,
    /// Whether it decides: `enforce`, or `shadow`.
    pub mode: String,
    /// The percentage of connections that it decides about.
    pub share: u8,
    /// Where in its life it is.
    pub state: State,
    /// Since when it is in this state, if it has been live: seconds since the Unix epoch.
    pub since: Option<u64>,
    /// What it is quarantined for.
    pub reason: Option<String>,
    /// Seconds until it is tried again, if it is quarantined and not by an operator.
    pub retry_in: Option<u64>,
    /// The generation that the state is about: 1 for the first module that went live under this name, then counting. None if
    /// none has been live.
    pub generation: Option<u64>,
    /// SHA-256 of that generation's module in hexadecimal, as `sha256sum` prints it.
    pub hash: Option<String>,
    /// The generation that is called: this one, the former one in its place, or none.
    pub answering: Option<u64>,
    /// The generation before, if it is kept: what a rollback goes back to.
    pub former: Option<u64>,
    /// Calls made, failed ones included.
    pub calls: u64,
    /// Failed calls by kind: all of [`Failure::ALL`].
    pub failures: BTreeMap<String, u64>,
    /// Instances there are, warm or in a call.
    pub instances: usize,
    /// In shadow mode: how its verdicts compare with what was decided.
    pub shadow: Option<Comparison>,
    /// Its own counters (`observe.count`), other generations' included.
    pub counters: BTreeMap<String, u64>,
    /// Why the present content of its file is not what is live, if it is not.
    pub rejected: Option<String>,
    /// How many contents of this name were rejected or rolled back.
    pub rejections: u64,
    /// The last of them, even if a good one has come after it.
    pub last_rejection: Option<Rejection>,
}

/// How the verdicts of a policy in shadow mode compare with what was decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "as in `policy::ShadowCounts`")]
pub struct Comparison {
    pub agreed: u64,
    pub would_have_refused: u64,
    pub would_have_allowed: u64,
    pub failed: u64,
    pub dropped: u64,
}

/// A content that was rejected or rolled back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rejection {
    /// When: seconds since the Unix epoch.
    pub at: u64,
    /// The module's file name.
    pub file: String,
    /// What was expected, what was found, and what to do; or what it did.
    pub reason: String,
}

/// Those that have been live in the order in which they are asked, then the others by file name.
pub(crate) fn policies(Snapshot { chain, supervised, files, .. }: &Snapshot) -> Vec<Policy> {
    let in_chain = || chain.policies().iter().chain(chain.shadows());
    let mut policies: Vec<Policy> = Vec::new();
    for (report, history) in supervised {
        let loaded = in_chain().find(|policy| policy.name() == report.name);
        policies.push(Policy::supervised(report, history, loaded));
    }
    for (file, history) in files {
        if policies.iter().any(|policy| policy.name == file.name) {
            continue;
        }
        let missing = chain.missing().iter().any(|name| **name == *file.name);
        policies.push(Policy::never_live(file, history, missing));
    }
    policies
}

impl Policy {
    fn supervised(report: &PolicyReport, history: &PolicyHistory, loaded: Option<&Arc<policy::Policy>>) -> Self {
        let (reason, retry_in) = match &report.state {
            PolicyState::Quarantined { reason, retry_in } => {
                (Some(reason.clone()), retry_in.map(|pause| pause.as_secs()))
            }
            _ => (None, None),
        };
        let compared = report.shadow;
        let shadow = (report.mode == Mode::Shadow).then_some(Comparison {
            agreed: compared.agreed,
            would_have_refused: compared.would_have_refused,
            would_have_allowed: compared.would_have_allowed,
            failed: compared.failed,
            dropped: compared.dropped,
        });
        Self {
            mode: report.mode.as_str().into(),
            share: report.share,
            since: Some(unix_seconds(report.since)),
            reason,
            retry_in,
            generation: Some(report.generation),
            hash: Some(report.hash.module_hex()),
            answering: report.answering,
            former: report.former.map(|former| former.generation),
            shadow,
            counters: loaded.map(|policy| policy.counters().into_iter().collect()).unwrap_or_default(),
            rejected: report.rejected.clone(),
            ..Self::bare(&report.file, &report.name, State::of(&report.state), &report.calls, history)
        }
    }

    fn never_live(file: &FileStatus, history: &PolicyHistory, missing: bool) -> Self {
        let rejected = match &file.state {
            FileState::Rejected { reason, .. } => Some(reason.clone()),
            _ => None,
        };
        let state = if missing { State::Missing } else { State::of_file(&file.state) };
        Self { rejected, ..Self::bare(&file.file, &file.name, state, &PolicyStatus::default(), history) }
    }

    fn bare(file: &str, name: &str, state: State, status: &PolicyStatus, history: &PolicyHistory) -> Self {
        let last = history.last_rejection.as_ref();
        Self {
            name: name.into(),
            file: file.into(),
            mode: Mode::default().as_str().into(),
            share: 100,
            state,
            since: None,
            reason: None,
            retry_in: None,
            generation: None,
            hash: None,
            answering: None,
            former: None,
            calls: status.calls,
            failures: Failure::ALL.iter().map(|kind| (kind.as_str().into(), status.failed(*kind))).collect(),
            instances: status.instances,
            shadow: None,
            counters: BTreeMap::new(),
            rejected: None,
            rejections: history.rejections,
            last_rejection: last.map(|LastRejection { at, file, reason }| Rejection {
                at: unix_seconds(*at),
                file: file.clone(),
                reason: reason.clone(),
            }),
        }
    }
}
