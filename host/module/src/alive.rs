//! Sessions that stay decoded in this process: to decode one with a client's certificate takes fifty times as long as to duplicate it.

use std::collections::{HashMap, VecDeque};

use reprise_session::{
    lock::Mutex,
    session::{Prototype, SessionId},
};

/// At most so many; those that came first go first.
const MOST: usize = 4_096;

/// At most so many bytes of them.
const MOST_BYTES: usize = 16 << 20;

/// Decoded sessions by their ids.
#[derive(Default)]
pub struct Alive(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    sessions: HashMap<SessionId, Prototype>,
    order: VecDeque<SessionId>,
    bytes: usize,
}

impl Alive {
    /// The session with this id, if it is here.
    pub fn get(&self, id: &SessionId) -> Option<Prototype> {
        self.0.lock().sessions.get(id).cloned()
    }

    /// Keeps one.
    pub fn keep(&self, id: SessionId, session: Prototype) {
        let mut kept = self.0.lock();
        let weight = session.weight();
        if let Some(before) = kept.sessions.insert(id, session) {
            kept.bytes -= before.weight();
        } else {
            kept.order.push_back(id);
        }
        kept.bytes += weight;
        while kept.sessions.len() > MOST || kept.bytes > MOST_BYTES {
            let Some(first) = kept.order.pop_front() else { break };
            if let Some(gone) = kept.sessions.remove(&first) {
                kept.bytes -= gone.weight();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use reprise_session::session::Decoded;

    use super::*;

    struct Weighing(usize);

    impl Decoded for Weighing {
        fn weight(&self) -> usize {
            self.0
        }

        fn has_certificate(&self) -> bool {
            false
        }

        fn secret(&self) -> zeroize::Zeroizing<Vec<u8>> {
            zeroize::Zeroizing::default()
        }
    }

    fn id(number: usize) -> SessionId {
        let mut id = [0; 32];
        id[..8].copy_from_slice(&number.to_be_bytes());
        id.into()
    }

    #[test]
    fn the_first_go_first_by_number_and_by_weight() {
        let alive = Arc::new(Alive::default());
        (0..MOST + 10).for_each(|number| alive.keep(id(number), Prototype::new(Weighing(1))));
        let here = |range: std::ops::Range<usize>| range.filter(|&number| alive.get(&id(number)).is_some()).count();
        assert_eq!((here(0..10), here(10..MOST + 10)), (0, MOST));
        alive.keep(id(MOST * 2), Prototype::new(Weighing(MOST_BYTES)));
        assert_eq!((here(0..MOST * 2), here(MOST * 2..MOST * 2 + 1)), (0, 1));
        // Once more, it weighs once.
        alive.keep(id(MOST * 2), Prototype::new(Weighing(1)));
        alive.keep(id(1), Prototype::new(Weighing(1)));
        assert_eq!(here(0..MOST * 2 + 1), 2);
        assert_eq!(alive.0.lock().bytes, 2);
    }
}
