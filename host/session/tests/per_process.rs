//! A process that forks while a thread of its holds a lock. A program of its own, for a test harness has threads that do not
//! survive a fork.

use std::{
    convert::Infallible,
    process::{self, ExitCode},
    sync::{
        Arc, Mutex,
        mpsc::{Sender, channel},
    },
    thread::{self, JoinHandle},
};

use arc_swap::ArcSwapOption;
use reprise_session::{
    lock::{self, Condvar},
    process::PerProcess,
};
use reprise_tests::fork::in_child;

/// A thread that holds a lock until it is told to stop, as it is when this is dropped.
struct Worker {
    process: u32,
    lock: Arc<Mutex<()>>,
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Worker {
    fn start() -> Result<Self, Infallible> {
        let lock = Arc::new(Mutex::new(()));
        let ((stop, stopped), (locked, is_locked)) = (channel(), channel());
        let held = Arc::clone(&lock);
        let thread = thread::spawn(move || {
            let _held = held.lock();
            locked.send(()).unwrap();
            let _ = stopped.recv();
        });
        is_locked.recv().unwrap();
        Ok(Self { process: process::id(), lock, stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        drop(self.stop.take());
        self.thread.take().unwrap().join().expect("the thread is there");
        drop(self.lock.lock());
    }
}

/// Threads that all wait until this is dropped, and end then.
struct Crowd {
    meeting: Arc<Meeting>,
    threads: Vec<JoinHandle<()>>,
}

#[derive(Default)]
struct Meeting {
    /// How many have come, and whether it is over.
    state: lock::Mutex<(usize, bool)>,
    came: Condvar,
    over: Condvar,
}

impl Crowd {
    fn gather() -> Self {
        let meeting = Arc::<Meeting>::default();
        let attend = |meeting: Arc<Meeting>| {
            let mut state = meeting.state.lock();
            state.0 += 1;
            meeting.came.notify_one();
            drop(meeting.over.wait_while(state, |(_, over)| !*over));
        };
        let threads: Vec<_> =
            (0..100).map(|_| Arc::clone(&meeting)).map(|to| thread::spawn(move || attend(to))).collect();
        drop(meeting.came.wait_while(meeting.state.lock(), |(came, _)| *came < threads.len()));
        Self { meeting, threads }
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        self.meeting.state.lock().1 = true;
        self.meeting.over.notify_all();
        self.threads.drain(..).for_each(|thread| thread.join().unwrap());
    }
}

fn main() -> ExitCode {
    let own = PerProcess::new(Worker::start().unwrap());
    let taken = PerProcess::new(Worker::start().unwrap());
    let slot = ArcSwapOption::from_pointee(PerProcess::new(Worker::start().unwrap()));
    let here = || PerProcess::here(&slot, Worker::start).unwrap();
    let parents = here();

    // Each would wait for ever for a thread that is not there.
    in_child("a child gets nothing of its parent's, and drops it untouched", || {
        assert!(!own.is_here() && own.get().is_none());
        assert_ne!(own.as_it_was().unwrap().process, process::id());
        drop(own);
        assert!(taken.into_inner().is_none());
    });
    let own = PerProcess::new(Worker::start().unwrap());

    in_child("a child has one of its own made, once", || {
        assert!(parents.get().is_none());
        let made = here();
        assert_eq!(made.get().unwrap().process, process::id());
        assert!(Arc::ptr_eq(&made, &here()));
        drop((slot.swap(None), made));
    });

    in_child("so has a child's child", || {
        here();
        in_child("a grandchild", || assert_eq!(here().get().unwrap().process, process::id()));
    });

    // Their stacks are used again by the child's.
    let resting = Crowd::gather();
    for _ in 0..20 {
        in_child("threads wait where the parent's waited at the fork", || drop((Crowd::gather(), Crowd::gather())));
    }
    drop(resting);

    assert!(own.is_here() && Arc::ptr_eq(&parents, &here()), "the parent is as it was");
    drop(own.into_inner().expect("it is this process's"));
    println!("a parent goes on as before ... ok");
    ExitCode::SUCCESS
}
