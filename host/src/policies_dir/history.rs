//! What has happened under each policy's name: since when it is live, and what was rejected last.

use std::{collections::BTreeMap, time::SystemTime};

use super::{ContentHash, PolicyEvent};

/// What has happened under a policy's name since the directory is watched.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PolicyHistory {
    /// The generation that went live last. None if none is live any more.
    pub live: Option<WentLive>,
    /// How many contents were rejected.
    pub rejections: u64,
    /// The last of them.
    pub last_rejection: Option<LastRejection>,
}

/// A generation that went live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WentLive {
    /// When.
    pub at: SystemTime,
    /// The generation.
    pub generation: u64,
    /// Its content.
    pub hash: ContentHash,
}

/// A content that was rejected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastRejection {
    /// When.
    pub at: SystemTime,
    /// The module's file name.
    pub file: String,
    /// What was expected, what was found, and what to do.
    pub reason: String,
}

/// The history of every name. Names are the operator's, one for each module: they stay few.
#[derive(Default)]
pub(super) struct Histories(BTreeMap<String, PolicyHistory>);

impl Histories {
    /// Takes down what happened at `at`.
    pub fn note(&mut self, event: &PolicyEvent, at: SystemTime) {
        match event {
            PolicyEvent::Live { name, generation, hash, .. } => {
                self.of(name).live = Some(WentLive { at, generation: *generation, hash: *hash });
            }
            PolicyEvent::Unloaded { name, .. } => self.of(name).live = None,
            PolicyEvent::Rejected { name, file, reason, .. } => {
                let history = self.of(name);
                history.rejections += 1;
                history.last_rejection = Some(LastRejection { at, file: file.clone(), reason: reason.clone() });
            }
            _ => {}
        }
    }

    /// What has happened under this name; nothing if it is not known.
    pub fn get(&self, name: &str) -> PolicyHistory {
        self.0.get(name).cloned().unwrap_or_default()
    }

    fn of(&mut self, name: &str) -> &mut PolicyHistory {
        self.0.entry(name.to_owned()).or_default()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_rejection_is_remembered_beyond_what_goes_live_after_it() {
        let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        let (file, name, hash) = ("10-a.wasm", "a", ContentHash { module: [0; 32], manifest: None });
        let live = |generation| PolicyEvent::Live { file: file.into(), name: name.into(), generation, hash };
        let rejected =
            PolicyEvent::Rejected { file: file.into(), name: name.into(), reason: "no".into(), keeping: Some(1) };
        let mut histories = Histories::default();
        histories.note(&live(1), at(1));
        histories.note(&rejected, at(2));
        let went_live = |seconds, generation| Some(WentLive { at: at(seconds), generation, hash });
        assert_eq!(histories.get(name).live, went_live(1, 1), "the live one stays");
        histories.note(&live(2), at(3));
        let last_rejection = Some(LastRejection { at: at(2), file: file.into(), reason: "no".into() });
        assert_eq!(histories.get(name), PolicyHistory { live: went_live(3, 2), rejections: 1, last_rejection });
        histories.note(&PolicyEvent::Unloaded { file: file.into(), name: name.into(), generation: 2 }, at(4));
        assert_eq!(histories.get(name).live, None);
        assert_eq!(histories.get("b"), PolicyHistory::default());
    }
}
