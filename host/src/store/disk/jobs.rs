//! Look-ups that wait for a reader.

use std::{collections::VecDeque, sync::mpsc::SyncSender};

use parking_lot::{Condvar, Mutex};
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

#[derive(Default)]
pub struct Jobs {
    state: Mutex<State>,
    work: Condvar,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Job>,
    stopped: bool,
}

impl Jobs {
    /// False if too many wait, or nobody is there to do it.
    pub fn push(&self, job: Job) -> bool {
        let mut state = self.state.lock();
        if state.stopped || state.waiting.len() >= MOST {
            return false;
        }
        state.waiting.push_back(job);
        drop(state);
        self.work.notify_one();
        true
    }

    /// The next look-up that somebody still waits for; none when there will be no more.
    pub fn next(&self) -> Option<Job> {
        let mut state = self.state.lock();
        loop {
            match state.waiting.pop_front() {
                Some(job) if job.abandoned() => {}
                Some(job) => return Some(job),
                None if state.stopped => return None,
                None => self.work.wait(&mut state),
            }
        }
    }

    pub fn stop(&self) {
        self.state.lock().stopped = true;
        self.work.notify_all();
    }
}

impl Job {
    fn abandoned(&self) -> bool {
        matches!(self, Job::Fetch { reply, .. } if reply.is_closed())
    }
}
