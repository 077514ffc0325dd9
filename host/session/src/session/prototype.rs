//! A decoded session that a store keeps beside its record.

use std::{any::Any, fmt, sync::Arc};

use zeroize::Zeroizing;

use super::Record;

/// What a [`Prototype`] is of: a decoded session, which only the TLS library's side can open.
pub trait Decoded: Any + Send + Sync {
    /// About how many bytes of heap it holds.
    fn weight(&self) -> usize;

    /// Whether the client's certificate is in it, which is what makes decoding expensive.
    fn has_certificate(&self) -> bool;

    /// The session's secret: in TLS 1.2 the master secret, in TLS 1.3 the PSK.
    fn secret(&self) -> Zeroizing<Vec<u8>>;
}

/// A decoded session that is never handed out itself, only duplicated. Opaque: it stays in this process, and only who made
/// it can open it.
#[derive(Clone)]
pub struct Prototype {
    session: Arc<dyn Decoded>,
    record: Option<Arc<Record>>,
}

impl Prototype {
    /// A prototype of this session, which nothing else refers to.
    pub fn new(decoded: impl Decoded) -> Self {
        Self { session: Arc::new(decoded), record: None }
    }

    /// The same with the session's record, which must be without its secrets, so that it need not be decoded either.
    pub fn with_record(self, record: Arc<Record>) -> Self {
        Self { record: Some(record), ..self }
    }

    /// About how many bytes of heap it holds: the decoded session, and its record.
    pub fn weight(&self) -> usize {
        self.session.weight() + self.record.as_ref().map_or(0, |record| record.heap_bytes())
    }

    /// Whether the client's certificate is in it, which is what makes decoding expensive.
    pub fn has_certificate(&self) -> bool {
        self.session.has_certificate()
    }

    /// The session's record without its secrets, if it comes along.
    pub fn record(&self) -> Option<&Arc<Record>> {
        self.record.as_ref()
    }

    /// The session's secret.
    pub fn secret(&self) -> Zeroizing<Vec<u8>> {
        self.session.secret()
    }

    /// The decoded session, if it is of this type.
    pub fn open<T: Decoded>(&self) -> Option<&T> {
        let decoded: &dyn Any = &*self.session;
        decoded.downcast_ref()
    }
}

impl fmt::Debug for Prototype {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Prototype(…)")
    }
}
