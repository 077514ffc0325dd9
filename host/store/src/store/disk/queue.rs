//! What waits to be written.
//!
//! Changes, one for each session, wait in the order in which they came, bounded in number and
//! bytes. Until one is committed, look-ups of this process see it here. Takes and removals are
//! urgent and overtake the puts of other sessions; a change of their own session that waits goes
//! before them, in the same transaction.

use std::{
    collections::{HashMap, VecDeque, hash_map::Entry as Place},
    mem,
    sync::{Arc, mpsc::SyncSender},
    time::{Duration, Instant},
};

use reprise_session::lock::{Condvar, Mutex};
use reprise_session::session::SessionId;
use tokio::sync::oneshot;

use crate::store::{Answer, Entry, Notice, Published, RecordBytes, Removal, Removed, Unavailable};

/// The most changes that wait, and their bytes.
const MOST: usize = 16_384;
const MOST_BYTES: usize = 16 << 20;

/// The most sessions whose fetches are counted and not yet written. Fetches of others are not counted.
const MOST_COUNTED: usize = 16_384;

/// What one transaction has: it is done in some milliseconds, for other processes wait for it.
const BATCH: usize = 128;
const BATCH_BYTES: usize = 512 << 10;

/// How long puts wait for others to be written with. A commit costs more than a put.
const LINGER: Duration = Duration::from_millis(5);

/// What is to become of a session.
pub enum Change {
    Put { entry: Entry, since: u64 },
    Remove,
}

/// What goes before puts.
pub enum Urgent {
    /// A fetch that consumes.
    Take { id: SessionId, now: u64, reply: oneshot::Sender<Answer> },
    /// Removes what is under the id: what is written, or what was `known` of it here before it was.
    Remove { id: SessionId, known: Option<RecordBytes>, reply: SyncSender<Option<RecordBytes>> },
    /// A notice for every process. In a transaction of its own, which is synced.
    Publish { notice: Notice, wait: Duration, reply: oneshot::Sender<Result<Published, Unavailable>> },
}

/// A change, and its number among all changes of this process.
pub struct Numbered {
    pub id: SessionId,
    pub number: u64,
    pub change: Arc<Change>,
}

/// What is written together.
#[derive(Default)]
pub struct Batch {
    pub urgent: Vec<Urgent>,
    pub changes: Vec<Numbered>,
    pub fetched: Vec<(SessionId, u32)>,
    /// It is this time: what has expired goes.
    pub maintain: Option<u64>,
    /// This process is there and knows the notices up to this number.
    pub beat: Option<i64>,
}

#[derive(Default)]
pub struct Queue {
    state: Mutex<State>,
    work: Condvar,
}

#[derive(Default)]
struct State {
    waiting: HashMap<SessionId, Waiting>,
    /// In this order; a number that is not the one waiting any more is passed over.
    order: VecDeque<(SessionId, u64)>,
    bytes: usize,
    numbered: u64,
    urgent: VecDeque<Urgent>,
    fetched: HashMap<SessionId, u32>,
    maintain: Option<u64>,
    beat: Option<i64>,
    flushes: Vec<(u64, SyncSender<()>)>,
    stopped: bool,
}

struct Waiting {
    change: Arc<Change>,
    number: u64,
    /// It is part of the transaction that is going on.
    writing: bool,
}

impl Queue {
    /// Queues a put. What that leaves to be told of: the session that it replaced before it was
    /// written, or, if the queue is full, this one.
    pub fn put(&self, id: SessionId, entry: Entry, now: u64) -> Option<Removed> {
        let mut state = self.state.lock();
        let length = entry.record.len();
        if state.stopped || state.waiting.len() >= MOST || state.bytes + length > MOST_BYTES {
            return Some(Removed { id, record: entry.record, reach: entry.reach, why: Removal::Evicted });
        }
        let since = entry.since.unwrap_or(now);
        let replaced = state.change(id, Change::Put { entry, since });
        // The first is what the writer waits for; then it lingers, until there are enough.
        let wakes = state.waiting.len() == 1 || state.waiting.len() >= BATCH;
        drop(state);
        if wakes {
            self.work.notify_one();
        }
        replaced
    }

    /// Queues what is urgent and changes nothing by itself. False if nobody is there to do it.
    pub fn urge(&self, urgent: Urgent) -> bool {
        self.hurry(|_| urgent)
    }

