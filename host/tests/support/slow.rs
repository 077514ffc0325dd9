//! A store that answers when the test says so.

/// Made with [`bare`](reprise_testing::TestStore::bare): what it finds is decoded.
pub type Slow = reprise_testing::TestStore;
