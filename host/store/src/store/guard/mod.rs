//! A guard in front of a store that others share: what is down is not asked, and what is known not
//! to be there is not asked for.
//!
//! Whether a store is reachable is said here, for the status, the metrics and whoever asks whether
//! the server is ready: it has answered lately, look-ups and writes, and is asked. What does not
//! say so of itself is asked for it when nobody else asks.
//!
//! - `breaker`: when the store is not asked any more, and when again
//! - `absent`: the sessions known not to be there

mod absent;
mod breaker;

use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{
            AtomicBool, AtomicU64,
            Ordering::{AcqRel, Relaxed, Release},
        },
    },
    task::{Context, Poll},
    thread,
    time::{Duration, Instant},
};

use reprise_session::lock::Mutex;
use reprise_session::{
    session::{Prototype, SessionId},
    vital::{Vital, guarded},
};

use self::{
    absent::Absent,
    breaker::{Event, FAILURES, State},
};
use super::{
    Answer, Consume, Entry, Fetch, FetchError, Health, InvalidationObserver, LATELY, Later, Notice, NoticeObserver,
    Published, RecordBytes, RemovalObserver, Scope, Store, TierStatus, Unavailable, Usage, wait,
};

/// A store, and what is known of how it does.
pub struct Guard {
    store: Arc<dyn Store>,
    watch: Arc<Watch>,
}

/// What look-ups tell of the store.
struct Watch {
    kind: &'static str,
    /// How long a look-up may take.
    deadline: Duration,
    breaker: Mutex<State>,
    made: Instant,
    /// When it answered last: milliseconds since `made`, and one; 0 before the first time.
    heard: AtomicU64,
    /// A question of the guard's own is under way while the breaker is closed.
    asking: AtomicBool,
    absent: Mutex<Absent>,
    skipped: AtomicU64,
    spared: AtomicU64,
}

impl Guard {
    /// In front of `store`, whose look-ups have `deadline`.
    pub fn new(store: Arc<dyn Store>, deadline: Duration) -> Self {
        let watch = Watch {
            kind: store.kind(),
            deadline,
            breaker: Mutex::default(),
            made: Instant::now(),
            heard: AtomicU64::new(0),
            asking: AtomicBool::new(false),
            absent: Mutex::new(Absent::new(Instant::now())),
            skipped: AtomicU64::new(0),
            spared: AtomicU64::new(0),
        };
        Self { store, watch: Arc::new(watch) }
    }

    /// Sends a probe if one is due.
    fn attend(&self, now: Instant, unix_now: u64) {
        let (State::Open { .. }, State::Probing { .. }) = self.watch.note(Event::Tick, now) else {
            return self.ask_if_nobody_does(now, unix_now);
        };
        let (store, watch) = (self.store.clone(), self.watch.clone());
        // On a thread of its own, for it may take the whole deadline: one at a time, every few seconds.
        let sent = thread::Builder::new().name("reprise-probe".into()).spawn(move || {
            let answered = guarded("Store::fetch", false, || probe(&*store, watch.deadline, unix_now));
            watch.note(if answered { Event::ProbeAnswered } else { Event::ProbeFailed }, Instant::now());
        });
        if sent.is_err() {
            self.watch.note(Event::ProbeFailed, now);
        }
    }

    /// Finds out how a store is that does not say it, and was not heard from for a while.
    fn ask_if_nobody_does(&self, now: Instant, unix_now: u64) {
        let silent = self.watch.silence(now).is_none_or(|silence| silence >= ASKING);
        let asks = silent && self.watch.breaker.lock().is_closed() && self.store.health() == Health::Unknown;
        if !asks || self.watch.asking.swap(true, AcqRel) {
            return;
        }
        let (store, watch) = (self.store.clone(), self.watch.clone());
        let sent = thread::Builder::new().name("reprise-probe".into()).spawn(move || {
            let event = match guarded("Store::fetch", false, || probe(&*store, watch.deadline, unix_now)) {
                true => Event::Answered,
                false => Event::Failed { began: now },
            };
            watch.note(event, Instant::now());
            watch.asking.store(false, Release);
        });
        if sent.is_err() {
            self.watch.asking.store(false, Release);
        }
    }
}

/// While nobody asks a store that does not say how it is, it is asked this often.
const ASKING: Duration = Duration::from_secs(2);

/// Whether the store answers in time, when it is asked for a session that nobody has.
fn probe(store: &dyn Store, deadline: Duration, now: u64) -> bool {
    let mut id = [0; 32];
    if openssl::rand::rand_bytes(&mut id).is_err() {
        return false;
    }
    let answer = match store.fetch(&SessionId::from(id), Consume::Never, now) {
        Fetch::Ready(answer) => answer,
        Fetch::Pending(mut answer) => wait::until(Instant::now() + deadline, answer.as_mut()),
    };
    !is_failure(&answer)
}

/// What does not open was given out by a store that is well.
fn is_failure(answer: &Answer) -> bool {
    matches!(answer, Err(FetchError::Unavailable(_)))
}

impl Watch {
    /// Why the store is not to be counted on.
    fn trouble(&self, health: Health) -> Option<String> {
        if !self.breaker.lock().is_closed() {
            return Some(format!("look-ups failed {FAILURES} times in a row, and it has not answered since"));
        }
        match (health, self.silence(Instant::now())) {
            (Health::Answers, _) => None,
            (Health::Fails(why), _) => Some(why),
            (Health::Unknown, None) => Some("it has not answered yet".into()),
            (Health::Unknown, Some(silence)) => {
                (silence > LATELY).then(|| format!("it has not answered for {} s", silence.as_secs()))
            }
        }
    }