    /// Queues a removal, after which look-ups find nothing. False if nobody is there to do it.
    pub fn remove(&self, id: SessionId, reply: SyncSender<Option<RecordBytes>>) -> bool {
        self.hurry(|state| {
            let known = state.waiting.get(&id).and_then(|waiting| match &*waiting.change {
                Change::Put { entry, .. } => Some(entry.record.clone()),
                Change::Remove => None,
            });
            state.change(id, Change::Remove);
            Urgent::Remove { id, known, reply }
        })
    }

    fn hurry(&self, urgent: impl FnOnce(&mut State) -> Urgent) -> bool {
        let mut state = self.state.lock();
        if state.stopped || state.urgent.len() >= MOST {
            return false;
        }
        let urgent = urgent(&mut state);
        state.urgent.push_back(urgent);
        drop(state);
        self.work.notify_one();
        true
    }

    /// The change of this session that is not committed yet.
    pub fn waiting(&self, id: &SessionId) -> Option<Arc<Change>> {
        self.state.lock().waiting.get(id).map(|waiting| waiting.change.clone())
    }

    /// Counts a fetch, and gives how many were counted before that are not written yet.
    pub fn fetched(&self, id: &SessionId) -> u32 {
        let mut state = self.state.lock();
        let room = state.fetched.len() < MOST_COUNTED;
        match state.fetched.entry(*id) {
            Place::Occupied(mut counted) => {
                let before = *counted.get();
                *counted.get_mut() = before.saturating_add(1);
                before
            }
            Place::Vacant(free) => {
                if room {
                    free.insert(1);
                }
                0
            }
        }
    }

    /// The fetches counted of a session that is taken out.
    pub fn taken(&self, id: &SessionId) -> u32 {
        self.state.lock().fetched.remove(id).unwrap_or(0)
    }

    pub fn maintain(&self, now: u64) {
        self.state.lock().maintain = Some(now);
        self.work.notify_one();
    }

    pub fn beat(&self, knows: i64) {
        self.state.lock().beat = Some(knows);
        self.work.notify_one();
    }

    /// Tells when every change queued before is written, or given up.
    pub fn flush(&self, reply: SyncSender<()>) {
        let mut state = self.state.lock();
        let number = state.numbered;
        state.flushes.push((number, reply));
        state.tell_flushed();
        drop(state);
        self.work.notify_one();
    }

    /// The last batches are what waits now.
    pub fn stop(&self) {
        self.state.lock().stopped = true;
        self.work.notify_one();
    }

    /// What is to be written next; none when there will be no more.
    pub fn next(&self) -> Option<Batch> {
        let mut state = self.state.lock();
        let mut lingers = None;
        loop {
            if state.is_empty() {
                if state.stopped {
                    return None;
                }
                state = self.work.wait(state);
                continue;
            }
            let until = *lingers.get_or_insert_with(|| Instant::now() + LINGER);
            if state.hurries() {
                return Some(state.batch());
            }
            let late;
            (state, late) = self.work.wait_until(state, until);
            if late {
                return Some(state.batch());
            }
        }
    }

    /// These changes are committed, and wait no more.
    pub fn written(&self, changes: Vec<Numbered>) {
        let mut state = self.state.lock();
        for written in changes {
            state.done(&written.id, written.number);
        }
        state.tell_flushed();
    }

    /// The batch could not be written, and is tried again.
    pub fn again(&self, batch: Batch) {
        let mut state = self.state.lock();
        for Numbered { id, number, .. } in batch.changes.into_iter().rev() {
            if let Some(waiting) = state.waiting.get_mut(&id).filter(|waiting| waiting.number == number) {
                waiting.writing = false;
                state.order.push_front((id, number));
            }
        }
        state.maintain = state.maintain.or(batch.maintain);
        state.beat = state.beat.or(batch.beat);
    }

    /// What was taken to be written, and was neither written nor given up, waits again: its writer is gone.
    pub fn take_back(&self) {
        let mut state = self.state.lock();
        let State { waiting, order, .. } = &mut *state;
        let mut lost: Vec<_> = waiting.iter_mut().filter(|(_, waiting)| waiting.writing).collect();
        lost.sort_by_key(|(_, waiting)| std::cmp::Reverse(waiting.number));
        for (id, waiting) in lost {
            waiting.writing = false;
            order.push_front((*id, waiting.number));
        }
    }

