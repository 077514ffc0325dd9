//! A store that is spied on, and does as a test says: slow, dead, lying, panicking.

mod seen;

use std::{
    future::{poll_fn, ready},
    mem,
    sync::{Arc, Condvar, Mutex, MutexGuard},
    task::Poll,
    time::Duration,
};

use reprise_session::session::{Prototype, Record, SessionId};
use reprise_store::store::{
    Answer, Consume, Entry, Fetch, InvalidationObserver, Memory, NoticeObserver, RecordBytes, RemovalObserver, Scope,
    Store, Unavailable, Usage,
};
use tokio::sync::oneshot;

pub use self::seen::Seen;

/// A store in front of a [`Memory`]. The default is as good as that one; the test changes what it does, before and while it is used.
#[derive(Clone)]
pub struct TestStore {
    memory: Arc<Memory>,
    scope: Scope,
    kind: &'static str,
    pace: Pace,
    /// Whether it keeps prototypes and is maintained.
    whole: bool,
    tells_removals: bool,
    /// What was asked of it.
    pub seen: Arc<Seen>,
    told: Arc<Told>,
}

/// When it answers, unless it holds answers back.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Pace {
    AtOnce,
    /// Only to who waits, at once.
    WhenPolled,
    /// Only to who waits, at the second look; what is fetched is taken then.
    WhenPolledAgain,
}

type Put = dyn Fn(SessionId, &mut Entry) + Send + Sync;
type Meanwhile = dyn Fn() + Send + Sync;
type Answering = dyn Fn(&SessionId, Answer) -> Answer + Send + Sync;
type Maintaining = dyn Fn() + Send + Sync;

/// What the test says.
#[derive(Default)]
struct Told {
    state: Mutex<State>,
    asked: Condvar,
    hangs: Mutex<()>,
    putting: Mutex<Option<Box<Put>>>,
    meanwhile: Mutex<Option<Box<Meanwhile>>>,
    answering: Mutex<Option<Box<Answering>>>,
    maintaining: Mutex<Option<Box<Maintaining>>>,
}

#[derive(Default)]
struct State {
    down: bool,
    unheard: Option<Duration>,
    keeps: bool,
    holds: bool,
    panics: bool,
    fetches: Vec<(SessionId, Consume)>,
    held: Vec<(oneshot::Sender<Answer>, Answer)>,
    invalidations: Option<InvalidationObserver>,
    notices: Option<NoticeObserver>,
}

impl Default for TestStore {
    fn default() -> Self {
        let memory = Memory::default();
        Self {
            scope: memory.scope(),
            memory: Arc::new(memory),
            kind: "other",
            pace: Pace::AtOnce,
            whole: true,
            tells_removals: true,
            seen: Arc::default(),
            told: Arc::default(),
        }
    }
}

/// How it is made.
impl TestStore {
    /// One of this process that keeps sessions, and nothing else: no prototypes, and nobody is told of what it gives up.
    pub fn bare() -> Self {
        Self { whole: false, tells_removals: false, ..Self::default() }
    }

    /// Like [`TestStore::bare`], seen by whom the scope says.
    pub fn of(scope: Scope) -> Self {
        Self { scope, ..Self::bare() }
    }

    /// Of this kind.
    pub fn kind(self, kind: &'static str) -> Self {
        Self { kind, ..self }
    }

    /// With so many bytes for sessions, and none for prototypes.
    pub fn with_budget(self, bytes: usize) -> Self {
        Self { memory: Arc::new(Memory::with_budgets(bytes, 0)), ..self }
    }

    /// Tells of the sessions that it gives up.
    pub fn telling_removals(self) -> Self {
        Self { tells_removals: true, ..self }
    }

    /// Never answers at once, and has the answer for who waits.
    pub fn answering_who_waits(self) -> Self {
        Self { pace: Pace::WhenPolled, ..self }
    }

    /// Never answers at once, and has whoever waits look twice.
    pub fn late(self) -> Self {
        Self { pace: Pace::WhenPolledAgain, ..self }
    }
}

/// What it does from now on.
impl TestStore {
    /// What is put is changed like this.
    pub fn putting(&self, change: impl Fn(SessionId, &mut Entry) + Send + Sync + 'static) {
        *lock(&self.told.putting) = Some(Box::new(change));
    }

    /// What is put is changed like this; decoded anew on every look-up, for its prototype is left out.
    pub fn rewriting(&self, rewrite: impl Fn(&mut Record, &mut Entry) + Send + Sync + 'static) {
        self.putting(move |_, entry| {
            let mut record = Record::decode(&entry.record).unwrap();
            rewrite(&mut record, entry);
            entry.record = record.encode().unwrap();
            entry.prototype = None;
        });
    }

    /// This happens during every fetch.
    pub fn meanwhile(&self, happens: impl Fn() + Send + Sync + 'static) {
        *lock(&self.told.meanwhile) = Some(Box::new(happens));
    }

    /// What is found is changed like this.
    pub fn answering(&self, change: impl Fn(&SessionId, Answer) -> Answer + Send + Sync + 'static) {
        *lock(&self.told.answering) = Some(Box::new(change));
    }

    /// This happens whenever it is maintained.
    pub fn maintaining(&self, happens: impl Fn() + Send + Sync + 'static) {
        *lock(&self.told.maintaining) = Some(Box::new(happens));
    }

    /// It gives out what it was asked to take, and has it still.
    pub fn keep_what_is_to_be_taken(&self) {
        lock(&self.told.state).keeps = true;
    }

    /// Nothing can be fetched, or it can again.
    pub fn set_down(&self, down: bool) {
        lock(&self.told.state).down = down;
    }

