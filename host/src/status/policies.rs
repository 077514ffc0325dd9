//! How each policy is doing.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    host::{Policies, unix_seconds},
    policies_dir::{FileState, FileStatus, LastRejection, PolicyHistory},
    policy::{self, Failure},
};

/// How the policy of one name is doing. Counts are those of the generation that is live.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Policy {
    /// The file's stem without its number.
    pub name: String,
    /// The module's file name.
    pub file: String,
    /// Where in its life it is.
    pub state: PolicyState,
    /// The generation that is live, if one is: 1 for the first module that went live under this name, then counting.
    pub generation: Option<u64>,
    /// SHA-256 of the live module in hexadecimal, as `sha256sum` prints it.
    pub hash: Option<String>,
    /// When that generation went live: seconds since the Unix epoch.
    pub since: Option<u64>,
    /// Calls made to it, failed ones included.
    pub calls: u64,
    /// Failed calls by kind: all of [`Failure::ALL`].
    pub failures: BTreeMap<String, u64>,
    /// Instances there are, warm or in a call.
    pub instances: usize,
    /// Its own counters (`observe.count`), earlier generations' included.
    pub counters: BTreeMap<String, u64>,
    /// How many contents of this name were rejected.
    pub rejections: u64,
    /// The content that was rejected last, even if a good one has come after it.
    pub last_rejection: Option<Rejected>,
}

/// Where in its life a policy is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum PolicyState {
    /// It decides.
    Live,
    /// It was there at the start and could not be loaded: it objects to every session until it is mended or removed.
    Missing,
    /// Its content was rejected, and no generation of it is live.
    Rejected,
    /// It is new, and loaded once it stops changing.
    Settling,
}

impl PolicyState {
    /// All of them.
    pub const ALL: [PolicyState; 4] =
        [PolicyState::Live, PolicyState::Missing, PolicyState::Rejected, PolicyState::Settling];

    /// A short, stable name for logs and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            PolicyState::Live => "live",
            PolicyState::Missing => "missing",
            PolicyState::Rejected => "rejected",
            PolicyState::Settling => "settling",
        }
    }
}

/// A content that was rejected.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rejected {
    /// When: seconds since the Unix epoch.
    pub at: u64,
    /// The module's file name.
    pub file: String,
    /// What was expected, what was found, and what to do.
    pub reason: String,
}

/// Those in force in the order in which they are asked, then the others by file name.
pub(crate) fn policies(Policies { chain, files }: &Policies) -> Vec<Policy> {
    let mut policies: Vec<Policy> = Vec::new();
    for policy in chain.policies() {
        let known = files.iter().find(|(file, _)| file.name == policy.name());
        policies.push(Policy::live(policy, known.map(|(_, history)| history)));
    }
    for (file, history) in files {
        if policies.iter().any(|policy| policy.name == file.name) {
            continue;
        }
        let missing = chain.missing().iter().any(|name| **name == *file.name);
        policies.push(Policy::not_live(file, history, missing));
    }
    policies
}

impl Policy {
    fn live(policy: &policy::Policy, history: Option<&PolicyHistory>) -> Self {
        let status = policy.status();
        let went_live = history.and_then(|history| history.live).filter(|live| live.generation == policy.generation());
        Self {
            name: policy.name().into(),
            file: policy.file().display().to_string(),
            state: PolicyState::Live,
            generation: Some(policy.generation()),
            hash: went_live.map(|live| live.hash.module_hex()),
            since: went_live.map(|live| unix_seconds(live.at)),
            calls: status.calls,
            failures: Failure::ALL.iter().map(|kind| (kind.as_str().into(), status.failed(*kind))).collect(),
            instances: status.instances,
            counters: policy.counters().into_iter().collect(),
            rejections: history.map_or(0, |history| history.rejections),
            last_rejection: history.and_then(Rejected::last),
        }
    }

    fn not_live(file: &FileStatus, history: &PolicyHistory, missing: bool) -> Self {
        let state = match &file.state {
            _ if missing => PolicyState::Missing,
            FileState::Rejected { .. } => PolicyState::Rejected,
            // Live since the chain was looked at; the next look shows it.
            FileState::Settling { .. } | FileState::Live { .. } => PolicyState::Settling,
        };
        Self {
            name: file.name.clone(),
            file: file.file.clone(),
            state,
            generation: None,
            hash: None,
            since: None,
            calls: 0,
            failures: Failure::ALL.iter().map(|kind| (kind.as_str().into(), 0)).collect(),
            instances: 0,
            counters: BTreeMap::new(),
            rejections: history.rejections,
            last_rejection: Rejected::last(history),
        }
    }
}

impl Rejected {
    fn last(history: &PolicyHistory) -> Option<Self> {
        let LastRejection { at, file, reason } = history.last_rejection.as_ref()?;
        Some(Self { at: unix_seconds(*at), file: file.clone(), reason: reason.clone() })
    }
}
