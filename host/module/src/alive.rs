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
