//! A revocation is put in force here, and the store has the other nodes told.
//!
//! Here it holds before anybody else is asked. What the store does not take, or what nobody waited
//! for, is tried again once a second until the store has it or it has expired.

use std::{
    future::Future,
    pin::Pin,
    sync::{Arc, Weak},
    task::{Context, Poll, Waker},
    time::Duration,
};

use reprise_session::lock::Mutex;

use super::{Revocation, Table};
use crate::store::{KnownBy, Later, Notice, Published, Store, Unavailable};

/// The revocations in force, and those that other nodes have not been told of yet.
#[derive(Default)]
pub struct Revocations {
    /// Those in force here.
    pub in_force: Table,
    untold: Mutex<Vec<Untold>>,
}

/// A notice that the store has not taken, and what it is answering, if it was asked again.
struct Untold {
    notice: Notice,
    asked: Option<Later<Result<Published, Unavailable>>>,
}

/// A revocation that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revoked {
    /// What is revoked.
    pub revocation: Revocation,
    /// Whether the store is one that nodes share. If not, this process alone has the sessions, and refuses them.
    pub shared: bool,
    /// Every node that the store knows of, this one included, and whether it has said that it knows.
    pub nodes: Vec<KnownBy>,
}

/// Other nodes were not told. This one refuses what is revoked all the same, and goes on telling the store.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "revoked on this node, and no other node was told: {cause}; this node goes on telling the store, once a second, for as \
     long as it runs"
)]
pub struct NotShared {
    /// What is revoked here.
    pub revocation: Revocation,
    /// Why no other node knows.
    pub cause: Unavailable,
}

/// The answer of the other nodes. The revocation holds here already; a `Revoking` that is dropped
/// leaves it to the host to have the others told.
#[must_use = "whether other nodes know is not known before this is awaited"]
pub struct Revoking {
    revocation: Revocation,
    answer: Later<Result<Revoked, NotShared>>,
}

impl Revoking {
    /// What is revoked, here already.
    pub fn revocation(&self) -> &Revocation {
        &self.revocation
    }
}

impl Future for Revoking {
    type Output = Result<Revoked, NotShared>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.answer.as_mut().poll(context)
    }
}

impl std::fmt::Debug for Revoking {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Revoking")
    }
}

/// A notice on its way into the store. Dropped before it is taken, it is left to the host.
struct Untaken {
    revocations: Weak<Revocations>,
    notice: Option<Notice>,
}

impl Untaken {
    fn taken(mut self) {
        self.notice = None;
    }
}

impl Drop for Untaken {
    fn drop(&mut self) {
        if let (Some(notice), Some(revocations)) = (self.notice.take(), self.revocations.upgrade()) {
            revocations.untold.lock().push(Untold { notice, asked: None });
        }
    }
}

impl Revocations {
    /// Puts `revocation` in force, and has the store tell the other nodes, each of which has `wait`
    /// to say that it knows.
    pub fn revoke(self: &Arc<Self>, store: &dyn Store, revocation: Revocation, wait: Duration) -> Revoking {
        self.in_force.add(&revocation);
        tracing::info!(sessions = %revocation.matcher.kind(), until = revocation.before, "sessions are revoked");
        let made = revocation.clone();
        let revoking = |answer| Revoking { revocation: made, answer };
        let notice = match revocation.encode() {
            Ok(notice) => notice,
            Err(error) => {
                let cause = Unavailable(format!("the revocation does not encode: {error}"));
                return revoking(Box::pin(async { Err(NotShared { revocation, cause }) }));
            }
        };
        let Some(published) = store.publish(notice.clone(), wait) else {
            return revoking(Box::pin(async { Ok(Revoked { revocation, shared: false, nodes: Vec::new() }) }));
        };
        let untaken = Untaken { revocations: Arc::downgrade(self), notice: Some(notice) };
        revoking(Box::pin(async {
            match published.await {
                Ok(Published { nodes }) => {
                    untaken.taken();
                    Ok(Revoked { revocation, shared: true, nodes })
                }
                Err(cause) => {
                    tracing::warn!(%cause, "the store did not take a revocation: it holds here, and is told again");
                    Err(NotShared { revocation, cause })
                }
            }
        }))
    }

    /// Those that other nodes have not been told of.
    pub fn untold(&self) -> usize {
        self.untold.lock().len()
    }

    /// Forgets what has expired, and tells the store again what it has not taken. Off handshakes,
    /// about once a second; it does not wait for the answers, but looks for them the next time.
    pub fn maintain(&self, store: &dyn Store, now: u64) {
        self.in_force.expire(now);
        self.untold.lock().retain_mut(|untold| untold.notice.expires > now && !untold.tell(store));
    }
}

impl Untold {
    /// Whether the store has taken it.
    fn tell(&mut self, store: &dyn Store) -> bool {
        if self.asked.is_none() {
            self.asked = store.publish(self.notice.clone(), Duration::ZERO);
        }
        let Some(asked) = &mut self.asked else { return true };
        match asked.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Pending => false,
            Poll::Ready(Ok(_)) => {
                tracing::info!("the store has taken a revocation that it did not take before: other nodes are told");
                true
            }
            Poll::Ready(Err(_)) => {
                self.asked = None;
                false
            }
        }
    }
}
