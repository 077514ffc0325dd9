//! Hosts with policies from a directory.

use std::{fs, sync::LazyLock};

use reprise::{Host, HostBuilder};
use reprise_fixtures::policies;
use tempfile::TempDir;

/// A directory with these policies.
pub fn directory(policies: &[(&str, Vec<u8>)]) -> TempDir {
    let directory = TempDir::new().unwrap();
    for (file, policy) in policies {
        fs::write(directory.path().join(file), policy).unwrap();
    }
    directory
}

/// A host with a policy that keeps everything for as long as it can ask for, and resumes everything.
pub fn lied_to() -> HostBuilder {
    static LIES: LazyLock<TempDir> = LazyLock::new(|| directory(&[("50-lies.wasm", policies::lying())]));
    Host::builder().policies(LIES.path())
}
