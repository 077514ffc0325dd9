//! What the policies decide, told to whoever listens, as it is decided.
//!
//! Nobody is waited for: a listener that does not keep up loses decisions, and knows how many.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
        mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel},
    },
    time::Duration,
};

use arc_swap::ArcSwap;
use reprise_policy::policy::{Asked, Callback};
use reprise_session::process::PerProcess;

/// Decisions that wait for a listener. Some seconds of a busy server's, and a few hundred kilobytes.
const WAITING: usize = 1_024;

/// One callback of a handshake, or one session given up, as the policies decided it.
///
/// It has what the policies were told of where the session belongs and what each of them said: no key material, and of the session's
/// id only as much as tells it from others.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Decision {
    /// When, in seconds since the Unix epoch, by the host's clock.
    pub time: u64,
    /// What was asked.
    pub callback: Callback,
    /// The first 16 hexadecimal digits of the session's id.
    pub session: String,
    /// The server name of the connection; of the session given up, in [`Callback::Remove`].
    pub server_name: Option<String>,
    /// The connection's peer; none in [`Callback::Remove`], which no connection stands behind.
    pub peer: Option<String>,
    /// What each policy said, in the order in which they were asked. One objection is enough.
    pub asked: Vec<Asked>,
}

impl Decision {
    /// For tests: about nothing, and by nobody.
    #[doc(hidden)]
    pub fn bare(callback: Callback) -> Self {
        Self { time: 0, callback, session: String::new(), server_name: None, peer: None, asked: Vec::new() }
    }
}

/// Decisions from the moment of [`Host::decisions`](crate::Host::decisions) on, in the order in which they are made. As an iterator it
/// waits for the next, and ends with the host.
pub struct Decisions {
    decisions: Receiver<Decision>,
    lost: Arc<AtomicU64>,
}

impl Decisions {
    /// The next one, if it comes within this time and before the host's end.
    ///
    /// # Errors
    /// None came, or none will.
    pub fn next_within(&self, time: Duration) -> Result<Decision, RecvTimeoutError> {
        self.decisions.recv_timeout(time)
    }

    /// How many were lost, because a thousand were waiting already.
    pub fn lost(&self) -> u64 {
        self.lost.load(Relaxed)
    }
}

impl Iterator for Decisions {
    type Item = Decision;

    fn next(&mut self) -> Option<Decision> {
        self.decisions.recv().ok()
    }
}

impl fmt::Debug for Decisions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decisions").field("lost", &self.lost()).finish_non_exhaustive()
    }
}

/// Those who listen. Without a lock, for a handshake asks each time, and a lock may be held for ever in a forked child.
#[derive(Default)]
pub struct Listeners(ArcSwap<Vec<Listener>>);

#[derive(Clone)]
struct Listener {
    /// In a child that the process forked nobody listens.
    decisions: Arc<PerProcess<SyncSender<Decision>>>,
    lost: Arc<AtomicU64>,
}

impl Listeners {
    /// Listens from now on, until what this gives is dropped.
    pub fn listen(&self) -> Decisions {
        let (sender, decisions) = sync_channel(WAITING);
        let lost = Arc::new(AtomicU64::new(0));
        let listener = Listener { decisions: Arc::new(PerProcess::new(sender)), lost: Arc::clone(&lost) };
        self.0.rcu(|listeners| {
            let here = listeners.iter().filter(|other| other.decisions.is_here()).cloned();
            here.chain([listener.clone()]).collect::<Vec<_>>()
        });
        Decisions { decisions, lost }
    }

    /// Whether anybody in this process may be listening.
    pub fn are_there(&self) -> bool {
        self.0.load().iter().any(|listener| listener.decisions.is_here())
    }

    /// Tells a decision. Where nobody listens it is not even made.
    pub fn tell(&self, decision: impl FnOnce() -> Decision) {
        let listeners = self.0.load();
        if listeners.is_empty() {
            return;
        }
        let decision = decision();
        let mut gone = Vec::new();
        for listener in listeners.iter() {
            let Some(decisions) = listener.decisions.get() else { continue };
            match decisions.try_send(decision.clone()) {
                Ok(()) => {}
                Err(TrySendError::Full(_)) => drop(listener.lost.fetch_add(1, Relaxed)),
                Err(TrySendError::Disconnected(_)) => gone.push(Arc::clone(&listener.lost)),
            }
        }
        if !gone.is_empty() {
            let left = |listener: &&Listener| !gone.iter().any(|gone| Arc::ptr_eq(gone, &listener.lost));
            self.0.rcu(|listeners| listeners.iter().filter(left).cloned().collect::<Vec<_>>());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decision(time: u64) -> Decision {
        Decision { time, ..Decision::bare(Callback::New) }
    }

    #[test]
    fn nothing_is_made_where_nobody_listens_any_more() {
        let listeners = Listeners::default();
        listeners.tell(|| unreachable!("nobody has listened yet"));
        drop(listeners.listen());
        // That the listener has gone is noticed by the first who tells it something.
        listeners.tell(|| decision(1));
        listeners.tell(|| unreachable!("nobody listens any more"));
    }

    #[test]
    fn who_listens_hears_everything_from_then_on_in_its_order() {
        let listeners = Listeners::default();
        let first = listeners.listen();
        listeners.tell(|| decision(1));
        let second = listeners.listen();
        listeners.tell(|| decision(2));
        drop(listeners);
        assert_eq!(first.map(|decision| decision.time).collect::<Vec<_>>(), [1, 2]);
        assert_eq!(second.map(|decision| decision.time).collect::<Vec<_>>(), [2]);
    }

    #[test]
    fn who_does_not_keep_up_loses_the_newest_and_holds_up_nobody() {
        let listeners = Listeners::default();
        let (slow, fast) = (listeners.listen(), listeners.listen());
        for time in 0..WAITING as u64 + 3 {
            listeners.tell(|| decision(time));
            assert_eq!(fast.next_within(Duration::ZERO).map(|decision| decision.time), Ok(time));
        }
        assert_eq!((slow.lost(), fast.lost()), (3, 0));
        drop(listeners);
        assert_eq!(slow.map(|decision| decision.time).collect::<Vec<_>>(), (0..WAITING as u64).collect::<Vec<_>>());
    }
}
