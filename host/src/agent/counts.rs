//! What came of the handshakes of a process or a program, and of its contexts.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
};

use reprise_openssl::facts::{Displaced, LeftAlone, Noted, Observed, Offered};
use reprise_session::lock::Mutex;
use serde::{Deserialize, Serialize};

/// Counts as they grow.
#[derive(Default)]
pub struct Counts {
    full: AtomicU64,
    missed: AtomicU64,
    resumed: AtomicU64,
    refused: [AtomicU64; Offered::ALL.len()],
    contexts: Mutex<Contexts>,
}

#[derive(Default)]
struct Contexts {
    hooked: u64,
    displaced: BTreeMap<&'static str, u64>,
    left: BTreeMap<LeftAlone, u64>,
}

/// Counts of a process, since it connected, or of a program, since the agent started.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counted {
    /// Handshakes in full.
    pub full: u64,
    /// Those of them whose client had offered a session.
    pub missed: u64,
    /// Handshakes that resumed a session.
    pub resumed: u64,
    /// Of handshakes that were only looked at and did not resume, what their clients offered: `session-id`, `ticket`, `psk`.
    pub refused: BTreeMap<String, u64>,
    /// Contexts (`SSL_CTX`) whose session callbacks became the module's.
    pub contexts: u64,
    /// What of the program's own that has put out of use, and on how many contexts: `new-callback`, `get-callback`, `internal-cache`.
    pub displaced: BTreeMap<String, u64>,
    /// Contexts that are left alone: `data-on-sessions`, `resumption-is-off`, `dtls`, `quic`.
    pub left_alone: BTreeMap<String, u64>,
}

impl Counts {
    /// A handshake is complete.
    pub fn done(&self, resumed: bool, offered: bool) {
        if resumed {
            self.resumed.fetch_add(1, Relaxed);
        } else {
            self.full.fetch_add(1, Relaxed);
            self.missed.fetch_add(u64::from(offered), Relaxed);
        }
    }

    /// A handshake is complete that was only looked at.
    pub fn observed(&self, Observed { offered, resumed, .. }: Observed) {
        let any = offered != Offered::Nothing;
        self.done(resumed, any);
        if any && !resumed {
            self.refused[offered as usize].fetch_add(1, Relaxed);
        }
    }

    /// Something became of so many contexts.
    pub fn noted(&self, noted: Noted, number: u64) {
        let Contexts { hooked, displaced, left } = &mut *self.contexts.lock();
        match noted {
            Noted::Hooked(Displaced { new, get, internal }) => {
                *hooked = hooked.saturating_add(number);
                for (is, what) in [(new, "new-callback"), (get, "get-callback"), (internal, "internal-cache")] {
                    if is {
                        let count = displaced.entry(what).or_default();
                        *count = count.saturating_add(number);
                    }
                }
            }
            Noted::Left(why) => {
                let count = left.entry(why).or_default();
                *count = count.saturating_add(number);
            }
        }
    }

    /// As they are now.
    pub fn read(&self) -> Counted {
        let Contexts { hooked, displaced, left } = &*self.contexts.lock();
        Counted {
            full: self.full.load(Relaxed),
            missed: self.missed.load(Relaxed),
            resumed: self.resumed.load(Relaxed),
            refused: named(Offered::ALL.map(|kind| (kind.as_str(), self.refused[kind as usize].load(Relaxed)))),
            contexts: *hooked,
            displaced: named(displaced.iter().map(|(what, count)| (*what, *count))),
            left_alone: named(left.iter().map(|(why, count)| (why.as_str(), *count))),
        }
    }
}

/// What there is any of, by its name.
fn named(counts: impl IntoIterator<Item = (&'static str, u64)>) -> BTreeMap<String, u64> {
    counts.into_iter().filter(|(_, count)| *count > 0).map(|(what, count)| (what.to_owned(), count)).collect()
}
