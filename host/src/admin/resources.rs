//! What is answered.

use std::sync::Arc;

use crate::{
    Host,
    metrics::CONTENT_TYPE,
    serve::{
        http::{Answer, Resources},
        phase::Phases,
        request::{Method, Request},
    },
};

const INDEX: &str = "/metrics  for Prometheus\n/status   the same as `reprise status --json`\n/healthz  the process runs\n\
                     /readyz   it takes connections";

/// What somebody who asks at one of the places gets.
pub(crate) struct Operator {
    pub(crate) host: Arc<Host>,
    pub(crate) phases: Phases,
    /// Whether this place is for those who may change something.
    pub(crate) may_change: bool,
}

impl Resources for Operator {
    async fn answer(&self, Request { method, path, .. }: &Request) -> Answer {
        match (method, path.as_str()) {
            (Method::Get | Method::Head, path) => self.show(path).await,
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
            "/status" => self.aside(|host| Answer::new("200 OK", "application/json", status(host))).await,
            "/metrics" => self.aside(|host| Answer::new("200 OK", CONTENT_TYPE, host.metrics().encode())).await,
            _ => Answer::text("404 Not Found", format!("Nothing here; there is:\n{INDEX}")),
        }
    }

    /// What takes locks or time is done where no connection waits for it.
    async fn aside(&self, work: impl FnOnce(&Host) -> Answer + Send + 'static) -> Answer {
        let host = Arc::clone(&self.host);
        let done = tokio::task::spawn_blocking(move || work(&host)).await;
        done.unwrap_or_else(|error| {
            tracing::error!("an operator's request panicked: {error}");
            Answer::error("500 Internal Server Error")
        })
    }
}

fn status(host: &Host) -> String {
    // Strings, numbers, lists and maps with strings for keys: nothing in it can fail to serialize.
    serde_json::to_string_pretty(&host.status())
        .map_or_else(|error| format!("{{\"error\": \"{error}\"}}\n"), |json| json + "\n")
}
