//! Look-ups that wait for a reader.

use std::{
    collections::VecDeque,
    sync::mpsc::SyncSender,
    thread::{self, Thread},
};

use parking_lot::Mutex;
use tokio::sync::oneshot::Sender;

use crate::{
    session::SessionId,
    store::{Answer, RecordBytes},
};

/// The most look-ups that wait. A disk that answers has a few; so many wait for one that hangs, and more would wait in vain.
const MOST: usize = 16_384;

pub enum Job {
    /// What is under the id, taken out if it is for single use.
    Fetch { id: SessionId, now: u64, reply: Sender<Answer> },
    /// The record under the id, if somebody waits for it.
    Peek { id: SessionId, reply: SyncSender<Option<RecordBytes>> },
}

/// The reader that fell idle last is the next to work: what it read of the file is still at hand.
#[derive(Default)]
pub struct Jobs(Mutex<State>);

#[derive(Default)]
struct State {
    waiting: VecDeque<Job>,
    idle: Vec<Thread>,
    stopped: bool,
}

impl Jobs {
    /// False if too many wait, or nobody is there to do it.
    pub fn push(&self, job: Job) -> bool {
        let mut state = self.0.lock();
        if state.stopped || state.waiting.len() >= MOST {
            return false;
        }
        state.waiting.push_back(job);
        let reader = state.idle.pop();
        drop(state);
        reader.inspect(Thread::unpark);
        true
    }

    /// The next look-up that somebody still waits for; none when there will be no more.
    pub fn next(&self) -> Option<Job> {
        let mut idle = false;
        loop {
            let mut state = self.0.lock();
            while let Some(job) = state.waiting.pop_front() {
                if !job.abandoned() {
                    // Another may have been woken for it, and finds nothing.
                    state.idle.retain(|reader| !idle || reader.id() != thread::current().id());
                    return Some(job);
                }
            }
            if state.stopped {
                return None;
            }
            if !state.idle.iter().any(|reader| reader.id() == thread::current().id()) {
                state.idle.push(thread::current());
            }
            idle = true;
            drop(state);
            thread::park();
        }
    }

    pub fn stop(&self) {
        let mut state = self.0.lock();
        state.stopped = true;
        state.idle.drain(..).for_each(|reader| reader.unpark());
    }
}

impl Job {
    fn abandoned(&self) -> bool {
        matches!(self, Job::Fetch { reply, .. } if reply.is_closed())
    }
}
