//! A store that counts what is asked of it.

/// The default: as good as a memory store.
pub type Spy = reprise_testing::TestStore;
