//! An encoded record.

use std::sync::Arc;

use zeroize::Zeroizing;

/// An encoded session record. It contains the session's secrets: zeroed when the last holder drops
/// it, and without `Debug` output of its content.
#[derive(Clone)]
pub struct RecordBytes(Arc<Zeroizing<Box<[u8]>>>);

impl RecordBytes {
    /// Takes over `bytes`; they are zeroed when the last clone goes.
    pub fn new(bytes: Vec<u8>) -> Self {
        let bytes = if bytes.len() == bytes.capacity() {
            bytes.into_boxed_slice()
        } else {
            // To shrink a vector may move it, which leaves the secrets where they were.
            Zeroizing::new(bytes).as_slice().into()
        };
        Self(Arc::new(Zeroizing::new(bytes)))
    }

    /// The bytes of heap that the record takes: it and the `Arc` around it, each rounded up as glibc's `malloc` does.
    pub fn heap_bytes(&self) -> usize {
        const COUNTS: usize = 2 * size_of::<usize>();
        heap_bytes(self.len()) + heap_bytes(COUNTS + size_of::<Zeroizing<Box<[u8]>>>())
    }
}

/// What glibc's `malloc` takes for `bytes`.
const fn heap_bytes(bytes: usize) -> usize {
    let chunk = (bytes + size_of::<usize>()).next_multiple_of(16);
    if chunk < 32 { 32 } else { chunk }
}

impl std::ops::Deref for RecordBytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl std::fmt::Debug for RecordBytes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RecordBytes({} bytes)", self.len())
    }
}
