//! What an operator sees of the policies, and may ask for.

use std::sync::Weak;

use reprise_policy::policies_dir::{ControlError, FileStatus, PoliciesDir, PolicyReport};

use super::Inner;

/// The policies of a host's directory, for a status page or a control socket. A handle: it may be cloned, sent elsewhere, and
/// outlive the [`Host`](crate::Host), whose policies are gone then.
///
/// In a forked child it shows and does nothing until the host is [revived](crate::Host::revive); then every policy is loaded
/// anew, on trial, and no former generation is kept.
#[derive(Clone)]
pub struct Policies {
    host: Weak<Inner>,
}

impl Policies {
    pub(super) fn new(host: Weak<Inner>) -> Self {
        Self { host }
    }

    /// How each policy that went live is doing, in the order in which they are asked.
    pub fn list(&self) -> Vec<PolicyReport> {
        self.dir(PoliciesDir::policies).unwrap_or_default()
    }

    /// The modules in the directory, in the same order, and what became of each: those that never went live, too.
    pub fn files(&self) -> Vec<FileStatus> {
        self.dir(PoliciesDir::status).unwrap_or_default()
    }

    /// See [`PoliciesDir::reload`]. Blocks while it compiles: not for a thread that serves.
    ///
    /// # Errors
    /// The directory cannot be read, or is not watched in this process.
    pub fn reload(&self) -> Result<Vec<PolicyReport>, ControlError> {
        self.ask(PoliciesDir::reload)
    }

    /// See [`PoliciesDir::rollback`]. Blocks for as long as the thread that supervises is compiling something else.
    ///
    /// # Errors
    /// There is no such policy, no generation before is kept, or that one does not start any more.
    pub fn rollback(&self, name: &str) -> Result<Vec<PolicyReport>, ControlError> {
        self.ask(|dir| dir.rollback(name))
    }

    /// See [`PoliciesDir::quarantine`]. Blocks for as long as the thread that supervises is compiling something else.
    ///
    /// # Errors
    /// There is no such policy.
    pub fn quarantine(&self, name: &str) -> Result<Vec<PolicyReport>, ControlError> {
        self.ask(|dir| dir.quarantine(name))
    }

    fn ask(
        &self,
        wish: impl FnOnce(&PoliciesDir) -> Result<Vec<PolicyReport>, ControlError>,
    ) -> Result<Vec<PolicyReport>, ControlError> {
        let none = ControlError::NotWatched("the host has none, is gone, or was not revived after a fork");
        self.dir(wish).unwrap_or(Err(none))
    }

    fn dir<T>(&self, ask: impl FnOnce(&PoliciesDir) -> T) -> Option<T> {
        self.host.upgrade()?.resources.living.policies_dir(ask)
    }
}

impl std::fmt::Debug for Policies {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.list()).finish()
    }
}
