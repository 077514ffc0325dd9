//! Look-ups that wait for a reader.
//!
//! What is read is nearly always in the system's memory, and takes some microseconds: less than it
//! takes to wake a thread. So where look-ups follow one another closely, a reader that has nothing
//! to do looks out for the next one for a moment before it sleeps, and whoever asks looks out for
//! the answer. Both yield their core to anyone who has use for it.

use std::{
    collections::VecDeque,
    sync::{
        atomic::{
            AtomicBool,
            Ordering::{AcqRel, Acquire, Relaxed, Release},
        },
        mpsc::SyncSender,
    },
    thread::{self, Thread},
    time::{Duration, Instant},
};

use reprise_session::lock::Mutex;
use reprise_session::session::SessionId;
use tokio::sync::oneshot::{Receiver, Sender, error::TryRecvError};

use crate::store::{Answer, RecordBytes};

/// The most look-ups that wait. A disk that answers has a few; so many wait for one that hangs, and
/// more would wait in vain.
const MOST: usize = 16_384;

/// How long anybody looks out before it sleeps: some times what a look-up takes, and about what it
/// takes to wake a thread.
const LOOK_OUT: Duration = Duration::from_micros(40);

pub enum Job {
    /// What is under the id, to be looked at.
    Fetch { id: SessionId, now: u64, asked: Instant, reply: Sender<Answer> },
    /// The record under the id, if somebody waits for it.
    Peek { id: SessionId, reply: SyncSender<Option<RecordBytes>> },
}

/// The reader that fell idle last is the next to work: what it read of the file is still at hand.
#[derive(Default)]
pub struct Jobs {
    state: Mutex<State>,
    /// A reader looks out for a job; who takes this away has handed it one. Set, and taken for a job, under the lock.
    lookout: AtomicBool,
    /// The last look-up was answered so soon that it was worth looking out for.
    soon: AtomicBool,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Job>,
    idle: Vec<Thread>,
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
        let reader = if self.lookout.swap(false, AcqRel) { None } else { state.idle.pop() };
        drop(state);
        reader.inspect(Thread::unpark);
        true
    }

    /// The next look-up that somebody still waits for; none when there will be no more.
    pub fn next(&self, pace: &mut Pace) -> Option<Job> {
        let mut idle = false;
        loop {
            let mut state = self.state.lock();
            while let Some(job) = state.waiting.pop_front() {
                if !job.abandoned() {
                    // Another may have been woken for it, and finds nothing.
                    state.idle.retain(|reader| !idle || reader.id() != thread::current().id());
                    pace.works();
                    return Some(job);
                }
            }
            if state.stopped {
                return None;
            }
            if pace.is_brisk() && !self.lookout.swap(true, AcqRel) {
                drop(state);
                if self.looks_out() {
                    continue;
                }
                // Nothing came that soon.
                pace.slows();
                continue;
            }
            if !state.idle.iter().any(|reader| reader.id() == thread::current().id()) {
                state.idle.push(thread::current());
            }
            idle = true;
            drop(state);
            thread::park();
        }
    }

    /// Whether this reader is handed a job within [`LOOK_OUT`].
    fn looks_out(&self) -> bool {
        let begun = Instant::now();
        while self.lookout.load(Acquire) {
            if begun.elapsed() > LOOK_OUT {
                return !self.lookout.swap(false, AcqRel);
            }
            thread::yield_now();
        }
        true
    }

    /// A look-up that was asked for then has been answered.
    pub fn answered(&self, asked: Instant) {
        self.soon.store(asked.elapsed() < LOOK_OUT, Relaxed);
    }

    /// The answer to a look-up, if it is worth looking out for and comes that soon. Whoever asks
    /// has lost no more than [`LOOK_OUT`], and where it did not come the next ones lose nothing: a
    /// disk that hangs answers none, and so says of none that it took long.
    pub fn soon(&self, answer: &mut Receiver<Answer>) -> Option<Answer> {
        if !self.soon.load(Relaxed) {
            return None;
        }
        let begun = Instant::now();
        loop {
            match answer.try_recv() {
                Ok(answer) => return Some(answer),
                Err(TryRecvError::Empty) if begun.elapsed() < LOOK_OUT => thread::yield_now(),
                Err(_) => {
                    self.soon.store(false, Relaxed);
                    return None;
                }
            }
        }
    }

    pub fn stop(&self) {
        let mut state = self.state.lock();
        state.stopped = true;
        self.lookout.store(false, Release);
        state.idle.drain(..).for_each(|reader| reader.unpark());
    }
}

/// How closely look-ups follow one another, as one reader sees it.
#[derive(Default)]
pub struct Pace {
    /// When it had nothing more to do.
    idle_since: Option<Instant>,
    brisk: bool,
}

impl Pace {
    /// It has a job. So soon after the one before that it was worth looking out for?
    fn works(&mut self) {
        if let Some(since) = self.idle_since.take() {
            self.brisk = since.elapsed() < 2 * LOOK_OUT;
        }
    }

    /// It has none.
    fn is_brisk(&mut self) -> bool {
        self.idle_since.get_or_insert_with(Instant::now);
        self.brisk
    }

    fn slows(&mut self) {
        self.brisk = false;
    }
}

impl Job {
    fn abandoned(&self) -> bool {
        matches!(self, Job::Fetch { reply, .. } if reply.is_closed())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, mpsc};

