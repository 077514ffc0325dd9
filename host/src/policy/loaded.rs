//! A policy that answers.

use std::path::Path;

/// How a policy has been doing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PolicyStatus {
    /// Calls made, failed ones included.
    pub calls: u64,
    /// Failed calls, by kind, in the order of [`Failure::ALL`](super::Failure::ALL).
    pub failures: [u64; 5],
    /// Instances there are, warm or in a call.
    pub instances: usize,
}

/// One generation of a policy: compiled, configured, probed and warm.
pub struct Policy {}

impl Policy {
    /// Its name: the file's stem without its number.
    pub fn name(&self) -> &str {
        unimplemented!()
    }
    /// Counts the modules that went live under this name, from 1.
    pub fn generation(&self) -> u64 {
        unimplemented!()
    }
    /// SHA-256 of the module, followed by its NAME.toml where there is one.
    pub fn hash(&self) -> &[u8; 32] {
        unimplemented!()
    }
    /// The module's file, as shown to the operator.
    pub fn file(&self) -> &Path {
        unimplemented!()
    }
    /// Begins the draining.
    pub fn retire(&self) {
        unimplemented!()
    }
    /// How it has been doing.
    pub fn status(&self) -> PolicyStatus {
        unimplemented!()
    }
    /// The policy's own counters (`observe.count`), by name.
    pub fn counters(&self) -> Vec<(String, u64)> {
        unimplemented!()
    }
}