    /// These changes cannot be written. Puts are given up, and told of; removals wait on, for what
    /// was removed is not given out as long as this store is there.
    pub fn give_up(&self, changes: Vec<Numbered>, tell: impl Fn(Removed)) {
        for Numbered { change, id, .. } in &changes {
            if let Change::Put { entry, .. } = &**change {
                tell(Removed { id: *id, record: entry.record.clone(), reach: entry.reach, why: Removal::Evicted });
            }
        }
        let mut state = self.state.lock();
        for Numbered { id, number, change } in changes {
            if state.stopped || matches!(*change, Change::Put { .. }) {
                state.done(&id, number);
            } else if let Some(waiting) = state.waiting.get_mut(&id).filter(|waiting| waiting.number == number) {
                waiting.writing = false;
                state.order.push_back((id, number));
            }
        }
        state.tell_flushed();
    }
}

impl State {
    /// Puts `change` in the place of the one that waits. What was to be written and never will be is returned.
    fn change(&mut self, id: SessionId, change: Change) -> Option<Removed> {
        self.numbered += 1;
        let number = self.numbered;
        self.order.push_back((id, number));
        self.bytes += change.bytes();
        let put = matches!(change, Change::Put { .. });
        let before = self.waiting.insert(id, Waiting { change: Arc::new(change), number, writing: false })?;
        self.bytes -= before.change.bytes();
        match &*before.change {
            Change::Put { entry, .. } if put && !before.writing => {
                let (record, reach) = (entry.record.clone(), entry.reach);
                Some(Removed { id, record, reach, why: Removal::Replaced })
            }
            _ => None,
        }
    }

    fn done(&mut self, id: &SessionId, number: u64) {
        if let Place::Occupied(waiting) = self.waiting.entry(*id)
            && waiting.get().number == number
        {
            self.bytes -= waiting.remove().change.bytes();
        }
    }

    fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.urgent.is_empty() && self.maintain.is_none() && self.beat.is_none()
    }

    fn hurries(&self) -> bool {
        let now = self.stopped || !self.urgent.is_empty() || self.maintain.is_some() || !self.flushes.is_empty();
        now || self.waiting.len() >= BATCH
    }

    fn batch(&mut self) -> Batch {
        let mut batch = Batch { maintain: self.maintain.take(), beat: self.beat.take(), ..Batch::default() };
        let mut bytes = 0;
        batch.urgent.extend(self.urgent.drain(..self.urgent.len().min(BATCH)));
        for urgent in &batch.urgent {
            if let Urgent::Take { id, .. } | Urgent::Remove { id, .. } = urgent
                && let Some(waiting) = self.waiting.get_mut(id)
                && !mem::replace(&mut waiting.writing, true)
            {
                bytes += waiting.change.bytes();
                batch.changes.push(Numbered { id: *id, number: waiting.number, change: waiting.change.clone() });
            }
        }
        while batch.changes.len() < BATCH && bytes < BATCH_BYTES {
            let Some((id, number)) = self.order.pop_front() else { break };
            let Some(waiting) = self.waiting.get_mut(&id) else { continue };
            if waiting.number != number || mem::replace(&mut waiting.writing, true) {
                continue;
            }
            bytes += waiting.change.bytes();
            batch.changes.push(Numbered { id, number, change: waiting.change.clone() });
        }
        if batch.maintain.is_some() {
            let counted: Vec<SessionId> = self.fetched.keys().take(BATCH).copied().collect();
            batch.fetched.extend(counted.iter().filter_map(|id| self.fetched.remove_entry(id)));
        }
        batch
    }

    fn tell_flushed(&mut self) {
        if self.flushes.is_empty() {
            return;
        }
        let oldest = self.waiting.values().map(|waiting| waiting.number).min().unwrap_or(u64::MAX);
        for (_, reply) in self.flushes.extract_if(.., |(number, _)| *number < oldest) {
            let _ = reply.try_send(()); // Nobody waits any more.
        }
    }
}

impl Change {
    /// The bytes of its record.
    pub fn bytes(&self) -> usize {
        match self {
            Change::Put { entry, .. } => entry.record.len(),
            Change::Remove => 0,
        }
    }
}
