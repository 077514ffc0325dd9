//! The end of what outlives connections: policies' threads, and the stores, which write what they have queued.
//!
//! Any of it may hang, a disk or a server of somebody else's. It is let go of on a thread of its own, and waited for
//! so long and no longer; and not at all where somebody is in a hurry. What a store does not come to write costs full
//! handshakes.

use std::{future::Future, pin::pin, thread, time::Duration};

use tokio::{sync::oneshot, time::sleep};

/// How long stores have.
const PATIENCE: Duration = Duration::from_secs(3);
/// What takes longer than this is said.
const UNSAID: Duration = Duration::from_millis(300);

/// Drops `what`, and waits until that is done, for [`PATIENCE`] at most, or until `hurry` is ready, or not at all if
/// it is `hurried`. Whether it is done.
pub(super) async fn part<T: Send + 'static>(what: T, hurried: bool, hurry: impl Future<Output = ()>) -> bool {
    let (done, is_done) = oneshot::channel();
    let let_go = move || {
        drop(what);
        // Nobody waits for it any more.
        let _ = done.send(());
    };
    if thread::Builder::new().name("reprise-end".into()).spawn(let_go).is_err() || hurried {
        return false;
    }
    let (mut is_done, mut hurry) = (pin!(is_done), pin!(hurry));
    tokio::select! {
        _ = &mut is_done => return true,
        () = &mut hurry => return false,
        () = sleep(UNSAID) => {}
    }
    tracing::info!("stopping: stores have {PATIENCE:?} to write what waits, or until the next signal");
    tokio::select! {
        _ = &mut is_done => true,
        () = &mut hurry => false,
        () = sleep(PATIENCE) => {
            tracing::warn!("not all stores were done after {PATIENCE:?}: what waited to be written is lost, and costs full handshakes");
            false
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        future::{pending, ready},
        sync::mpsc::{Receiver, Sender, channel},
    };

    use super::*;

    /// What takes as long to let go of as the other end of its channel is there.
    struct Hangs(Receiver<()>);

    impl Drop for Hangs {
        fn drop(&mut self) {
            let _ = self.0.recv();
        }
    }

    fn hangs() -> (Sender<()>, Hangs) {
        let (end, ended) = channel();
        (end, Hangs(ended))
    }

    #[tokio::test]
    async fn what_hangs_is_left_at_the_second_signal() {
        let (_end, what) = hangs();
        assert!(!part(what, false, ready(())).await);
        let (_end, what) = hangs();
        assert!(!part(what, true, pending()).await);
    }

    #[tokio::test]
    async fn what_hangs_is_left_after_a_while() {
        let (_end, what) = hangs();
        assert!(!part(what, false, pending()).await);
    }

    #[tokio::test]
    async fn what_does_not_hang_is_waited_for() {
        let (end, what) = hangs();
        drop(end);
        assert!(part(what, false, pending()).await);
    }
}
