//! What is answered.

use std::sync::Arc;

use percent_encoding::percent_decode_str;
use tokio::sync::Semaphore;

use super::{
    names, revoking,
    seats::{ROOM, Seat},
};
use crate::{
    Policies,
    metrics::CONTENT_TYPE,
    policies_dir::{ControlError, PolicyReport},
    printable::{json, line},
    serve::{
        http::{Answer, Resources},
        phase::Phases,
        request::{Host, Method, Request},
    },
};

const INDEX: &str = "/metrics  for Prometheus\n/status   the same as `reprise status --json`\n/healthz  the process runs\n\
                     /readyz   it takes connections";

/// What somebody who asks at one of the places gets.
pub(crate) struct Operator {
    pub(crate) host: Arc<crate::Host>,
    pub(crate) phases: Phases,
    /// Whether this place is for those who may change something.
    pub(crate) may_change: bool,
    pub(super) guard: Guard,
}

/// What keeps who asks at a place within bounds.
#[derive(Clone)]
pub(super) struct Guard {
    /// The names under which the place answers, beside those that any has.
    pub(super) names: Arc<[String]>,
    /// A permit for each request that takes locks or time: fewer than seats, so that there is always one to give to another.
    pub(super) work: Arc<Semaphore>,
    pub(super) seat: Arc<Seat>,
}

impl Guard {
    /// Requests of a place that are worked on at once, if they take locks or time.
    const WORK: usize = ROOM / 4;

    pub(super) fn new(names: Arc<[String]>) -> Self {
        Self { names, work: Arc::new(Semaphore::new(Self::WORK)), seat: Arc::default() }
    }
}

impl Resources for Operator {
    async fn answer(&self, Request { method, path, host, .. }: &Request) -> Answer {
        self.guard.seat.asked();
        // No browser gets to the socket. A load balancer may ask after the server's health by whatever name, and learns nothing.
        let open = self.may_change || matches!(path.as_str(), "/healthz" | "/readyz");
        if !open && !names::answers(&self.guard.names, host) {
            return misdirected(host);
        }
        match (method, path.as_str()) {
            (Method::Get | Method::Head, path) => self.show(path).await,
            (Method::Post, path) if self.may_change => self.change(path).await,
            (Method::Post | Method::Other, _) => Answer::not_allowed("GET, HEAD"),
        }
    }
}

impl Operator {
    async fn show(&self, path: &str) -> Answer {
        match path {
            "/" => Answer::text("200 OK", INDEX),
            "/healthz" => Answer::text("200 OK", "ok"),
            "/readyz" if self.phases.is_draining() => Answer::text("503 Service Unavailable", "draining"),
            "/readyz" => Answer::text("200 OK", "ready"),
            "/status" => {
                let may_know = self.may_change;
                self.aside(move |host| Answer::new("200 OK", "application/json", status(host, may_know))).await
            }
            "/metrics" => self.aside(|host| Answer::new("200 OK", CONTENT_TYPE, host.metrics().encode())).await,
            _ => Answer::text("404 Not Found", format!("Nothing here; there is:\n{INDEX}")),
        }
    }

    /// What an operator wants done. The answer is how everything is afterwards.
    async fn change(&self, path: &str) -> Answer {
        if let Some(revoke) = revoking::Wish::of(path) {
            let _permit = self.guard.work.acquire().await;
            let _busy = self.guard.seat.busy();
            return revoke.fulfil(&self.host).await;
        }
        let Some(wish) = Wish::of(path) else {
            return Answer::text("404 Not Found", "No such wish: the server is of another version than the command.");
        };
        self.aside(move |host| match wish.fulfil(&host.policies()) {
            Ok(_) => Answer::new("200 OK", "application/json", status(host, true)),
            Err(error @ ControlError::Unknown { .. }) => Answer::text("404 Not Found", error.to_string()),
            Err(error @ (ControlError::NothingBefore { .. } | ControlError::DoesNotStart { .. })) => {
                Answer::text("409 Conflict", error.to_string())
            }
            Err(error) => Answer::text("503 Service Unavailable", error.to_string()),
        })
        .await
    }

    /// What takes locks or time is done where no connection waits for it.
    async fn aside(&self, work: impl FnOnce(&crate::Host) -> Answer + Send + 'static) -> Answer {
        // It is the work's, which goes on when nobody waits for it any more.
        let permit = Arc::clone(&self.guard.work).acquire_owned().await;
        let _busy = self.guard.seat.busy();
        let host = Arc::clone(&self.host);
        let done = tokio::task::spawn_blocking(move || {
            let answer = work(&host);
            drop(permit);
            answer
        })
        .await;
        done.unwrap_or_else(|error| {
            tracing::error!("an operator's request panicked: {error}");
            Answer::error("500 Internal Server Error")
        })
    }
}

/// What is not for this server.
fn misdirected(host: &Host) -> Answer {
    let what = match host {
        Host::One(host) => format!("`{}` is not a name of this server", line(host, 256)),
        Host::None | Host::Several => "the request names several hosts".to_owned(),
    };
    Answer::text(
        "421 Misdirected Request",
        format!("{what}: ask by its IP address or as `localhost`, or start it with --admin-host NAME"),
    )
}

/// What an operator wants done about policies.
#[derive(Debug, PartialEq, Eq)]
enum Wish {
    Reload,
    Rollback(String),
    Quarantine(String),
}

impl Wish {
    /// `/policies/reload`, `/policies/NAME/rollback`, `/policies/NAME/quarantine`; NAME is percent-encoded.
    fn of(path: &str) -> Option<Self> {
        let path = path.strip_prefix("/policies/")?;
        if path == "reload" {
            return Some(Self::Reload);
        }
        let (name, wish) = path.split_once('/')?;
        let name = percent_decode_str(name).decode_utf8().ok()?.into_owned();
        match wish {
            "rollback" => Some(Self::Rollback(name)),
            "quarantine" => Some(Self::Quarantine(name)),
            _ => None,
        }
    }

    fn fulfil(&self, policies: &Policies) -> Result<Vec<PolicyReport>, ControlError> {
        match self {
            Self::Reload => policies.reload(),
            Self::Rollback(name) => policies.rollback(name),
            Self::Quarantine(name) => policies.quarantine(name),
        }
    }
}

/// How it all is; who or what is revoked is for those alone who may revoke.
fn status(host: &crate::Host, may_know: bool) -> String {
    let mut status = host.status();
    if !may_know {
        status.revocations.newest = None;
    }
    // Strings, numbers, lists and maps with strings for keys: nothing in it can fail to serialize.
    json(&status).map_or_else(|error| format!("{{\"error\": \"{error}\"}}\n"), |json| json + "\n")
}
