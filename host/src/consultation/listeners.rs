//! Who listens. Nobody is waited for: a listener that does not keep up loses events, and knows how many.

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
use reprise_session::process::PerProcess;

use super::Consultation;

/// Events that wait for a listener. Some seconds of a busy server's, and a few hundred kilobytes.
const WAITING: usize = 1_024;

/// Consultations from the moment of [`Host::consultations`](crate::Host::consultations) on, in the order in which they are made. As an iterator it
/// waits for the next, and ends with the host.
pub struct Consultations {
    events: Receiver<Arc<Consultation>>,
    lost: Arc<AtomicU64>,
}

impl Consultations {
    /// The next one, if it comes within this time and before the host's end.
    ///
    /// # Errors
    /// None came, or none will.
    pub fn next_within(&self, time: Duration) -> Result<Arc<Consultation>, RecvTimeoutError> {
        self.events.recv_timeout(time)
    }

    /// How many were lost, because a thousand were waiting already.
    pub fn lost(&self) -> u64 {
        self.lost.load(Relaxed)
    }
}

impl Iterator for Consultations {
    type Item = Arc<Consultation>;

    fn next(&mut self) -> Option<Arc<Consultation>> {
        self.events.recv().ok()
    }
}

impl fmt::Debug for Consultations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Consultations").field("lost", &self.lost()).finish_non_exhaustive()
    }
}

/// Those who listen. Without a lock, for a handshake asks each time, and a lock may be held for ever in a forked child.
#[derive(Default)]
pub struct Listeners(ArcSwap<Vec<Listener>>);

#[derive(Clone)]
struct Listener {
    /// In a child that the process forked nobody listens.
    events: Arc<PerProcess<SyncSender<Arc<Consultation>>>>,
    lost: Arc<AtomicU64>,
}

impl Listeners {
    /// Listens from now on, until what this gives is dropped.
    pub fn listen(&self) -> Consultations {
        let (sender, events) = sync_channel(WAITING);
        let lost = Arc::new(AtomicU64::new(0));
        let listener = Listener { events: Arc::new(PerProcess::new(sender)), lost: Arc::clone(&lost) };
        self.0.rcu(|listeners| {
            let here = listeners.iter().filter(|other| other.events.is_here()).cloned();
            here.chain([listener.clone()]).collect::<Vec<_>>()
        });
        Consultations { events, lost }
    }

    /// Whether anybody in this process may be listening.
    pub fn are_there(&self) -> bool {
        self.0.load().iter().any(|listener| listener.events.is_here())
    }

    /// Tells it to everybody who listens.
    pub fn tell(&self, consultation: &Arc<Consultation>) {
        let listeners = self.0.load();
        let mut gone = Vec::new();
        for listener in listeners.iter() {
            let Some(events) = listener.events.get() else { continue };
            match events.try_send(Arc::clone(consultation)) {
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
    use reprise_policy::policy::Callback;

    use super::*;

    fn event(time: u64) -> Arc<Consultation> {
        Arc::new(Consultation { time, ..Consultation::bare(Callback::New) })
    }

    fn times(listener: Consultations) -> Vec<u64> {
        listener.map(|event| event.time).collect()
    }

    #[test]
    fn who_has_gone_listens_no_more() {
        let listeners = Listeners::default();
        assert!(!listeners.are_there());
        drop(listeners.listen());
        // That is noticed by the first who tells something.
        assert!(listeners.are_there());
        listeners.tell(&event(1));
        assert!(!listeners.are_there());
    }

    #[test]
    fn who_listens_hears_everything_from_then_on_in_its_order() {
        let listeners = Listeners::default();
        let first = listeners.listen();
        listeners.tell(&event(1));
        let second = listeners.listen();
        listeners.tell(&event(2));
        drop(listeners);
        assert_eq!((times(first), times(second)), (vec![1, 2], vec![2]));
    }

    #[test]
    fn who_does_not_keep_up_loses_the_newest_and_holds_up_nobody() {
        let listeners = Listeners::default();
        let (slow, fast) = (listeners.listen(), listeners.listen());
        for time in 0..WAITING as u64 + 3 {
            listeners.tell(&event(time));
            assert_eq!(fast.next_within(Duration::ZERO).map(|event| event.time), Ok(time));
        }
        assert_eq!((slow.lost(), fast.lost()), (3, 0));
        drop(listeners);
        assert_eq!(times(slow), (0..WAITING as u64).collect::<Vec<_>>());
    }
}
