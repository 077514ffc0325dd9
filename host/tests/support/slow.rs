//! A store that answers when the test says so.

use std::{
    sync::{Arc, Condvar, Mutex},
    time::Duration,
};

use reprise::{
    session::SessionId,
    store::{Answer, Consume, Entry, Fetch, Memory, RecordBytes, Scope, Store, Usage},
};
use tokio::sync::oneshot;

/// In front of a memory store: what is fetched is taken from that at once, and told later.
#[derive(Clone, Default)]
pub struct Slow {
    memory: Arc<Memory>,
    state: Arc<(Mutex<State>, Condvar)>,
}

#[derive(Default)]
struct State {
    /// Whether answers are held back.
    holds: bool,
    panics: bool,
    fetches: Vec<(SessionId, Consume)>,
    held: Vec<(oneshot::Sender<Answer>, Answer)>,
}

impl Slow {
    /// From now on, answers are held back.
    pub fn hold(&self) {
        self.state.0.lock().unwrap().holds = true;
    }

    /// From now on, waiting for an answer panics.
    pub fn panic(&self) {
        self.state.0.lock().unwrap().panics = true;
    }

    /// Gives the answers held back, and says how many were still waited for. Later ones are given at once, unless held again.
    pub fn release(&self) -> usize {
        let held = {
            let mut state = self.state.0.lock().unwrap();
            state.holds = false;
            std::mem::take(&mut state.held)
        };
        held.into_iter().filter_map(|(sender, answer)| sender.send(answer).ok()).count()
    }

    /// How many answers are held back and waited for.
    pub fn awaited(&self) -> usize {
        self.state.0.lock().unwrap().held.iter().filter(|(sender, _)| !sender.is_closed()).count()
    }

    /// What was fetched since this was asked last.
    pub fn fetched(&self) -> Vec<(SessionId, Consume)> {
        std::mem::take(&mut self.state.0.lock().unwrap().fetches)
    }

    /// Waits until an answer is held back.
    pub fn wait_for_a_fetch(&self) {
        let (state, asked) = &*self.state;
        let waited = asked
            .wait_timeout_while(state.lock().unwrap(), Duration::from_secs(60), |state| state.held.is_empty())
            .unwrap();
        assert!(!waited.1.timed_out(), "the store is asked");
    }
}

impl Store for Slow {
    fn scope(&self) -> Scope {
        Scope::Process
    }

    fn put(&self, id: SessionId, entry: Entry, now: u64) {
        self.memory.put(id, Entry { prototype: None, ..entry }, now);
    }

    fn fetch(&self, id: &SessionId, consume: Consume, now: u64) -> Fetch {
        let (state, asked) = &*self.state;
        let mut state = state.lock().unwrap();
        state.fetches.push((*id, consume));
        if state.panics {
            return Fetch::Pending(Box::pin(async { panic!("a store that panics when it is waited for") }));
        }
        let answer = match self.memory.fetch(id, consume, now) {
            Fetch::Ready(answer) => answer,
            Fetch::Pending(_) => unreachable!("the memory store knows at once"),
        };
        if !state.holds {
            return Fetch::Ready(answer);
        }
        let (sender, receiver) = oneshot::channel();
        state.held.push((sender, answer));
        asked.notify_all();
        Fetch::Pending(Box::pin(async { receiver.await.expect("the test answers or ends") }))
    }

    fn remove(&self, id: &SessionId) -> Option<RecordBytes> {
        self.memory.remove(id)
    }

    fn peek(&self, id: &SessionId) -> Option<RecordBytes> {
        self.memory.peek(id)
    }

    fn usage(&self) -> Usage {
        self.memory.usage()
    }
}
