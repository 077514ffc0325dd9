//! Whether the server does what it seems to: what `/healthz`, `/readyz`, the service manager's watchdog and `status`
//! go by.

use std::{
    collections::BTreeSet,
    sync::{Arc, Weak},
};

use prometheus_client::{encoding::text, registry::Registry};
use reprise::{
    Host,
    agent::{Agent, ProcessStatus, ProgramStatus},
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
    /// What their programs came to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) programs: Vec<ProgramStatus>,
    /// Programs that are left alone; `*` for all.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub(crate) stands_down: BTreeSet<String>,
}

impl ServerStatus {
    /// Of a host that nobody asks.
    pub(crate) fn of(host: Status) -> Self {
        Self { host, processes: None, programs: Vec::new(), stands_down: BTreeSet::new() }
    }
}

impl Health {
    /// That of `host`, of its agent, if there is one, and of the server's own tasks.
    pub(crate) fn new(host: Arc<Host>, agent: Option<&Arc<Agent>>, vitals: Vitals) -> Self {
        Self { host, agent: agent.map_or_else(Weak::new, Arc::downgrade), vitals }
    }

    pub(crate) fn host(&self) -> &Arc<Host> {
        &self.host
    }

    /// What modules ask, where they can.
    pub(crate) fn agent(&self) -> Option<Arc<Agent>> {
        self.agent.upgrade()
    }

    /// The server's own tasks.
    pub(crate) fn vitals(&self) -> &Vitals {
        &self.vitals
    }

    /// The names of those tasks and threads that have ended, or were started again a moment ago.
    pub(crate) fn unsound(&self) -> Vec<String> {
        self.all().into_iter().filter(|vital| !vital.sound).map(|vital| vital.name).collect()
    }

    /// Everything counted, for Prometheus.
    pub(crate) fn metrics(&self) -> String {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(self.host.metrics()));
        if let Some(agent) = self.agent() {
            registry.register_collector(Box::new(agent.metrics()));
        }
        let mut encoded = String::new();
        // A string takes everything.
        let _ = text::encode(&mut encoded, &registry);
        encoded
    }

    /// How everything is doing.
    pub(crate) fn status(&self) -> ServerStatus {
        let mut host = self.host.status();
        host.vitals.splice(..0, self.around());
        let agent = self.agent.upgrade();
        let processes = agent.as_ref().map(|agent| agent.processes());
        let programs = agent.as_ref().map(|agent| agent.programs()).unwrap_or_default();
        let stands_down = agent.map(|agent| agent.stands_down()).unwrap_or_default();
        ServerStatus { processes, programs, stands_down, ..ServerStatus::of(host) }
    }

    /// The same for who may not know who or what is revoked.
    pub(crate) fn status_for_anybody(&self) -> ServerStatus {
        let mut status = self.status();
        status.host.revocations.newest = None;
        status.host.funnel.hide_names();
        status
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
