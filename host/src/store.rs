//! Where kept sessions live.
//!
//! A [`Store`] holds encoded session records under their ids. What is in a record is no concern of its: it is handed bytes,
//! an absolute expiry and a few hints.

pub use reprise_store::store::{
    Answer, Consume, Entry, Fetch, FetchError, Found, Health, InvalidationObserver, KnownBy, LATELY, Later, Memory,
    Notice, NoticeObserver, Priority, Published, Reach, RecordBytes, Removal, RemovalObserver, Removed, Scope, Store,
    TierStatus, Tiers, TiersError, Unavailable, Usage,
};
#[cfg(feature = "disk")]
pub use reprise_store::store::{Disk, DiskError, DiskOptions};
#[cfg(feature = "redis")]
pub use reprise_store::store::{Redis, RedisError, RedisOptions};
