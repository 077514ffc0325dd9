//! The guard in front of a store that answers as it is told.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    task::Waker,
};

use reprise_session::session::Unsealable;

use super::*;
use crate::store::{Found, Reach};

/// What a look-up comes to.
#[derive(Clone, Copy, PartialEq)]
enum Says {
    Found { consumed: bool },
    NotFound,
    Unavailable,
    NotOurs,
    Nothing,
}

struct Scripted {
    says: Mutex<Says>,
    asked: AtomicUsize,
}

impl Store for Scripted {
    fn put(&self, _id: SessionId, _entry: Entry, _now: u64) {}

    fn fetch(&self, _id: &SessionId, _consume: Consume, _now: u64) -> Fetch {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let answer = match *self.says.lock() {
            Says::Found { consumed } => Ok(Some(Found { consumed, ..found() })),
            Says::NotFound => Ok(None),
            Says::Unavailable => Err(Unavailable("down".into()).into()),
            Says::NotOurs => Err(Unsealable::Broken.into()),
            Says::Nothing => return Fetch::Pending(Box::pin(std::future::pending())),
        };
        Fetch::Pending(Box::pin(async { answer }))
    }

    fn remove(&self, _id: &SessionId) -> Option<RecordBytes> {
        None
    }

    fn peek(&self, _id: &SessionId) -> Option<RecordBytes> {
        None
    }

    fn usage(&self) -> Usage {
        Usage::default()
    }
}

fn found() -> Found {
    Found {
        record: RecordBytes::new(vec![1]),
        prototype: None,
        fetches: 0,
        consumed: false,
        single_use: false,
        wants_prototype: false,
        reach: Reach::Fleet,
        remaining: Some(60),
        since: None,
        tier: 0,
    }
}

/// Every look-up that is given up is late with no deadline, and none with an hour's.
fn guard(says: Says, deadline: Duration) -> (Arc<Scripted>, Guard) {
    let store = Arc::new(Scripted { says: Mutex::new(says), asked: AtomicUsize::new(0) });
    (store.clone(), Guard::new(store, deadline))
}

/// Its store has answered once, and does not any more.
fn silent_now(deadline: Duration) -> (Arc<Scripted>, Guard) {
    let (store, guard) = guard(Says::NotFound, deadline);
    ask(&guard, id(255));
    *store.says.lock() = Says::Nothing;
    (store, guard)
}

const HOUR: Duration = Duration::from_secs(3_600);

fn id(n: u8) -> SessionId {
    let mut bytes = [0; 32];
    bytes[0] = n;
    SessionId::from(bytes)
}

/// Asks, and gives up what is not answered at once.
fn ask(guard: &Guard, id: SessionId) -> Option<Answer> {
    match guard.fetch(&id, Consume::Never, 0) {
        Fetch::Ready(answer) => Some(answer),
        Fetch::Pending(mut answer) => match answer.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(answer) => Some(answer),
            Poll::Pending => None,
        },
    }
}

fn reachable(guard: &Guard) -> bool {
    guard.tiers()[0].reachable
}

#[test]
fn a_store_that_has_not_answered_yet_is_not_reachable() {
    let (store, guard) = guard(Says::NotFound, HOUR);
    assert!(guard.tiers()[0].trouble.as_ref().unwrap().contains("not answered yet"));
    ask(&guard, id(1));
    assert!(reachable(&guard));
    // Nobody asks any more but the guard, which waits for that.
    let asked = store.asked.load(Ordering::SeqCst);
    guard.attend(Instant::now(), 0);
    assert_eq!(store.asked.load(Ordering::SeqCst), asked, "it has just answered");
    guard.attend(Instant::now() + ASKING, 0);
    let patience = Instant::now() + HOUR;
    while store.asked.load(Ordering::SeqCst) == asked {
        assert!(Instant::now() < patience, "it is asked");
        thread::yield_now();
    }
}

/// Opens it: it is not asked any more.
fn fail(guard: &Guard) {
    for n in 0..FAILURES as u8 {
        ask(guard, id(n));
    }
    assert!(!reachable(guard));
}

