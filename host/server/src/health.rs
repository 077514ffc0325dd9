//! Whether the server does what it seems to: what `/healthz`, `/readyz`, the service manager's watchdog and `status`
//! go by.

use std::sync::{Arc, Weak};

use reprise::{
    Host,
    agent::{Agent, ProcessStatus},
    status::{Status, Vital},
};
use reprise_session::vital::Vitals;
use serde::{Deserialize, Serialize};

/// What the server and its host are made of, and how it is doing.
#[derive(Clone)]
pub(crate) struct Health {
    host: Arc<Host>,
    /// It ends with the server, whoever still asks how that is doing.
    agent: Weak<Agent>,
    vitals: Vitals,
}

/// How the server is doing, in one piece: what `/status` has.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ServerStatus {
    /// How its host is doing, and what else must live.
    #[serde(flatten)]
    pub(crate) host: Status,
    /// The processes whose modules ask; none where modules cannot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) processes: Option<Vec<ProcessStatus>>,
}

impl Health {
    /// That of `host`, of its agent, if there is one, and of the server's own tasks.
    pub(crate) fn new(host: Arc<Host>, agent: Option<&Arc<Agent>>, vitals: Vitals) -> Self {
        Self { host, agent: agent.map_or_else(Weak::new, Arc::downgrade), vitals }
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
    pub(crate) fn status(&self) -> ServerStatus {
        let mut host = self.host.status();
        host.vitals.splice(..0, self.around());
        let processes = self.agent.upgrade().map(|agent| agent.processes());
        ServerStatus { host, processes }
    }

    fn all(&self) -> Vec<Vital> {
        [self.around(), self.host.vitals()].concat()
    }

    /// The server's own tasks, and its agent's.
    fn around(&self) -> Vec<Vital> {
        let agent = self.agent.upgrade().map(|agent| agent.vitals()).unwrap_or_default();
        [self.vitals.list(), agent].concat()
    }
}
