//! The directory with the sandbox behind it: what is no policy is rejected in words, and what is decides.

use std::{fs, path::PathBuf, sync::mpsc::Receiver, time::Duration};

use reprise_fixtures::policies;
use reprise_session::session::SessionId;
use tempfile::TempDir;

use super::*;
use crate::policy::{Answer, Budget, Failure, RuntimeOptions, wit::types::Removal};

/// Far beyond what any step takes. Reached only by a test that fails.
const PATIENCE: Duration = Duration::from_secs(60);

pub(super) struct Served {
    _root: TempDir,
    pub(super) path: PathBuf,
    live: Arc<ArcSwap<Chain>>,
    dir: PoliciesDir,
    events: Receiver<PolicyEvent>,
}

impl Served {
    fn start(files: &[(&str, &[u8])]) -> Self {
        Self::start_with(files, DirOptions::default())
    }

    pub(super) fn start_with(files: &[(&str, &[u8])], options: DirOptions) -> Self {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("policies");
        fs::create_dir(&path).unwrap();
        for (file, content) in files {
            fs::write(path.join(file), content).unwrap();
        }
        let runtime = Runtime::new(RuntimeOptions::default()).unwrap();
        let live = Arc::new(ArcSwap::from_pointee(Chain::default()));
        let options = DirOptions { settle: Duration::from_millis(50), ..options };
        let dir = PoliciesDir::start(&path, runtime, live.clone(), options).unwrap();
        let events = dir.subscribe();
        Self { _root: root, path, live, dir, events }
    }

    pub(super) fn drop_in(&self, file: &str, content: &[u8]) {
        fs::write(self.path.join(".beside"), content).unwrap();
        fs::rename(self.path.join(".beside"), self.path.join(file)).unwrap();
    }

    fn wait<T>(&self, what: impl Fn(PolicyEvent) -> Option<T>) -> T {
        loop {
            let event = self.events.recv_timeout(PATIENCE);
            if let Some(found) = what(event.unwrap_or_else(|_| panic!("not told in time: {:#?}", self.dir))) {
                return found;
            }
        }
    }

    pub(super) fn rejected(&self) -> (String, Option<u64>) {
        self.wait(|event| match event {
            PolicyEvent::Rejected { reason, keeping, .. } => Some((reason, keeping)),
            _ => None,
        })
    }

    pub(super) fn live(&self) -> u64 {
        self.wait(|event| match event {
            PolicyEvent::Live { generation, .. } => Some(generation),
            _ => None,
        })
    }

    /// The policies that count as objecting because they were never live.
    pub(super) fn not_loaded(&self) -> Vec<String> {
        let (budget, id) = (&mut Budget::new(PATIENCE), SessionId::from([1; 32]));
        let (_, asked) = self.live.load().decide_remove(budget, &id, None, Removal::Unknown);
        let missing = asked.iter().filter(|asked| asked.answer == Answer::FailedObjecting(Failure::NotLoaded));
        missing.map(|asked| asked.policy.to_string()).collect()
    }

    /// The policies that decide, with their generations.
    pub(super) fn chain(&self) -> Vec<(String, u64)> {
        self.live.load().policies().iter().map(|policy| (policy.name().to_string(), policy.generation())).collect()
    }
}

#[test]
fn components_are_put_in_force_in_file_name_order() {
    let served = Served::start(&[("20-b.wasm", &policies::refuse_get()), ("10-a.wasm", &policies::no_opinion())]);
    assert_eq!(served.chain(), [("a".to_string(), 1), ("b".to_string(), 1)]);
    served.drop_in("10-a.wasm", &policies::refuse_new());
    assert_eq!(served.live(), 2);
    assert_eq!(served.chain(), [("a".to_string(), 2), ("b".to_string(), 1)]);
}

#[test]
fn a_core_module_in_place_of_a_component_is_rejected_in_words_and_the_live_one_stays() {
    let served = Served::start(&[("a.wasm", &policies::no_opinion())]);
    served.drop_in("a.wasm", b"\0asm\x01\0\0\0");
    let (reason, keeping) = served.rejected();
    assert!(reason.contains("a.wasm") && reason.contains("core module"), "{reason}");
    assert_eq!(keeping, Some(1));
    assert_eq!(served.chain(), [("a".to_string(), 1)]);
}

#[test]
fn garbage_and_a_component_cut_short_are_rejected_and_the_live_one_stays() {
    let whole = policies::no_opinion();
    let served = Served::start(&[("a.wasm", &whole)]);
    for rubbish in [&b"garbage"[..], b"", &whole[..whole.len() / 2]] {
        served.drop_in("a.wasm", rubbish);
        assert_eq!(served.rejected().1, Some(1));
        assert_eq!(served.chain(), [("a".to_string(), 1)]);
    }
    served.drop_in("a.wasm", &policies::refuse_get());
    assert_eq!(served.live(), 2);
}

#[test]
fn a_manifest_that_is_wrong_is_rejected_naming_it_and_the_live_one_stays() {
    let served =
        Served::start(&[("a.wasm", &policies::note_from_settings("no zone")), ("a.toml", b"settings.zone = 'x'")]);
    assert_eq!(served.chain(), [("a".to_string(), 1)]);
    served.drop_in("a.toml", b"unknown = 1");
    let (reason, keeping) = served.rejected();
    assert!(reason.contains("a.toml") && reason.contains("unknown"), "{reason}");
    assert_eq!(keeping, Some(1));
    served.drop_in("a.toml", b"");
    assert!(served.rejected().0.contains("no zone"), "what `configure` says is in the reason");
    served.drop_in("a.toml", b"settings.zone = 'y'");
    assert_eq!(served.live(), 2);
}

#[test]
fn a_policy_that_is_broken_at_the_start_objects_until_it_is_live_or_taken_away() {
    let served =
        Served::start(&[("10-a.wasm", b"garbage"), ("20-b.wasm", b"garbage"), ("30-c.wasm", &policies::lying())]);
    assert_eq!(served.not_loaded(), ["a", "b"]);
    served.drop_in("10-a.wasm", &policies::no_opinion());
    assert_eq!(served.live(), 1);
    assert_eq!(served.not_loaded(), ["b"]);
    fs::remove_file(served.path.join("20-b.wasm")).unwrap();
    served.drop_in("30-c.wasm", &policies::no_opinion());
    assert_eq!(served.live(), 2);
    assert_eq!(served.not_loaded(), [""; 0]);
}

#[test]
fn a_new_policy_that_is_broken_changes_nothing_while_serving() {
    let served = Served::start(&[("10-a.wasm", &policies::no_opinion())]);
    served.drop_in("20-b.wasm", b"garbage");
    assert_eq!(served.rejected().1, None);
    assert_eq!(served.not_loaded(), [""; 0]);
}
