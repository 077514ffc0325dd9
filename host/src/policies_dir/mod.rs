//! Watching the directory of policies.