    use tokio::sync::oneshot;

    use super::*;

    /// A job that says its number where it is done.
    fn job(number: u8) -> (Job, Receiver<Answer>) {
        let (reply, answer) = oneshot::channel();
        (Job::Fetch { id: [number; 32].into(), now: 0, asked: Instant::now(), reply }, answer)
    }

    fn number(job: Job) -> u8 {
        let Job::Fetch { id, reply, .. } = job else { panic!("there are no others") };
        let _ = reply.send(Ok(None));
        id.as_bytes()[0]
    }

    fn brisk() -> Pace {
        Pace { idle_since: None, brisk: true }
    }

    #[test]
    fn of_readers_that_look_out_and_that_sleep_each_job_has_one_and_none_is_left() {
        const PUSHED: u32 = 20_000;
        let jobs = Arc::new(Jobs::default());
        let (done, count) = mpsc::channel();
        let readers: Vec<_> = (0..3)
            .map(|_| {
                let (jobs, done) = (jobs.clone(), done.clone());
                thread::spawn(move || {
                    let mut pace = brisk();
                    while let Some(job) = jobs.next(&mut pace) {
                        done.send(number(job)).unwrap();
                        // Whether it looks out or sleeps next must not matter.
                        pace.brisk = !pace.brisk;
                    }
                })
            })
            .collect();
        let pushers: Vec<_> = (0..2)
            .map(|_| {
                let jobs = jobs.clone();
                thread::spawn(move || {
                    for index in 0..PUSHED / 2 {
                        let (job, answer) = job(0);
                        assert!(jobs.push(job));
                        // One after the other, and several at once.
                        if index % 3 > 0 {
                            answer.blocking_recv().unwrap().unwrap();
                        } else {
                            std::mem::forget(answer);
                        }
                    }
                })
            })
            .collect();
        pushers.into_iter().for_each(|pusher| pusher.join().unwrap());
        for _ in 0..PUSHED {
            count.recv_timeout(Duration::from_secs(60)).expect("none is left");
        }
        jobs.stop();
        readers.into_iter().for_each(|reader| reader.join().unwrap());
        assert!(count.try_recv().is_err(), "some were done twice");
    }

    #[test]
    fn of_two_jobs_the_reader_that_looks_out_has_one_and_another_is_woken() {
        let jobs = Arc::new(Jobs::default());
        let (done, count) = mpsc::channel();
        let other = Arc::clone(&jobs);
        let sleeps = thread::spawn(move || {
            while let Some(job) = other.next(&mut Pace::default()) {
                done.send(number(job)).unwrap();
            }
        });
        while jobs.state.lock().idle.is_empty() {
            thread::yield_now();
        }
        // This thread is the one that looks out, and the disk holds it before it gets there.
        jobs.lookout.store(true, Release);
        assert!(jobs.push(job_kept(1)));
        assert!(!jobs.lookout.load(Acquire) && !jobs.state.lock().idle.is_empty(), "nobody was woken for the first");
        assert!(jobs.push(job_kept(2)));
        for expected in 1..=2 {
            assert_eq!(count.recv_timeout(Duration::from_secs(60)), Ok(expected));
        }
        jobs.stop();
        sleeps.join().unwrap();
    }

    /// A job that somebody waits for, for ever.
    fn job_kept(number: u8) -> Job {
        let (job, answer) = job(number);
        std::mem::forget(answer);
        job
    }

    #[test]
    fn an_answer_is_looked_out_for_only_where_the_one_before_came_soon() {
        let jobs = Jobs::default();
        // Asked for later than now, so that it is soon on a busy machine too.
        let answered_soon = || jobs.answered(Instant::now() + Duration::from_secs(60));
        let (reply, mut answer) = oneshot::channel::<Answer>();
        reply.send(Ok(None)).unwrap();
        assert!(jobs.soon(&mut answer).is_none(), "nothing was answered yet");
        answered_soon();
        assert!(matches!(jobs.soon(&mut answer), Some(Ok(None))));
        jobs.answered(Instant::now().checked_sub(Duration::from_secs(1)).unwrap());
        assert!(!jobs.soon.load(Relaxed));
        let (_waiting, mut answer) = oneshot::channel::<Answer>();
        answered_soon();
        assert!(jobs.soon(&mut answer).is_none(), "it does not come");
        let (reply, mut answer) = oneshot::channel::<Answer>();
        reply.send(Ok(None)).unwrap();
        assert!(jobs.soon(&mut answer).is_none(), "the one before did not come");
        answered_soon();
        assert!(matches!(jobs.soon(&mut answer), Some(Ok(None))));
    }

    #[test]
    fn a_reader_that_looks_out_for_nothing_sleeps_until_there_is_a_job_and_ends_when_told() {
        let jobs = Arc::new(Jobs::default());
        let reader = {
            let jobs = jobs.clone();
            thread::spawn(move || jobs.next(&mut brisk()).map(number))
        };
        while jobs.state.lock().idle.is_empty() {
            thread::yield_now();
        }
        assert!(!jobs.lookout.load(Acquire), "it has given up looking out");
        assert!(jobs.push(job_kept(3)));
        assert_eq!(reader.join().unwrap(), Some(3));
        jobs.stop();
        assert!(jobs.next(&mut brisk()).is_none());
        assert!(!jobs.push(job_kept(4)));
    }
}
