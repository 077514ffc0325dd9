//! A policy is swapped again and again while clients come and go: nobody notices.

use std::{
    collections::BTreeMap,
    sync::{
        Condvar, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use reprise_fixtures::{Callback, Fixture, Keep};
use reprise_tests::{Client, PATIENCE, Place, Report, Version};

/// Each generation keeps for so much longer than the one before, so that what was decided shows which one decided.
const STEP: u64 = 100;
const SWAPS: u64 = 20;
const CLIENTS: usize = 3;
/// However fast the swaps are made, there are thousands of handshakes.
const HANDSHAKES: usize = 3_000;

#[test]
fn under_load_no_handshake_fails_and_each_is_decided_by_one_generation() {
    let place = Place::new();
    place.policy("10-counted.wasm", policy(1));
    let server = place.serve(&[]);
    server.live("counted", 1);
    let tally = Tally::default();
    let over = AtomicBool::new(false);
    let address = server.address();
    thread::scope(|scope| {
        for at in 0..CLIENTS {
            let (tally, over) = (&tally, &over);
            scope.spawn(move || {
                let clients = Version::BOTH.map(Client::new);
                let mut sessions = [None, None];
                for round in at.. {
                    if over.load(Ordering::Relaxed) {
                        break;
                    }
                    let which = round % 2;
                    // One in five comes without a session.
                    let offered = sessions[which].take_if(|_| true).filter(|_| round % 5 != 0);
                    match clients[which].visit(address, offered.as_ref()) {
                        Ok(visit) => {
                            tally.count(&visit.report, visit.reused, offered.is_some());
                            sessions[which] = Some(visit.session);
                        }
                        Err(error) => tally.failed(error),
                    }
                }
            });
        }
        // Whatever goes wrong in here, the clients are to end.
        let _ends = Ends(&over);
        tally.await_generation(1);
        for generation in 2..=SWAPS + 1 {
            place.policy("10-counted.wasm", policy(generation));
            server.live("counted", generation);
            tally.await_generation(generation);
        }
        tally.until("as many handshakes", |counts| counts.handshakes >= HANDSHAKES);
    });
    let tally = tally.inner.into_inner().unwrap();
    assert_eq!(tally.wrong, Vec::<String>::new(), "of {} handshakes", tally.handshakes);
    println!("{} handshakes, {} resumed; by generation: {:?}", tally.handshakes, tally.resumed, tally.by_generation);
    assert_eq!(tally.by_generation.keys().copied().collect::<Vec<u64>>(), (1..=SWAPS + 1).collect::<Vec<u64>>());
    // All that offer a session resume: a swap costs nobody its session.
    assert_eq!(tally.resumed, tally.offered);
}

/// Keeps for as long as its generation says, and resumes.
fn policy(generation: u64) -> Vec<u8> {
    let lifetime = u32::try_from(generation * STEP).unwrap() + 3600;
    let keep = Keep { lifetime: Some(lifetime), ..Keep::default() };
    Fixture::default().on(Callback::New, keep.wat()).no_opinion(Callback::Get).build()
}

#[derive(Default)]
struct Tally {
    inner: Mutex<Counts>,
    more: Condvar,
}

#[derive(Default)]
struct Counts {
    handshakes: usize,
    offered: usize,
    resumed: usize,
    by_generation: BTreeMap<u64, usize>,
    wrong: Vec<String>,
}

impl Tally {
    fn count(&self, report: &Report, reused: bool, offered: bool) {
        let mut counts = self.inner.lock().unwrap();
        counts.handshakes += 1;
        counts.resumed += usize::from(reused);
        counts.offered += usize::from(offered);
        let generation = report.policies.first().map_or(0, |said| said.generation);
        *counts.by_generation.entry(generation).or_default() += 1;
        if let Some(wrong) = wrong(report, reused, generation) {
            counts.wrong.push(format!("{wrong}: {report:?}"));
        }
        drop(counts);
        self.more.notify_all();
    }

    fn failed(&self, error: String) {
        let mut counts = self.inner.lock().unwrap();
        counts.handshakes += 1;
        counts.wrong.push(error);
    }

    /// Waits until a handshake was decided by `generation`.
    fn await_generation(&self, generation: u64) {
        self.until(&format!("a handshake of generation {generation}"), |counts| {
            counts.by_generation.contains_key(&generation)
        });
    }

    fn until(&self, what: &str, reached: impl Fn(&Counts) -> bool) {
        let counts = self.inner.lock().unwrap();
        let (_counts, waited) = self.more.wait_timeout_while(counts, PATIENCE, |counts| !reached(counts)).unwrap();
        assert!(!waited.timed_out(), "waited for in vain: {what}");
    }
}

/// What is wrong with a handshake, if anything is.
fn wrong(report: &Report, reused: bool, generation: u64) -> Option<&'static str> {
    if reused != report.resumed {
        return Some("the two sides disagree");
    }
    let decisions = match (report.protocol.as_str(), reused) {
        ("TLSv1.3", true) => 2,
        _ => 1,
    };
    if report.policies.len() != decisions {
        return Some("not as many decisions as callbacks");
    }
    if report.policies.iter().any(|said| said.generation != generation) {
        return Some("two generations in one handshake");
    }
    let kept_now = report.policies.iter().any(|said| said.verdict == "keep");
    if kept_now && !reused {
        let (Some(expires), Some(authenticated)) = (report.expires, report.authenticated) else {
            return Some("kept, and not known for how long");
        };
        // The clock may have moved on between the two.
        if (expires - authenticated).wrapping_sub(3600 + generation * STEP) > STEP / 2 {
            return Some("another generation's lifetime");
        }
    }
    None
}

struct Ends<'a>(&'a AtomicBool);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
