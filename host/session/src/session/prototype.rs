//! A decoded session that a store keeps beside its record.

use std::{any::Any, fmt, sync::Arc};

use super::Record;

/// What a [`Prototype`] is of: a decoded session, which only the TLS library's side can open.
pub trait Decoded: Any + Send + Sync {
    /// About how many bytes of heap it holds.
    fn weight(&self) -> usize;

    /// Whether the client's certificate is in it, which is what makes decoding expensive.
    fn has_certificate(&self) -> bool;

    /// The session's record without its secrets, if it comes along.
    fn record(&self) -> Option<&Arc<Record>>;
}

/// A decoded session that is never handed out itself, only duplicated. Opaque: it stays in this process, and only who made
/// it can open it.
#[derive(Clone)]
pub struct Prototype(Arc<dyn Decoded>);

impl Prototype {
    /// A prototype of this session, which nothing else refers to.
    pub fn new(decoded: impl Decoded) -> Self {
        Self(Arc::new(decoded))
    }

    /// About how many bytes of heap it holds: the decoded session, and its record.
    pub fn weight(&self) -> usize {
        self.0.weight()
    }

    /// Whether the client's certificate is in it, which is what makes decoding expensive.
    pub fn has_certificate(&self) -> bool {
        self.0.has_certificate()
    }

    /// The session's record without its secrets, if it comes along.
    pub fn record(&self) -> Option<&Arc<Record>> {
        self.0.record()
    }

    /// The decoded session, if it is of this type.
    pub fn open<T: Decoded>(&self) -> Option<&T> {
        let decoded: &dyn Any = &*self.0;
        decoded.downcast_ref()
    }
}

impl fmt::Debug for Prototype {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Prototype(…)")
    }
}
