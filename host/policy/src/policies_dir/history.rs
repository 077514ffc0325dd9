//! What was rejected under each policy's name, beyond what is in the directory now.

use std::{collections::BTreeMap, time::SystemTime};

use super::PolicyEvent;

/// What was rejected under a policy's name since the directory is watched.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PolicyHistory {
    /// How many contents were rejected or rolled back.
    pub rejections: u64,
    /// The last of them.
    pub last_rejection: Option<LastRejection>,
}

/// A content that was rejected or rolled back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastRejection {
    /// When.
    pub at: SystemTime,
    /// The module's file name.
    pub file: String,
    /// What was expected, what was found, and what to do; or what it did.
    pub reason: String,
}

/// The history of every name. Names are the operator's, one for each module: they stay few.
#[derive(Default)]
pub(super) struct Histories(BTreeMap<String, PolicyHistory>);

impl Histories {
    /// Takes down what happened at `at`.
    pub fn note(&mut self, event: &PolicyEvent, at: SystemTime) {
        let (name, file, reason) = match event {
            PolicyEvent::Rejected { name, file, reason, .. } => (name, file, reason.clone()),
            PolicyEvent::RolledBack { name, file, from, to, reason } => {
                (name, file, format!("generation {from} was rolled back to generation {to}: {reason}"))
            }
            _ => return,
        };
        let history = self.0.entry(name.clone()).or_default();
        history.rejections += 1;
        history.last_rejection = Some(LastRejection { at, file: file.clone(), reason });
    }

    /// What has happened under this name; nothing if it is not known.
    pub fn get(&self, name: &str) -> PolicyHistory {
        self.0.get(name).cloned().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{super::ContentHash, *};

    #[test]
    fn a_rejection_is_remembered_beyond_what_goes_live_after_it() {
        let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        let (file, name, hash) = ("10-a.wasm", "a", ContentHash { module: [0; 32], manifest: None, signature: None });
        let rejected =
            PolicyEvent::Rejected { file: file.into(), name: name.into(), reason: "no".into(), keeping: Some(1) };
        let mut histories = Histories::default();
        histories.note(&rejected, at(2));
        histories.note(&PolicyEvent::Live { file: file.into(), name: name.into(), generation: 2, hash }, at(3));
        let last_rejection = Some(LastRejection { at: at(2), file: file.into(), reason: "no".into() });
        assert_eq!(histories.get(name), PolicyHistory { rejections: 1, last_rejection });
        assert_eq!(histories.get("b"), PolicyHistory::default());
    }

    #[test]
    fn what_was_rolled_back_counts_as_rejected() {
        let (file, name, reason) = ("10-a.wasm".to_owned(), "a".to_owned(), "it traps".to_owned());
        let mut histories = Histories::default();
        histories.note(&PolicyEvent::RolledBack { file, name, from: 2, to: 1, reason }, SystemTime::UNIX_EPOCH);
        let PolicyHistory { rejections: 1, last_rejection: Some(last) } = histories.get("a") else { panic!() };
        assert!(last.reason.contains("generation 1") && last.reason.contains("it traps"), "{}", last.reason);
    }
}
