//! What policy calls add to. Every addition is one relaxed atomic one: they are on the way of a
//! handshake. A reader may see one count of a call and not yet the other.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use reprise_session::histogram::{Histogram, Reading, Scale};

use super::{
    Answer, Callback, Failure,
    wit::types::{GetVerdict, NewVerdict, RemoveVerdict},
};

/// Calls of policies: from the microsecond that one takes to the tenth of a second that no budget
/// should allow, in nanoseconds.
static CALLS: Scale<12> = Scale {
    per_second: 1e9,
    bounds: [
        1_000,
        2_500,
        5_000,
        10_000,
        25_000,
        50_000,
        100_000,
        500_000,
        1_000_000,
        5_000_000,
        20_000_000,
        100_000_000,
    ],
};

/// The verdicts that policies give, in the words of the interface, each with its callback.
pub const VERDICTS: [(Callback, &str); 7] = [
    (Callback::New, "keep"),
    (Callback::New, "refuse"),
    (Callback::Get, "resume"),
    (Callback::Get, "resume-without-early-data"),
    (Callback::Get, "full-handshake"),
    (Callback::Remove, "host-default"),
    (Callback::Remove, "forget"),
];

/// The calls of the policies of one name, all its generations together.
#[derive(Debug)]
pub struct PolicyCounts {
    /// How long calls took, by callback.
    calls: [Histogram<12>; Callback::ALL.len()],
    /// Calls that were due and for which no time was left.
    without_time: [AtomicU64; Callback::ALL.len()],
    verdicts: [AtomicU64; VERDICTS.len()],
    failures: [AtomicU64; Failure::ALL.len()],
}

impl Default for PolicyCounts {
    fn default() -> Self {
        Self {
            calls: std::array::from_fn(|_| Histogram::new(&CALLS)),
            without_time: Default::default(),
            verdicts: Default::default(),
            failures: Default::default(),
        }
    }
}

impl PolicyCounts {
    /// A call took this long, the wait for an instance included.
    pub fn called(&self, callback: Callback, took: Duration) {
        self.calls[callback as usize].observe(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX));
    }

    /// A call was due when the handshake's budget was used up.
    pub fn left_out(&self, callback: Callback) {
        self.without_time[callback as usize].fetch_add(1, Relaxed);
    }

    /// A call gave no verdict.
    pub fn failed(&self, failure: Failure) {
        self.failures[failure as usize].fetch_add(1, Relaxed);
    }

    /// What became of a call, as far as it is a verdict.
    pub fn answered(&self, answer: &Answer) {
        if let Some(at) = verdict(answer) {
            self.verdicts[at].fetch_add(1, Relaxed);
        }
    }

    /// Calls of this callback, those that failed included.
    pub fn calls(&self, callback: Callback) -> u64 {
        self.calls[callback as usize].count() + self.without_time[callback as usize].load(Relaxed)
    }

    /// How long calls of this callback took.
    pub fn call_times(&self, callback: Callback) -> Reading {
        self.calls[callback as usize].read()
    }

    /// How often each of [`VERDICTS`] was given.
    pub fn verdicts(&self) -> [u64; VERDICTS.len()] {
        self.verdicts.each_ref().map(|count| count.load(Relaxed))
    }

    /// Failed calls, in the order of [`Failure::ALL`].
    pub fn failures(&self) -> [u64; Failure::ALL.len()] {
        self.failures.each_ref().map(|count| count.load(Relaxed))
    }
}

/// The place of an answer among [`VERDICTS`].
pub(super) fn verdict(answer: &Answer) -> Option<usize> {
    Some(match answer {
        Answer::New(NewVerdict::Keep(_)) => 0,
        Answer::New(NewVerdict::Refuse) => 1,
        Answer::Get(GetVerdict::Resume) => 2,
        Answer::Get(GetVerdict::ResumeWithoutEarlyData) => 3,
        Answer::Get(GetVerdict::FullHandshake) => 4,
        Answer::Remove(RemoveVerdict::HostDefault) => 5,
        Answer::Remove(RemoveVerdict::Forget) => 6,
        Answer::NoOpinion | Answer::FailedObjecting(_) | Answer::FailedAbstaining(_) => return None,
    })
}
