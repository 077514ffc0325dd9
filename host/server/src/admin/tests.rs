//! The resources, without a network.

use std::sync::Arc;

use reprise::{Host, status::Status};
use reprise_session::vital::Vitals;

use super::resources::{Guard, Operator};
use crate::{
    health::Health,
    http::{
        Answer, Resources,
        request::{Host as RequestHost, Method, Request},
    },
    phase::{Phase, Phased},
};

async fn ask(operator: &Operator, method: Method, path: &str) -> Answer {
    operator.answer(&Request { method, path: path.into(), host: RequestHost::None, keep_alive: false }).await
}

fn operator(phased: &Phased, may_change: bool) -> Operator {
    let health = Health::new(Arc::new(Host::builder().build().unwrap()), Vitals::default());
    Operator { health, phases: phased.watch(), may_change, guard: Guard::new(Arc::new([])) }
}

#[tokio::test]
async fn a_server_that_drains_is_healthy_and_not_ready() {
    let phased = Phased::new();
    let operator = operator(&phased, false);
    assert_eq!(ask(&operator, Method::Get, "/readyz").await.status, "200 OK");
    phased.enter(Phase::Draining);
    assert_eq!(ask(&operator, Method::Get, "/readyz").await.status, "503 Service Unavailable");
    assert_eq!(ask(&operator, Method::Get, "/healthz").await.status, "200 OK");
}

#[tokio::test]
async fn what_ended_and_should_not_have_shows_in_health() {
    let phased = Phased::new();
    let operator = operator(&phased, true);
    // A task that is gone for good.
    drop(operator.health.vitals().task("listener default"));
    for path in ["/healthz", "/readyz"] {
        let Answer { status, body, .. } = ask(&operator, Method::Get, path).await;
        assert!(status == "503 Service Unavailable" && body.contains("listener default"), "{path}: {status} {body}");
    }
    let status: Status = serde_json::from_str(&ask(&operator, Method::Get, "/status").await.body).unwrap();
    let unsound: Vec<_> = status.vitals.iter().filter(|vital| !vital.sound).map(|vital| &vital.name[..]).collect();
    assert_eq!(unsound, ["listener default"]);
}

#[tokio::test]
async fn nothing_is_changed_from_a_place_that_is_not_for_it() {
    let phased = Phased::new();
    for path in ["/policies/reload", "/policies/a/rollback", "/policies/a/quarantine"] {
        let shut = operator(&phased, false);
        assert_eq!(ask(&shut, Method::Post, path).await.status, "405 Method Not Allowed", "{path}");
        // This host has no directory of policies to change, and says so.
        let open = operator(&phased, true);
        assert_eq!(ask(&open, Method::Post, path).await.status, "503 Service Unavailable", "{path}");
        assert_eq!(ask(&open, Method::Get, path).await.status, "404 Not Found", "{path}");
    }
}

#[tokio::test]
async fn what_is_asked_under_a_strangers_name_is_not_told() {
    let phased = Phased::new();
    let ask = async |may_change: bool, path: &str| {
        let mut operator = operator(&phased, may_change);
        operator.guard.names = Arc::new(["metrics.example".into()]);
        let host = RequestHost::One("evil.example\u{1b}[0m".into());
        operator.answer(&Request { method: Method::Get, path: path.into(), host, keep_alive: false }).await
    };
    for path in ["/", "/status", "/metrics", "/none"] {
        let answer = ask(false, path).await;
        assert!(answer.status.starts_with("421"), "{path}: {answer:?}");
        assert!(answer.body.contains("--admin-host") && answer.body.contains("`evil.example\\u{1b}"), "{answer:?}");
    }
    for path in ["/healthz", "/readyz"] {
        assert_eq!(ask(false, path).await.status, "200 OK", "{path}: a load balancer asks");
    }
    assert_eq!(ask(true, "/status").await.status, "200 OK", "no browser gets to the socket");
}

#[tokio::test]
async fn what_is_not_there_is_answered_with_what_is() {
    let phased = Phased::new();
    let answer = ask(&operator(&phased, false), Method::Get, "/metricz").await;
    assert!(answer.status.starts_with("404") && answer.body.contains("/metrics"), "{answer:?}");
    let wish = ask(&operator(&phased, true), Method::Post, "/policies/a/burn").await;
    assert!(wish.status.starts_with("404"), "{wish:?}");
}