    /// For how long it has not answered; none before the first time.
    fn silence(&self, now: Instant) -> Option<Duration> {
        let heard = self.heard.load(Relaxed).checked_sub(1)?;
        Some(now.saturating_duration_since(self.made).saturating_sub(Duration::from_millis(heard)))
    }

    /// Notes what happened; the states before and after it.
    fn note(&self, event: Event, now: Instant) -> (State, State) {
        if matches!(event, Event::Answered | Event::ProbeAnswered) {
            self.heard.store(now.saturating_duration_since(self.made).as_millis() as u64 + 1, Relaxed);
        }
        let (before, after) = {
            let mut state = self.breaker.lock();
            let before = *state;
            *state = before.next(event, now);
            (before, *state)
        };
        match (before.is_closed(), after.is_closed()) {
            (true, false) => tracing::warn!(
                store = self.kind,
                "a session store failed {FAILURES} times in a row: it is not asked until it answers again, and what it has does \
                 not resume"
            ),
            (false, true) => tracing::info!(store = self.kind, "a session store answers again"),
            _ => {}
        }
        (before, after)
    }

    fn answered(&self, id: &SessionId, began: Instant, answer: &Answer) {
        let now = Instant::now();
        if is_failure(answer) {
            self.note(Event::Failed { began }, now);
            return;
        }
        self.note(Event::Answered, now);
        if let Ok(found) = answer
            && found.as_ref().is_none_or(|found| found.consumed)
        {
            self.absent.lock().insert(id, now);
        }
    }
}

/// A look-up under way.
struct Asked {
    answer: Later<Answer>,
    watch: Arc<Watch>,
    id: SessionId,
    began: Instant,
    answered: bool,
}

impl Future for Asked {
    type Output = Answer;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Answer> {
        let polled = self.answer.as_mut().poll(context);
        if let Poll::Ready(answer) = &polled {
            self.answered = true;
            self.watch.answered(&self.id, self.began, answer);
        }
        polled
    }
}

/// Given up without an answer. Half the deadline tells a store that is silent from a client that
/// has gone: the deadline itself is counted from before this store was asked, others nearer may
/// have been before it, and a store that takes half of it every time is not well.
impl Drop for Asked {
    fn drop(&mut self) {
        if !self.answered && self.began.elapsed() >= self.watch.deadline / 2 {
            self.watch.note(Event::Failed { began: self.began }, Instant::now());
        }
    }
}

impl Store for Guard {
    fn scope(&self) -> Scope {
        self.store.scope()
    }

    fn kind(&self) -> &'static str {
        self.store.kind()
    }

    fn put(&self, id: SessionId, entry: Entry, now: u64) {
        self.watch.absent.lock().forget(&id);
        self.store.put(id, entry, now);
    }

    fn fetch(&self, id: &SessionId, consume: Consume, now: u64) -> Fetch {
        let began = Instant::now();
        if self.watch.absent.lock().contains(id, began) {
            self.watch.spared.fetch_add(1, Relaxed);
            return Fetch::Ready(Ok(None));
        }
        if !self.watch.breaker.lock().is_closed() {
            self.watch.skipped.fetch_add(1, Relaxed);
            let why = format!("not asked: it failed {FAILURES} times in a row and has not answered since");
            return Fetch::Ready(Err(Unavailable(why).into()));
        }
        match self.store.fetch(id, consume, now) {
            Fetch::Ready(answer) => {
                self.watch.answered(id, began, &answer);
                Fetch::Ready(answer)
            }
            Fetch::Pending(answer) => {
                let watch = self.watch.clone();
                Fetch::Pending(Box::pin(Asked { answer, watch, id: *id, began, answered: false }))
            }
        }
    }

    fn remove(&self, id: &SessionId) -> Option<RecordBytes> {
        let removed = self.store.remove(id);
        self.watch.absent.lock().insert(id, Instant::now());
        removed
    }

    fn forget(&self, id: &SessionId) {
        self.store.forget(id);
        self.watch.absent.lock().insert(id, Instant::now());
    }

    fn peek(&self, id: &SessionId) -> Option<RecordBytes> {
        self.store.peek(id)
    }

    fn keep_prototype(&self, id: &SessionId, prototype: Prototype) {
        self.store.keep_prototype(id, prototype);
    }

    fn maintain(&self, now: u64) {
        self.store.maintain(now);
        self.attend(Instant::now(), now);
    }

    fn observe_removals(&self, observer: RemovalObserver) {
        self.store.observe_removals(observer);
    }

    fn publish(&self, notice: Notice, wait: Duration) -> Option<Later<Result<Published, Unavailable>>> {
        self.store.publish(notice, wait)
    }

    fn observe_notices(&self, observer: NoticeObserver) {
        self.store.observe_notices(observer);
    }

    fn observe_invalidations(&self, observer: InvalidationObserver) {
        self.store.observe_invalidations(observer);
    }

    fn notices_age(&self) -> Option<Duration> {
        self.store.notices_age()
    }

    fn vitals(&self) -> Vec<Vital> {
        self.store.vitals()
    }

    fn health(&self) -> Health {
        self.watch.trouble(self.store.health()).map_or(Health::Answers, Health::Fails)
    }

    fn usage(&self) -> Usage {
        self.store.usage()
    }

    fn tiers(&self) -> Vec<TierStatus> {
        let trouble = self.watch.trouble(self.store.health());
        let reachable = trouble.is_none();
        let (lookups_skipped, lookups_spared) = (self.watch.skipped.load(Relaxed), self.watch.spared.load(Relaxed));
        let tiers = self.store.tiers().into_iter();
        let status = |tier| TierStatus { reachable, trouble: trouble.clone(), lookups_skipped, lookups_spared, ..tier };
        tiers.map(status).collect()
    }
}

#[cfg(test)]
mod tests;
