//! What is answered.

use percent_encoding::percent_decode_str;

use super::revoking;
use crate::{
    Policies,
    metrics::CONTENT_TYPE,
    policies_dir::{ControlError, PolicyReport},
    serve::{
        health::Health,
        http::{Answer, Resources},
        phase::Phases,
        request::{Method, Request},
    },
};

const INDEX: &str = "/metrics  for Prometheus\n/status   the same as `reprise status --json`\n/healthz  all that must run does\n\
                     /readyz   it takes connections";

/// What somebody who asks at one of the places gets.
pub(crate) struct Operator {
    pub(crate) health: Health,
    pub(crate) phases: Phases,
    /// Whether this place is for those who may change something.
    pub(crate) may_change: bool,
}

impl Resources for Operator {
    async fn answer(&self, Request { method, path, .. }: &Request) -> Answer {
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
            "/healthz" => self.unless_unsound("ok"),
            "/readyz" if self.phases.is_draining() => Answer::text("503 Service Unavailable", "draining"),
            "/readyz" => self.unless_unsound("ready"),
            "/status" => {
                let may_know = self.may_change;
                self.aside(move |health| Answer::new("200 OK", "application/json", status(health, may_know))).await
            }
            "/metrics" => {
                self.aside(|health| Answer::new("200 OK", CONTENT_TYPE, health.host().metrics().encode())).await
            }
            _ => Answer::text("404 Not Found", format!("Nothing here; there is:\n{INDEX}")),
        }
    }

    /// What an operator wants done. The answer is how everything is afterwards.
    async fn change(&self, path: &str) -> Answer {
        if let Some(revoke) = revoking::Wish::of(path) {
            return revoke.fulfil(self.health.host()).await;
        }
        let Some(wish) = Wish::of(path) else {
            return Answer::text("404 Not Found", "No such wish: the server is of another version than the command.");
        };
        self.aside(move |health| match wish.fulfil(&health.host().policies()) {
            Ok(_) => Answer::new("200 OK", "application/json", status(health, true)),
            Err(error @ ControlError::Unknown { .. }) => Answer::text("404 Not Found", error.to_string()),
            Err(error @ (ControlError::NothingBefore { .. } | ControlError::DoesNotStart { .. })) => {
                Answer::text("409 Conflict", error.to_string())
            }
            Err(error) => Answer::text("503 Service Unavailable", error.to_string()),
        })
        .await
    }

    /// `said`, if everything that must live does.
    fn unless_unsound(&self, said: &str) -> Answer {
        let unsound = self.health.unsound();
        if unsound.is_empty() {
            return Answer::text("200 OK", said);
        }
        let names = unsound.join(", ");
        Answer::text(
            "503 Service Unavailable",
            format!("ended, and started again if possible: {names}; see `reprise status`"),
        )
    }

    /// What takes locks or time is done where no connection waits for it.
    async fn aside(&self, work: impl FnOnce(&Health) -> Answer + Send + 'static) -> Answer {
        let health = self.health.clone();
        let done = tokio::task::spawn_blocking(move || work(&health)).await;
        done.unwrap_or_else(|error| {
            tracing::error!("an operator's request panicked: {error}");
            Answer::error("500 Internal Server Error")
        })
    }
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
fn status(health: &Health, may_know: bool) -> String {
    let mut status = health.status();
    if !may_know {
        status.revocations.newest = None;
    }
    // Strings, numbers, lists and maps with strings for keys: nothing in it can fail to serialize.
    serde_json::to_string_pretty(&status)
        .map_or_else(|error| format!("{{\"error\": \"{error}\"}}\n"), |json| json + "\n")
}
