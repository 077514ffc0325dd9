//! The cipher suites that a ClientHello offers: two bytes each, in place where there are not many more than clients have.

use serde::{Deserializer, Serializer};
use smallvec::SmallVec;

/// Up to 32 suites take no memory of their own.
pub type Ciphers = SmallVec<[u8; 64]>;

pub(super) fn serialize<S: Serializer>(ciphers: &Ciphers, serializer: S) -> Result<S::Ok, S::Error> {
    serde_bytes::serialize(&**ciphers, serializer)
}

/// By way of a vector, which takes no more memory than there are bytes, whatever is said of their number.
pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Ciphers, D::Error> {
    serde_bytes::deserialize::<Vec<u8>, _>(deserializer).map(Ciphers::from_vec)
}
