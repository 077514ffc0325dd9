//! What every node that uses a store must know: revocations. Few, small, and bytes to the store, like records.

use std::sync::Arc;

/// Something that every node which uses a store has to know until it `expires`.
#[derive(Clone, PartialEq, Eq)]
pub struct Notice {
    /// What is to be known. The host seals it where it leaves the process.
    pub bytes: Vec<u8>,
    /// From when on the store may forget it: seconds since the Unix epoch.
    pub expires: u64,
}

/// Its content is the host's, and names clients.
impl std::fmt::Debug for Notice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Notice({} bytes, expires {})", self.bytes.len(), self.expires)
    }
}

/// Who is told of the notices in force, all of them, each time that they have changed. Called
/// without the store's locks held, on whatever thread; it must not block.
pub type NoticeObserver = Arc<dyn Fn(Vec<Notice>) + Send + Sync>;

/// What is known of a notice that the store has taken.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Published {
    /// Every node that the store knows to use it, this one included.
    pub nodes: Vec<KnownBy>,
}

/// Whether a node has said that it knows a notice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownBy {
    /// The node's name.
    pub node: String,
    /// Whether it knows.
    pub knows: bool,
    /// Seconds since it was last heard from, by the store's clock.
    pub heard: u64,
}
