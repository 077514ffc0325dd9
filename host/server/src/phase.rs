//! How a server ends.
//!
//! It serves until a signal comes. Then it drains: nobody new is accepted, idle connections close, busy ones finish. When
//! the time for that is over, or at a second signal, it closes: what is left is told goodbye (`close_notify`) and dropped.

use tokio::sync::watch;

/// Where on its way to the end a server is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    Serving,
    Draining,
    Closing,
}

/// The server's side: it moves on.
pub(crate) struct Phased(watch::Sender<Phase>);

/// A connection's side: it waits.
#[derive(Clone)]
pub(crate) struct Phases(watch::Receiver<Phase>);

impl Phased {
    pub(crate) fn new() -> Self {
        Self(watch::Sender::new(Phase::Serving))
    }

    /// Moves on to `phase`; never back.
    pub(crate) fn enter(&self, phase: Phase) {
        self.0.send_if_modified(|now| {
            let later = phase > *now;
            *now = phase.max(*now);
            later
        });
    }

    pub(crate) fn watch(&self) -> Phases {
        Phases(self.0.subscribe())
    }
}

impl Phases {
    pub(crate) fn is_draining(&self) -> bool {
        *self.0.borrow() >= Phase::Draining
    }

    /// Until the server drains or closes.
    pub(crate) async fn draining(&mut self) {
        self.reach(Phase::Draining).await;
    }

    /// Until the server closes.
    pub(crate) async fn closing(&mut self) {
        self.reach(Phase::Closing).await;
    }

    async fn reach(&mut self, phase: Phase) {
        // An error means that the server is gone, which is past every phase.
        let _ = self.0.wait_for(|now| *now >= phase).await;
    }
}
