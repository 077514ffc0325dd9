use std::sync::mpsc;

use super::*;

/// Far beyond what anything here takes. Reached only by a test that fails.
const PATIENCE: Duration = Duration::from_secs(60);

fn only(vitals: &Vitals) -> Vital {
    let mut list = vitals.list();
    assert_eq!(list.len(), 1, "{list:?}");
    list.remove(0)
}

fn until(what: impl Fn() -> bool) {
    let given_up = Instant::now() + PATIENCE;
    while !what() {
        assert!(Instant::now() < given_up, "not in time");
        thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn a_thread_that_panics_is_started_again() {
    let vitals = Vitals::default();
    let (order, orders) = mpsc::channel();
    let (tell, told) = mpsc::channel();
    let thread = vitals.thread("t", move |_| {
        for order in &orders {
            assert!(order != "panic", "as ordered");
            tell.send(order).unwrap();
        }
        Ended::Told
    });
    for round in 1..4 {
        order.send("panic").unwrap();
        order.send("go on").unwrap();
        assert_eq!(told.recv_timeout(PATIENCE).unwrap(), "go on");
        let vital = only(&vitals);
        assert_eq!((vital.restarts, vital.ended.as_deref()), (round, Some("it panicked: as ordered")));
    }
    until(|| only(&vitals).sound);
    drop(order);
    thread.unwrap().join().unwrap();
    assert_eq!(vitals.list(), [], "what was told to end is nobody's trouble");
}

#[test]
fn a_thread_that_keeps_ending_is_never_sound() {
    let vitals = Vitals::default();
    let (stop, stopped) = mpsc::channel::<()>();
    let thread = vitals.thread("t", move |_| match stopped.try_recv() {
        Err(mpsc::TryRecvError::Empty) => Ended::Early,
        _ => Ended::Told,
    });
    for _ in 0..4 {
        let restarts = only(&vitals).restarts;
        until(|| only(&vitals).restarts > restarts);
        let vital = only(&vitals);
        assert!(!vital.sound && vital.ended.as_deref() == Some("it returned"), "{vital:?}");
    }
    drop(stop);
    thread.unwrap().join().unwrap();
}

#[test]
fn a_log_that_panics_ends_no_thread() {
    struct Panics;
    impl io::Write for Panics {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            panic!("failed printing to stderr")
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let log = tracing_subscriber::fmt().with_writer(|| Panics).finish();
    let vitals = Vitals::default();
    let (tell, told) = mpsc::channel();
    let dispatch = tracing::Dispatch::new(log);
    let mut rounds = 0;
    let thread = vitals.thread("t", move |_| {
        rounds += 1;
        // As `stderr` goes away: this line panics, and so does the one about it.
        if rounds == 1 {
            std::mem::forget(tracing::dispatcher::set_default(&dispatch));
            tracing::error!("anything");
        }
        tell.send(rounds).unwrap();
        Ended::Told
    });
    assert_eq!(told.recv_timeout(PATIENCE), Ok(2));
    thread.unwrap().join().unwrap();
}

#[tokio::test]
async fn a_task_that_panics_goes_on_with_what_it_had() {
    let vitals = Vitals::default();
    let mut life = vitals.task("t");
    let mut rounds = 0;
    let mut work = async || {
        rounds += 1;
        tokio::task::yield_now().await;
        assert!(rounds != 1, "as ordered");
        if rounds == 2 { Ended::Early } else { Ended::Told }
    };
    let mut seen = Vec::new();
    while life.again(caught(work()).await).await {
        seen.push(only(&vitals));
    }
    let why: Vec<_> = seen.iter().map(|vital| (vital.restarts, vital.ended.as_deref(), vital.sound)).collect();
    assert_eq!(why, [(1, Some("it panicked: as ordered"), false), (2, Some("it returned"), false)]);
    assert_eq!((rounds, vitals.list()), (3, vec![]));
}

#[test]
fn what_is_dropped_before_its_end_stays_down() {
    let vitals = Vitals::default();
    drop(vitals.task("t"));
    assert!(!only(&vitals).sound);
}

#[test]
fn a_round_that_takes_long_shows() {
    let vitals = Vitals::default();
    let life = vitals.task("t");
    assert_eq!(only(&vitals).busy, None);
    let heart = life.heart();
    let busy = heart.works();
    assert_eq!(only(&vitals).busy, Some(0));
    drop(busy);
    assert_eq!(only(&vitals).busy, None);
}
