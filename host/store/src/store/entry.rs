//! What goes into a store and comes out of it.

use std::{future::Future, pin::Pin};

use reprise_session::session::{Prototype, RecordBytes, SessionId, Unsealable};

use super::{Priority, Reach, Unavailable};

/// A session on its way into a store.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The encoded record.
    pub record: RecordBytes,
    /// When it stops resuming: seconds since the Unix epoch.
    pub expires: u64,
    /// Whether it resumes once at most: the host takes it with [`Consume::Always`] before it does,
    /// and there are no copies of it anywhere.
    pub single_use: bool,
    /// The session whose resumption made it: in TLS 1.3 a resumption makes a new session, and a
    /// client uses each once (RFC 8446 appendix C.4). So this one's client is known to come back,
    /// and that one has likely done its service; a store that counts fetches alone would have it
    /// the other way round.
    pub renews: Option<SessionId>,
    /// When it was last known not to be revoked, where that is longer ago than now: the session
    /// that it renews was found as a copy, and the store behind it could not be reached. Seconds
    /// since the Unix epoch.
    pub since: Option<u64>,
    /// How hard a full store holds on to it.
    pub priority: Priority,
    /// How far it travels. A store of one node only ignores it.
    pub reach: Reach,
    /// A live session to duplicate instead of decoding the record: where decoding is dear, for
    /// there is a client certificate in it, or likely, for it renews another.
    pub prototype: Option<Prototype>,
}

#[cfg(test)]
impl Entry {
    /// For tests: of so many bytes, until then, with nothing else asked for.
    pub(crate) fn plain(bytes: usize, expires: u64) -> Self {
        Self {
            record: RecordBytes::new(vec![1; bytes]),
            expires,
            single_use: false,
            renews: None,
            since: None,
            priority: Priority::Normal,
            reach: Reach::Fleet,
            prototype: None,
        }
    }
}

/// A session that a store gave out.
#[derive(Clone, Debug)]
pub struct Found {
    /// The encoded record.
    pub record: RecordBytes,
    /// The live session to duplicate, if the store has one.
    pub prototype: Option<Prototype>,
    /// How often this store has given it out before.
    pub fetches: u32,
    /// Whether this fetch took it.
    pub consumed: bool,
    /// Whether it is for single use, as it was put: what a fetch with [`Consume::Never`] gives out of it resumes
    /// nowhere before one with [`Consume::Always`] has taken it.
    pub single_use: bool,
    /// The store would keep a prototype of this session if it were given one
    /// ([`Store::keep_prototype`](super::Store::keep_prototype)).
    pub wants_prototype: bool,
    /// How far it travels, as it was put.
    pub reach: Reach,
    /// Seconds until it stops resuming by the store's own clock, rounded up; none where the store
    /// goes by this node's clock. What another node wrote has that node's idea of the time in it,
    /// which may be some seconds off.
    pub remaining: Option<u64>,
    /// When it was last known not to be revoked, by this node's clock, if that is known: when this
    /// store was handed it, or what [`Entry::since`] said. Seconds since the Unix epoch.
    pub since: Option<u64>,
    /// Which of several stores had it, by its place among them: 0, the nearest, for a store that is one.
    pub tier: usize,
}

/// Whether a fetch takes the session out of the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consume {
    /// No: the host looks first, whatever the entry is for.
    Never,
    /// Yes: it is for single use, or its client asks for 0-RTT, which may be accepted once; and the
    /// host knows by now who offers it.
    Always,
}

/// What a fetch comes to: the session, if it is there.
pub type Answer = Result<Option<Found>, FetchError>;

/// Why a fetch cannot say whether the session is there. The handshake goes on in full.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// The store could not be asked, or does not answer in time.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
    /// Something is there that the host cannot open. Stores themselves, which are handed bytes, never answer this.
    #[error("what the store has is {0}")]
    Unsealable(#[from] Unsealable),
}

/// Something that a store answers later.
pub type Later<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// The answer to a fetch.
pub enum Fetch {
    /// Known at once.
    Ready(Answer),
    /// On its way. What asks may stop waiting at any time and drop it. It needs no runtime: whatever thread polls it.
    Pending(Later<Answer>),
}
