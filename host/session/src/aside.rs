//! Work that may hang, as whatever touches a file system may: on a thread of its own, and waited for so long and no
//! longer.

use std::{
    fmt,
    sync::mpsc::{Receiver, RecvTimeoutError, sync_channel},
    thread,
    time::Duration,
};

/// Work that hung before gets this long to show that it does no more.
const AGAIN: Duration = Duration::from_millis(50);
/// None of it recurses.
const STACK: usize = 256 << 10;

/// One piece of work after another. While one hangs no other is begun: there is one thread that hangs, however often
/// it is tried.
#[derive(Debug)]
pub struct Aside<T> {
    name: &'static str,
    hangs: Option<Receiver<T>>,
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoAnswer {
    /// It has not come in time, and may yet.
    Late,
    /// The work panicked.
    Panicked,
    /// There is no thread to do it.
    NoThread,
}

impl<T: Send + 'static> Aside<T> {
    /// `name` is what its threads are called.
    pub const fn new(name: &'static str) -> Self {
        Self { name, hangs: None }
    }

    /// What comes of `work` within `patience`. What comes of it later is dropped.
    ///
    /// # Errors
    /// It takes longer, or one before it still does; it panicked; or no thread can be started.
    pub fn within(&mut self, patience: Duration, work: impl FnOnce() -> T + Send + 'static) -> Result<T, NoAnswer> {
        if let Some(hangs) = &self.hangs
            && hangs.recv_timeout(AGAIN).is_err_and(|error| error == RecvTimeoutError::Timeout)
        {
            return Err(NoAnswer::Late);
        }
        self.hangs = None;
        let (answer, answered) = sync_channel(1);
        // Who waits for the answer may have given up.
        let work = move || drop(answer.send(work()));
        let thread = thread::Builder::new().name(self.name.into()).stack_size(STACK);
        thread.spawn(work).map_err(|_| NoAnswer::NoThread)?;
        answered.recv_timeout(patience).map_err(|error| match error {
            RecvTimeoutError::Disconnected => NoAnswer::Panicked,
            RecvTimeoutError::Timeout => {
                self.hangs = Some(answered);
                NoAnswer::Late
            }
        })
    }

    /// Whether something that was begun has not been answered.
    pub fn hangs(&self) -> bool {
        self.hangs.is_some()
    }
}

impl std::error::Error for NoAnswer {}

impl fmt::Display for NoAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Late => "still waiting for it: its file system hangs",
            Self::Panicked => "reading it panicked: report this as a bug of Reprise",
            Self::NoThread => "the system has no thread to read it with",
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(60);

    #[test]
    fn what_hangs_is_left_and_begun_once() {
        let (end, ended) = mpsc::channel::<()>();
        let mut aside = Aside::new("test");
        let hang = move || {
            let _ = ended.recv();
            1
        };
        assert_eq!(aside.within(Duration::from_millis(1), hang), Err(NoAnswer::Late));
        for _ in 0..3 {
            assert_eq!(aside.within(PATIENCE, || unreachable!("the other still hangs")), Err(NoAnswer::Late));
            assert!(aside.hangs());
        }
        drop(end);
        // As soon as it has come to its end, the next one is done.
        let done = (0..).find_map(|_| aside.within(PATIENCE, || 2).ok());
        assert_eq!((done, aside.hangs()), (Some(2), false));
    }

    #[test]
    fn a_panic_is_the_works_own() {
        let mut aside = Aside::new("test");
        assert_eq!(aside.within(PATIENCE, || panic!("as the test asks for")), Err::<(), _>(NoAnswer::Panicked));
        assert_eq!(aside.within(PATIENCE, || ()), Ok(()));
    }
}
