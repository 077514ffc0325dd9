//! What wakes the thread that looks at the directory.

use std::{mem, time::Instant};

use reprise_session::lock::{Condvar, Mutex};

/// Why the bell was rung. Rings that nobody answered yet fall together, so a storm of events costs no memory.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Rings {
    /// Something may have changed.
    pub look: bool,
    /// The directory itself may be another one, even if it has the old one's inode number: watch it anew.
    pub watch_anew: bool,
    /// A policy misbehaved, or an operator wishes something.
    pub attend: bool,
    /// The owner is going away.
    pub stop: bool,
}

impl Rings {
    /// Whether a look at the directory is asked for.
    pub fn looks(self) -> bool {
        self.look || self.watch_anew
    }
}

#[derive(Default)]
pub(super) struct Bell {
    rings: Mutex<Rings>,
    rung: Condvar,
}

impl Bell {
    pub fn ring(&self, why: Rings) {
        // Events at neighbours of the directory: nobody is woken for them.
        if !(why.looks() || why.attend || why.stop) {
            return;
        }
        let mut rings = self.rings.lock();
        rings.look |= why.look;
        rings.watch_anew |= why.watch_anew;
        rings.attend |= why.attend;
        rings.stop |= why.stop;
        self.rung.notify_one();
    }

    /// Waits for a ring until `latest`, and takes what was rung. What asks for a look is taken no
    /// earlier than `earliest`, so that a storm of events is answered once.
    pub fn wait(&self, earliest: Instant, latest: Instant) -> Rings {
        let mut rings = self.rings.lock();
        loop {
            let now = Instant::now();
            let looks = rings.looks() && now >= earliest;
            if rings.stop || rings.attend || looks || now >= latest {
                let later = if looks { Rings::default() } else { Rings { attend: false, stop: false, ..*rings } };
                let taken = mem::replace(&mut *rings, later);
                return if looks { taken } else { Rings { look: false, watch_anew: false, ..taken } };
            }
            let until = if rings.looks() { earliest.min(latest) } else { latest };
            (rings, _) = self.rung.wait_until(rings, until);
        }
    }

    /// Keeps everyone from the bell, as a thread does that was lost at a fork.
    #[cfg(test)]
    pub fn hold(&self) -> impl Sized + '_ {
        self.rings.lock()
    }
}
