//! What wakes the thread that looks at the directory.

use std::time::Instant;

use parking_lot::{Condvar, Mutex};

/// Why the bell was rung. Rings that nobody answered yet fall together, so a storm of events costs no memory.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Rings {
    /// Something may have changed.
    pub look: bool,
    /// The directory itself may be another one, even if it has the old one's inode number: watch it anew.
    pub watch_anew: bool,
    /// The owner is going away.
    pub stop: bool,
}

impl Rings {
    fn any(self) -> bool {
        self.look || self.watch_anew || self.stop
    }
}

#[derive(Default)]
pub(super) struct Bell {
    rings: Mutex<Rings>,
    rung: Condvar,
}

impl Bell {
    pub fn ring(&self, why: Rings) {
        let mut rings = self.rings.lock();
        rings.look |= why.look;
        rings.watch_anew |= why.watch_anew;
        rings.stop |= why.stop;
        self.rung.notify_one();
    }

    /// Waits for a ring until `latest`, and takes all that were rung. Returns no earlier than `earliest`, so that a storm of
    /// events is answered once, unless the owner is going away.
    pub fn wait(&self, earliest: Instant, latest: Instant) -> Rings {
        let mut rings = self.rings.lock();
        loop {
            let now = Instant::now();
            if rings.stop || now >= latest || (rings.any() && now >= earliest) {
                return std::mem::take(&mut rings);
            }
            let until = if rings.any() { earliest } else { latest };
            self.rung.wait_until(&mut rings, until);
        }
    }

    /// Keeps everyone from the bell, as a thread does that was lost at a fork.
    #[cfg(test)]
    pub fn hold(&self) -> impl Sized + '_ {
        self.rings.lock()
    }
}
