//! What is answered.

use std::{fmt::Write as _, sync::Arc, time::Duration};

use hyper::{Method, StatusCode, header::ACCEPT, http::request::Parts};
use percent_encoding::percent_decode_str;
use reprise::{Policies, metrics::CONTENT_TYPE};
use reprise_policy::policies_dir::{ControlError, PolicyReport};
use reprise_session::printable::{json, line};
use reprise_store::store::TierStatus;
use tokio::sync::Semaphore;

use super::{
    explaining,
    names::{self, Host},
    programs, revoking,
    seats::{ROOM, Seat},
};
use crate::{
    health::Health,
    http::{Answer, Resources},
    page::{self, Page, files},
    phase::Phases,
};

const INDEX: &str = "/         in a browser: a page\n/metrics  for Prometheus\n/status   the same as `reprise status --json`\n/healthz  all that must run does\n\
                     /readyz   it takes connections, and which store is not reachable";

/// The most bytes of why a store is not reachable.
const LONGEST: usize = 4_096;

/// What somebody who asks at one of the places gets.
#[derive(Clone)]
pub(crate) struct Operator {
    pub(crate) health: Health,
    pub(crate) phases: Phases,
    /// Whether this place is for those who may change something.
    pub(crate) may_change: bool,
    /// What browsers are shown. None gets to the socket, nor should one: whoever uses that may change something.
    pub(crate) page: Option<Arc<Page>>,
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
    async fn answer(&self, request: &Parts) -> Answer {
        self.answered(request).await.with(files::FIELDS)
    }
}

impl Operator {
    async fn answered(&self, request: &Parts) -> Answer {
        self.guard.seat.asked();
        let path = request.uri.path();
        // No browser gets to the socket. A load balancer may ask after the server's health by whatever name, and learns nothing.
        let open = self.may_change || matches!(path, "/healthz" | "/readyz");
        if !open {
            let host = Host::of(request);
            if !names::answers(&self.guard.names, &host) {
                return misdirected(&host);
            }
        }
        match request.method {
            Method::GET | Method::HEAD if self.is_for_the_page(path) && is_of_another_page(request) => {
                Answer::error(StatusCode::FORBIDDEN)
            }
            Method::GET if path == page::EVENTS && self.page.is_some() => self.events().await,
            Method::GET | Method::HEAD if path == "/" && !wants_html(request) => Answer::text(StatusCode::OK, INDEX),
            // Who came is for the server's owner alone, unless it was said that others may see that.
            Method::GET | Method::HEAD if path == explaining::PATH && self.knows_who_came() => {
                let query = request.uri.query().unwrap_or_default().to_owned();
                self.aside(move |health| explaining::answer(health, &query)).await
            }
            Method::GET | Method::HEAD => self.show(path).await,
            Method::POST if self.may_change => self.change(path).await,
            _ => Answer::not_allowed("GET, HEAD"),
        }
    }

    fn knows_who_came(&self) -> bool {
        self.may_change || self.page.as_ref().is_some_and(|page| page.has_recent)
    }

    fn is_for_the_page(&self, path: &str) -> bool {
        self.page.is_some() && matches!(path, page::EVENTS | explaining::PATH)
    }

    /// What the page is told from now on.
    async fn events(&self) -> Answer {
        let Some(page) = self.page.clone().filter(|_| !self.phases.is_draining()) else {
            return Answer::text(StatusCode::SERVICE_UNAVAILABLE, "draining");
        };
        self.aside(move |health| page.open(health)).await
    }

    async fn show(&self, path: &str) -> Answer {
        if let Some(file) = self.page.as_ref().and_then(|_| files::at(path)) {
            return file;
        }
        match path {
            "/" => Answer::text(StatusCode::OK, INDEX),
            "/healthz" => self.unsound().unwrap_or_else(|| Answer::text(StatusCode::OK, "ok")),
            "/readyz" if self.phases.is_draining() => Answer::text(StatusCode::SERVICE_UNAVAILABLE, "draining"),
            "/readyz" => match self.unsound() {
                Some(unsound) => unsound,
                None => self.aside(|health| ready(health.host())).await,
            },
            "/status" => {
                let may_know = self.may_change;
                self.aside(move |health| Answer::new(StatusCode::OK, "application/json", status(health, may_know)))
                    .await
            }
            "/metrics" => self.aside(|health| Answer::new(StatusCode::OK, CONTENT_TYPE, health.metrics())).await,
            _ => Answer::text(StatusCode::NOT_FOUND, format!("Nothing here; there is:\n{INDEX}")),
        }
    }

