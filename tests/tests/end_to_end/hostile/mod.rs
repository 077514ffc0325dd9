//! Whatever a policy does, no handshake fails because of it.
//!
//! Each policy is dropped beside a calm one into a server that clients of both versions keep busy.
//! Every handshake succeeds, before it is there, while it is loaded, once it decides and after it
//! was quarantined; what it may say, fail by, and take of the server's memory is stated by each
//! test. Why it is rejected or quarantined is in the log and in `reprise status`.

mod answers;
mod floods;
mod loops;
mod memory;
mod modules;

use std::{
    collections::BTreeSet,
    process::Command,
    sync::{
        Condvar, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Instant,
};

use reprise_tests::{Client, PATIENCE, Place, Server, Version, Visit, built};
use serde_json::Value;

/// Handshakes that the policy decides before a test looks at what came of them.
const HANDSHAKES: usize = 40;
const QUARANTINED: &str = "failed-objecting: quarantined";
/// What a server may take at most, whatever a policy does. Without any it is about 40 MB; compiled
/// code, and instances that have all they may have, come on top.
const MEMORY: usize = 400 << 20;

/// A server under load with a hostile policy.
pub struct Ordeal {
    place: Place,
    server: Server,
}

/// What clients saw once the policy was there.
#[derive(Debug, Default)]
pub struct Seen {
    pub handshakes: usize,
    pub offered: usize,
    pub resumed: usize,
    /// What the policy said, failures by kind.
    pub verdicts: BTreeSet<String>,
    /// How long sessions are kept from the full handshake on, at most.
    pub longest: u64,
    wrong: Vec<String>,
}

impl Ordeal {
    /// A server with a calm policy.
    pub fn new() -> Self {
        Self::with(&[])
    }

    /// A server with a calm policy and these arguments.
    pub fn with(arguments: &[&str]) -> Self {
        let place = Place::new();
        place.policy("20-calm.wasm", reprise_fixtures::policies::no_opinion());
        let server = place.serve(arguments);
        server.live("calm", 1);
        Self { place, server }
    }

    /// Drops the policy, which goes live; what was seen of it.
    pub fn lets_live(&self, policy: impl AsRef<[u8]>) -> Seen {
        self.under_load(|| {
            self.place.policy("10-hostile.wasm", policy);
            self.server.live("hostile", 1);
        })
    }

    /// Drops the policy, which is rejected with all `parts` in the reason: nothing changes for anybody.
    pub fn rejects(&self, policy: impl AsRef<[u8]>, parts: &[&str]) {
        let seen = self.under_load(|| {
            self.place.policy("10-hostile.wasm", policy);
            let rejection = self.server.log().line(&["rejected", "10-hostile.wasm"]);
            assert!(parts.iter().all(|part| rejection.contains(part)), "{parts:?} expected in {rejection}");
        });
        assert_eq!((seen.resumed, seen.verdicts.len()), (seen.offered, 0), "{seen:?}");
        let status = self.status();
        let rejected = status["rejected"].as_str().unwrap_or_default();
        assert!(parts.iter().all(|part| rejected.contains(part)), "{parts:?} expected in {status}");
    }

    /// Drops the policy, which goes live, fails in this way, and is quarantined for it; what was seen of it.
    pub fn quarantines(&self, policy: impl AsRef<[u8]>, failure: &str) -> Seen {
        let seen = self.lets_live(policy);
        // Of the calls that fail, clients may see another one: on a busy machine most of them find no instance free.
        let failed = |verdict: &String| verdict.starts_with("failed-objecting: ") || verdict == QUARANTINED;
        assert!(seen.verdicts.iter().any(failed), "{failure}: {seen:?}");
        self.logs(&["a policy's call failed", "policy=\"hostile\"", failure]);
        self.logs(&["quarantined", "policy=\"hostile\"", "generation=1"]);
        let status = self.status();
        assert_eq!(status["state"], "quarantined", "{status}");
        assert!(status["reason"].as_str().is_some_and(|reason| !reason.is_empty()), "{status}");
        assert!(status["failures"][failure].as_u64().is_some_and(|count| count > 0), "{status}");
        seen
    }

    /// Drops the policy under so many names while clients are served; the most threads that the
    /// server had to load them.
    pub fn floods(&self, names: usize, policy: impl AsRef<[u8]>) -> usize {
        let mut most = 0;
        self.under_load(|| {
            for number in 0..names {
                self.place.policy(&format!("30-loop{number}.wasm"), &policy);
            }
            // Until the first is rejected, all that can be are being loaded.
            let start = Instant::now();
            while !self.server.log().text().contains("(instantiate)") {
                assert!(start.elapsed() < PATIENCE, "none is rejected");
                most = most.max(self.threads("reprise-load"));
                thread::yield_now();
            }
        });
        most
    }

    /// The server's threads of this name.
    fn threads(&self, name: &str) -> usize {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", self.server.process())).expect("it runs, on Linux");
        let names = tasks.filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("comm")).ok());
        names.filter(|found| found.trim() == name).count()
    }

    /// Drops the policy under so many names while clients are served: how many went live, and the
    /// memory that all policies take.
    pub fn shares(&self, names: usize, policy: impl AsRef<[u8]>) -> (usize, u64) {
        let mut status = Value::Null;
        self.under_load(|| {
            for number in 0..names {
                self.place.policy(&format!("30-large{number}.wasm"), &policy);
            }
            for number in 0..names {
                let policy = format!("policy=\"large{number}\"");
                self.server.log().one_of(&[&["policy is live", &policy], &["rejected", &policy]]);
            }
            status = self.everything();
        });
        let policies = status["policies"].as_array().into_iter().flatten();
        let live = policies.filter(|policy| policy["generation"] == 1 && policy["name"] != "calm").count();
        (live, status["policy_memory"]["taken"].as_u64().expect("it is there"))
    }

    /// What `reprise status` says about the policy.
    fn status(&self) -> Value {
        let status = self.everything();
        let mut policies = status["policies"].as_array().into_iter().flatten();
        policies.find(|policy| policy["name"] == "hostile").unwrap_or_else(|| panic!("not in {status}")).clone()
    }

    /// What `reprise status` says.
    fn everything(&self) -> Value {
        let state = self.place.arg("state");
        let asked = Command::new(built::server()).args(["status", "--json", "--state-dir", &state]).output();
        serde_json::from_slice(&asked.expect("the program starts").stdout).expect("it says JSON")
    }

    /// The line of the log that has these parts.
    pub fn logs(&self, parts: &[&str]) -> String {
        self.server.log().line(parts)
    }

    /// Everything that the server has said.
    pub fn log(&self) -> String {
        self.server.log().text()
    }

    /// Keeps clients busy while `happen` does, and until the policy has decided as many handshakes as there are to be.
    fn under_load(&self, happen: impl FnOnce()) -> Seen {
        let (seen, more, counts, over) =
            (Mutex::new(Seen::default()), Condvar::new(), AtomicBool::new(false), AtomicBool::new(false));
        thread::scope(|scope| {
            for version in Version::BOTH {
                let (seen, more, counts, over) = (&seen, &more, &counts, &over);
                scope.spawn(move || {
                    let client = Client::new(version);
                    let mut session = None;
                    for round in 0.. {
                        if over.load(Ordering::Relaxed) {
                            break;
                        }
                        let counts = counts.load(Ordering::Acquire);
                        // One in three comes without a session.
                        let offered = session.take().filter(|_| round % 3 != 0);
                        let visit = client.visit(self.server.address(), offered.as_ref());
                        session = visit.as_ref().ok().map(|visit| visit.session.clone());
                        seen.lock().unwrap().take(visit, offered.is_some(), counts);
                        more.notify_all();
                    }
                });
            }
            // Whatever goes wrong, the clients are to end.
            let _ends = Ends(&over);
            happen();
            counts.store(true, Ordering::Release);
            let patience = |seen: &mut Seen| seen.handshakes < HANDSHAKES && seen.wrong.is_empty();
            let waited = more.wait_timeout_while(seen.lock().unwrap(), PATIENCE, patience).unwrap().1;
            assert!(!waited.timed_out(), "handshakes stand still");
        });
        let seen = seen.into_inner().unwrap();
        assert_eq!(seen.wrong, Vec::<String>::new());
        let memory = self.server.peak_memory();
        assert!(memory < MEMORY, "{} MB", memory >> 20);
        seen
    }
}

impl Seen {
    fn take(&mut self, visit: Result<Visit, String>, offered: bool, counts: bool) {
        let Visit { report, reused, .. } = match visit {
            Ok(visit) => visit,
            Err(error) => return self.wrong.push(error),
        };
        if reused != report.resumed {
            self.wrong.push(format!("the two sides disagree: {report:?}"));
        }
        if !counts {
            return;
        }
        self.handshakes += 1;
        self.offered += usize::from(offered);
        self.resumed += usize::from(reused);
        self.verdicts.extend(report.verdicts("hostile").into_iter().map(str::to_owned));
        let kept = report.expires.zip(report.authenticated).map_or(0, |(expires, since)| expires - since);
        self.longest = self.longest.max(kept);
    }

    /// It said these, or failed in passing: an instance that was lost was not replaced yet, or the
    /// budget was used up by then.
    pub fn says(&self, verdicts: &[&str]) {
        let passing = ["no-opinion", "failed-objecting: saturated", "failed-objecting: deadline", QUARANTINED];
        let known = |verdict: &String| verdicts.iter().chain(&passing).any(|known| known == verdict);
        assert!(self.verdicts.iter().all(known), "{self:?}");
    }
}

struct Ends<'a>(&'a AtomicBool);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