#[test]
fn a_store_that_fails_again_and_again_is_not_asked_any_more() {
    for (says, deadline) in [(Says::Unavailable, HOUR), (Says::Nothing, Duration::ZERO)] {
        let (store, guard) = guard(says, deadline);
        fail(&guard);
        let asked = store.asked.load(Ordering::SeqCst);
        for n in 0..100 {
            let Some(Err(FetchError::Unavailable(why))) = ask(&guard, id(n)) else { panic!("a miss at once") };
            assert!(why.0.contains("not asked"), "{why}");
        }
        assert_eq!((store.asked.load(Ordering::SeqCst), guard.tiers()[0].lookups_skipped), (asked, 100));
    }
}

#[test]
fn one_moment_in_which_nothing_is_answered_does_not_count_a_hundred_times() {
    let (_, guard) = silent_now(Duration::ZERO);
    let waiting: Vec<Fetch> = (0..100).map(|n| guard.fetch(&id(n), Consume::Never, 0)).collect();
    drop(waiting);
    assert!(reachable(&guard));
}

#[test]
fn clients_that_go_away_say_nothing_about_the_store() {
    let (_, guard) = silent_now(HOUR);
    (0..100).for_each(|n| assert!(ask(&guard, id(n)).is_none()));
    assert!(reachable(&guard));
}

#[test]
fn a_store_that_has_what_does_not_open_is_not_down() {
    let (_, guard) = guard(Says::NotOurs, HOUR);
    (0..100).for_each(|n| assert!(matches!(ask(&guard, id(n)), Some(Err(FetchError::Unsealable(_))))));
    assert!(reachable(&guard));
}

#[test]
fn a_store_that_answers_its_probe_is_asked_again() {
    let (store, guard) = guard(Says::Unavailable, HOUR);
    fail(&guard);
    let asked = store.asked.load(Ordering::SeqCst);
    guard.attend(Instant::now(), 0);
    assert_eq!(store.asked.load(Ordering::SeqCst), asked, "no probe is due yet");
    *store.says.lock() = Says::NotFound;
    let later = Instant::now() + breaker::PAUSE;
    (0..10).for_each(|_| guard.attend(later, 0));
    let patience = Instant::now() + Duration::from_secs(60);
    while !reachable(&guard) {
        assert!(Instant::now() < patience, "it is asked again");
        thread::yield_now();
    }
    assert_eq!(store.asked.load(Ordering::SeqCst), asked + 1, "by one probe");
    assert!(matches!(ask(&guard, id(200)), Some(Ok(None))));
}

#[test]
fn what_was_not_there_or_was_spent_costs_no_second_round_trip() {
    for says in [Says::NotFound, Says::Found { consumed: true }] {
        let (store, guard) = guard(says, HOUR);
        ask(&guard, id(1));
        for _ in 0..10 {
            assert!(matches!(ask(&guard, id(1)), Some(Ok(None))));
        }
        assert_eq!((store.asked.load(Ordering::SeqCst), guard.tiers()[0].lookups_spared), (1, 10));
        ask(&guard, id(2));
        assert_eq!(store.asked.load(Ordering::SeqCst), 2, "another one is asked for");
    }
}

#[test]
fn what_was_removed_is_not_asked_for() {
    let (store, guard) = guard(Says::Found { consumed: false }, HOUR);
    guard.remove(&id(1));
    assert!(matches!(ask(&guard, id(1)), Some(Ok(None))));
    assert_eq!(store.asked.load(Ordering::SeqCst), 0);
}

#[test]
fn what_is_there_or_unknown_is_asked_for_each_time() {
    for says in [Says::Found { consumed: false }, Says::NotOurs] {
        let (store, guard) = guard(says, HOUR);
        (0..3).for_each(|_| drop(ask(&guard, id(1))));
        assert_eq!(store.asked.load(Ordering::SeqCst), 3);
    }
}

#[test]
fn what_is_put_is_asked_for_again() {
    let (store, guard) = guard(Says::NotFound, HOUR);
    ask(&guard, id(1));
    guard.put(id(1), Entry::plain(1, 60), 0);
    *store.says.lock() = Says::Found { consumed: false };
    assert!(matches!(ask(&guard, id(1)), Some(Ok(Some(_)))));
}