    /// What an operator wants done. The answer is how everything is afterwards.
    async fn change(&self, path: &str) -> Answer {
        if let Some(revoke) = revoking::Wish::of(path) {
            let _permit = self.guard.work.acquire().await;
            let _busy = self.guard.seat.busy();
            return revoke.fulfil(self.health.host()).await;
        }
        if let Some(wish) = programs::Wish::of(path) {
            return self.aside(move |health| wish.fulfil(health)).await;
        }
        let Some(wish) = Wish::of(path) else {
            return Answer::text(
                StatusCode::NOT_FOUND,
                "No such wish: the server is of another version than the command.",
            );
        };
        self.aside(move |health| match wish.fulfil(&health.host().policies()) {
            Ok(_) => Answer::new(StatusCode::OK, "application/json", status(health, true)),
            Err(error @ ControlError::Unknown { .. }) => Answer::text(StatusCode::NOT_FOUND, error.to_string()),
            Err(error @ (ControlError::NothingBefore { .. } | ControlError::DoesNotStart { .. })) => {
                Answer::text(StatusCode::CONFLICT, error.to_string())
            }
            Err(error) => Answer::text(StatusCode::SERVICE_UNAVAILABLE, error.to_string()),
        })
        .await
    }

    /// What to answer where something that must live has ended.
    fn unsound(&self) -> Option<Answer> {
        let unsound = self.health.unsound();
        (!unsound.is_empty()).then(|| {
            let names = unsound.join(", ");
            let words = format!("ended, and started again if possible: {names}; see `reprise status`");
            Answer::text(StatusCode::SERVICE_UNAVAILABLE, words)
        })
    }

    /// What takes locks or time is done where no connection waits for it.
    async fn aside(&self, work: impl FnOnce(&Health) -> Answer + Send + 'static) -> Answer {
        // It is the work's, which goes on when nobody waits for it any more.
        let permit = Arc::clone(&self.guard.work).acquire_owned().await;
        let _busy = self.guard.seat.busy();
        let health = self.health.clone();
        let done = tokio::task::spawn_blocking(move || {
            let answer = work(&health);
            drop(permit);
            answer
        })
        .await;
        done.unwrap_or_else(|error| {
            tracing::error!("an operator's request panicked: {error}");
            Answer::error(StatusCode::INTERNAL_SERVER_ERROR)
        })
    }
}

/// Whether a browser asks for a page to show. Who asks by hand, or by a program, is answered in a few lines.
fn wants_html(request: &Parts) -> bool {
    let accepted = request.headers.get_all(ACCEPT).iter();
    accepted.filter_map(|accepted| accepted.to_str().ok()).any(|accepted| accepted.contains("text/html"))
}

/// Whether a browser says that another site's page wants it: that could not read the answer, and would take a seat.
fn is_of_another_page(request: &Parts) -> bool {
    let site = request.headers.get("sec-fetch-site");
    site.is_some_and(|site| site != "same-origin" && site != "none")
}

/// For so long after the start a server is not ready while a store is not reachable. Then it is, for without stores it serves all the
/// same, with full handshakes: a fleet whose store is down is not to be a fleet of which no server is ready.
const STORES_HAVE: Duration = Duration::from_secs(10);

fn ready(host: &reprise::Host) -> Answer {
    let (stores, age) = host.stores();
    readiness(&stores, age < STORES_HAVE)
}

fn readiness(stores: &[TierStatus], young: bool) -> Answer {
    let mut words = String::from(if young { "not ready" } else { "ready" });
    for tier in stores {
        if let Some(trouble) = tier.trouble.as_ref().filter(|_| !tier.reachable) {
            let _ = write!(words, "\nstore {}, not reachable: {}", tier.kind, line(trouble, LONGEST));
        }
    }
    match words.contains('\n') {
        true if young => Answer::text(StatusCode::SERVICE_UNAVAILABLE, words),
        true => Answer::text(StatusCode::OK, words),
        false => Answer::text(StatusCode::OK, "ready"),
    }
}

/// What is not for this server.
fn misdirected(host: &Host) -> Answer {
    let what = match host {
        Host::One(host) => format!("`{}` is not a name of this server", line(host, 256)),
        Host::None | Host::Several => "the request names several hosts".to_owned(),
    };
    Answer::text(
        StatusCode::MISDIRECTED_REQUEST,
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

/// How it all is; who or what is revoked, and which names clients asked for, is for those alone who may revoke.
pub(super) fn status(health: &Health, may_know: bool) -> String {
    let status = if may_know { health.status() } else { health.status_for_anybody() };
    // Strings, numbers, lists and maps with strings for keys: nothing in it can fail to serialize.
    json(&status).map_or_else(|error| format!("{{\"error\": \"{error}\"}}\n"), |json| json + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use reprise_store::store::{Scope, Usage};

    #[test]
    fn a_store_not_reached_holds_readiness_up_briefly() {
        let tier = |trouble: Option<&str>| TierStatus {
            kind: "redis".into(),
            scope: Scope::Fleet,
            usage: Usage::default(),
            reachable: trouble.is_none(),
            trouble: trouble.map(str::to_owned),
            lookups_skipped: 0,
            lookups_spared: 0,
        };
        let never = [tier(None), tier(Some("it was never reached"))];
        let answer = readiness(&never, true);
        assert!(answer.status == 503 && answer.body.contains("store redis, not reachable: it was never"));
        let answer = readiness(&never, false);
        assert!(answer.status == 200 && answer.body.contains("it was never reached"), "{answer:?}");
        assert_eq!(readiness(&[tier(None)], true).body, "ready\n");
    }
}
