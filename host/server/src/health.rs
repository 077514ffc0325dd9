//! Whether the server does what it seems to: what `/healthz`, `/readyz`, the service manager's watchdog and `status`
//! go by.

use std::sync::Arc;

use reprise::{
    Host,
    status::{Status, Vital},
};
use reprise_session::vital::Vitals;

/// What the server and its host are made of, and how it is doing.
#[derive(Clone)]
pub(crate) struct Health {
    host: Arc<Host>,
    vitals: Vitals,
}

impl Health {
    /// That of `host` and of the server's own tasks.
    pub(crate) fn new(host: Arc<Host>, vitals: Vitals) -> Self {
        Self { host, vitals }
    }

    pub(crate) fn host(&self) -> &Arc<Host> {
        &self.host
    }

    /// The server's own tasks.
    pub(crate) fn vitals(&self) -> &Vitals {
        &self.vitals
    }

    /// The names of those tasks and threads that have ended, or were started again a moment ago.
    pub(crate) fn unsound(&self) -> Vec<String> {
        self.all().into_iter().filter(|vital| !vital.sound).map(|vital| vital.name).collect()
    }

    /// How everything is doing.
    pub(crate) fn status(&self) -> Status {
        let mut status = self.host.status();
        status.vitals.splice(..0, self.vitals.list());
        status
    }

    fn all(&self) -> Vec<Vital> {
        [self.vitals.list(), self.host.vitals()].concat()
    }
}