    /// It has not heard of notices for so long.
    pub fn set_unheard(&self, unheard: Duration) {
        lock(&self.told.state).unheard = Some(unheard);
    }

    /// Removals wait as long as this is held.
    pub fn hang(&self) -> MutexGuard<'_, ()> {
        lock(&self.told.hangs)
    }

    /// Waiting for an answer panics.
    pub fn panic(&self) {
        lock(&self.told.state).panics = true;
    }

    /// Answers are held back; what is fetched is taken at once, and told later.
    pub fn hold(&self) {
        lock(&self.told.state).holds = true;
    }

    /// Gives the answers held back, and says how many were still waited for. Later ones are given at once, unless held again.
    pub fn release(&self) -> usize {
        let held = {
            let mut state = lock(&self.told.state);
            state.holds = false;
            mem::take(&mut state.held)
        };
        held.into_iter().filter_map(|(sender, answer)| sender.send(answer).ok()).count()
    }
}

/// What became of it.
impl TestStore {
    /// How many answers are held back and waited for.
    pub fn awaited(&self) -> usize {
        lock(&self.told.state).held.iter().filter(|(sender, _)| !sender.is_closed()).count()
    }

    /// What was fetched since this was asked last.
    pub fn fetched(&self) -> Vec<(SessionId, Consume)> {
        mem::take(&mut lock(&self.told.state).fetches)
    }

    /// Waits until an answer is held back.
    pub fn wait_for_a_fetch(&self) {
        let waited = self
            .told
            .asked
            .wait_timeout_while(lock(&self.told.state), Duration::from_secs(60), |state| state.held.is_empty())
            .unwrap();
        assert!(!waited.1.timed_out(), "the store is asked");
    }

    /// Who is to be told that a session is gone elsewhere.
    pub fn invalidations(&self) -> InvalidationObserver {
        lock(&self.told.state).invalidations.clone().expect("somebody observes it")
    }

    /// Who is to be told of notices.
    pub fn notices(&self) -> NoticeObserver {
        lock(&self.told.state).notices.clone().expect("somebody observes it")
    }

    fn answer(&self, id: &SessionId, consume: Consume, now: u64) -> Answer {
        let Fetch::Ready(answer) = self.memory.fetch(id, consume, now) else { panic!("memory knows at once") };
        match &*lock(&self.told.answering) {
            Some(change) => change(id, answer),
            None => answer,
        }
    }
}

impl Store for TestStore {
    fn scope(&self) -> Scope {
        self.scope
    }

    fn kind(&self) -> &'static str {
        self.kind
    }

    fn put(&self, id: SessionId, mut entry: Entry, now: u64) {
        if let Some(change) = &*lock(&self.told.putting) {
            change(id, &mut entry);
        }
        if !self.whole {
            entry.prototype = None;
        }
        self.seen.put(id, &entry);
        self.memory.put(id, entry, now);
        self.seen.was_put();
    }

    fn fetch(&self, id: &SessionId, consume: Consume, now: u64) -> Fetch {
        self.seen.fetch();
        if let Some(happens) = &*lock(&self.told.meanwhile) {
            happens();
        }
        let mut state = lock(&self.told.state);
        state.fetches.push((*id, consume));
        if state.panics {
            return Fetch::Pending(Box::pin(async { panic!("a store that panics when it is waited for") }));
        }
        if state.down {
            return Fetch::Ready(Err(Unavailable("connection refused".into()).into()));
        }
        let consume = if state.keeps { Consume::Never } else { consume };
        if self.pace == Pace::WhenPolledAgain {
            let (store, id, mut asked) = (self.clone(), *id, false);
            return Fetch::Pending(Box::pin(async move {
                poll_fn(|context| {
                    context.waker().wake_by_ref();
                    if mem::replace(&mut asked, true) { Poll::Ready(()) } else { Poll::Pending }
                })
                .await;
                store.answer(&id, consume, now)
            }));
        }
        let answer = self.answer(id, consume, now);
        if state.holds {
            let (sender, receiver) = oneshot::channel();
            state.held.push((sender, answer));
            self.told.asked.notify_all();
            return Fetch::Pending(Box::pin(async { receiver.await.expect("the test answers or ends") }));
        }
        match self.pace {
            Pace::WhenPolled => Fetch::Pending(Box::pin(ready(answer))),
            _ => Fetch::Ready(answer),
        }
    }

    fn remove(&self, id: &SessionId) -> Option<RecordBytes> {
        let _waits = self.hang();
        let removed = self.memory.remove(id);
        self.seen.remove();
        removed
    }

    fn forget(&self, id: &SessionId) {
        self.memory.remove(id);
        self.seen.remove();
    }

    fn peek(&self, id: &SessionId) -> Option<RecordBytes> {
        let record = self.memory.peek(id);
        self.seen.peek();
        record
    }

    fn keep_prototype(&self, id: &SessionId, prototype: Prototype) {
        if self.whole {
            self.memory.keep_prototype(id, prototype);
        }
    }

    fn maintain(&self, now: u64) {
        if let Some(happens) = &*self.told.maintaining.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) {
            happens();
        }
        if self.whole {
            self.memory.maintain(now);
        }
    }

    fn observe_removals(&self, observer: RemovalObserver) {
        if self.tells_removals {
            self.memory.observe_removals(observer);
        }
    }

    fn observe_invalidations(&self, observer: InvalidationObserver) {
        lock(&self.told.state).invalidations = Some(observer);
    }

    fn observe_notices(&self, observer: NoticeObserver) {
        lock(&self.told.state).notices = Some(observer);
    }

    fn notices_age(&self) -> Option<Duration> {
        lock(&self.told.state).unheard
    }

    fn usage(&self) -> Usage {
        self.memory.usage()
    }
}

fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("nobody panicked with it")
}
