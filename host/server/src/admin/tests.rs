//! The resources, without a network.

use std::sync::Arc;

use hyper::{
    Method, Request,
    header::{HOST, HeaderValue},
};
use reprise::{Host, status::Status};
use reprise_session::vital::Vitals;

use super::resources::{Guard, Operator};
use crate::{
    health::Health,
    http::{Answer, Resources},
    page::Page,
    phase::{Phase, Phased},
};

async fn ask(operator: &Operator, method: Method, path: &str) -> Answer {
    let (request, ()) = Request::builder().method(method).uri(path).body(()).unwrap().into_parts();
    operator.answer(&request).await
}

fn operator(phased: &Phased, may_change: bool) -> Operator {
    let health = Health::new(Arc::new(Host::builder().build().unwrap()), None, Vitals::default());
    let page = (!may_change).then(|| Arc::new(Page::new(false)));
    Operator { health, phases: phased.watch(), may_change, page, guard: Guard::new(Arc::new([])) }
}

#[tokio::test]
async fn a_server_that_drains_is_healthy_and_not_ready() {
    let phased = Phased::new();
    let operator = operator(&phased, false);
    assert_eq!(ask(&operator, Method::GET, "/readyz").await.status, 200);
    phased.enter(Phase::Draining);
    assert_eq!(ask(&operator, Method::GET, "/readyz").await.status, 503);
    assert_eq!(ask(&operator, Method::GET, "/healthz").await.status, 200);
}

#[tokio::test]
async fn what_ended_and_should_not_have_shows_in_health() {
    let phased = Phased::new();
    let operator = operator(&phased, true);
    // A task that is gone for good.
    drop(operator.health.vitals().task("listener default"));
    for path in ["/healthz", "/readyz"] {
        let Answer { status, body, .. } = ask(&operator, Method::GET, path).await;
        assert!(status == 503 && body.contains("listener default"), "{path}: {status} {body}");
    }
    let status: Status = serde_json::from_str(&ask(&operator, Method::GET, "/status").await.body).unwrap();
    let unsound: Vec<_> = status.vitals.iter().filter(|vital| !vital.sound).map(|vital| &vital.name[..]).collect();
    assert_eq!(unsound, ["listener default"]);
}

#[tokio::test]
async fn nothing_is_changed_from_a_place_that_is_not_for_it() {
    let phased = Phased::new();
    for path in ["/policies/reload", "/policies/a/rollback", "/policies/a/quarantine"] {
        let shut = operator(&phased, false);
        assert_eq!(ask(&shut, Method::POST, path).await.status, 405, "{path}");
        // This host has no directory of policies to change, and says so.
        let open = operator(&phased, true);
        assert_eq!(ask(&open, Method::POST, path).await.status, 503, "{path}");
        assert_eq!(ask(&open, Method::GET, path).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn what_is_asked_under_a_strangers_name_is_not_told() {
    let phased = Phased::new();
    let ask = async |may_change: bool, path: &str| {
        let mut operator = operator(&phased, may_change);
        operator.guard.names = Arc::new(["metrics.example".into()]);
        let host = HeaderValue::from_bytes("evil.example\u{9b}0m".as_bytes()).unwrap();
        let (request, ()) = Request::builder().uri(path).header(HOST, host).body(()).unwrap().into_parts();
        operator.answer(&request).await
    };
    for path in ["/", "/status", "/metrics", "/none"] {
        let answer = ask(false, path).await;
        assert!(answer.status == 421, "{path}: {answer:?}");
        assert!(answer.body.contains("--admin-host") && answer.body.contains("`evil.example\\u{9b}"), "{answer:?}");
    }
    for path in ["/healthz", "/readyz"] {
        assert_eq!(ask(false, path).await.status, 200, "{path}: a load balancer asks");
    }
    assert_eq!(ask(true, "/status").await.status, 200, "no browser gets to the socket");
}

#[tokio::test]
async fn what_is_not_there_is_answered_with_what_is() {
    let phased = Phased::new();
    let answer = ask(&operator(&phased, false), Method::GET, "/metricz").await;
    assert!(answer.status == 404 && answer.body.contains("/metrics"), "{answer:?}");
    let wish = ask(&operator(&phased, true), Method::POST, "/policies/a/burn").await;
    assert!(wish.status == 404, "{wish:?}");
}

#[tokio::test]
async fn so_many_browsers_look_at_once_and_no_more() {
    let phased = Phased::new();
    let operator = operator(&phased, false);
    let mut looking = Vec::new();
    loop {
        let answer = ask(&operator, Method::GET, "/events").await;
        if answer.status != 200 {
            assert!(answer.status == 503 && answer.body.contains("close one"), "{answer:?}");
            break;
        }
        assert!(answer.body.starts_with("data: {") && answer.events.is_some(), "{answer:?}");
        looking.push(answer);
        assert!(looking.len() < 100);
    }
    assert_eq!(looking.len(), 8, "there are 32 connections for all that ask");
    looking.pop();
    assert_eq!(ask(&operator, Method::GET, "/events").await.status, 200);
    phased.enter(Phase::Draining);
    assert_eq!(ask(&operator, Method::GET, "/events").await.status, 503);
}

#[tokio::test]
async fn the_page_is_for_browsers_and_not_for_the_socket() {
    let phased = Phased::new();
    let ask = async |may_change: bool, path: &str, field: (&'static str, &str)| {
        let request = Request::builder().uri(path).header(field.0, field.1).body(()).unwrap();
        operator(&phased, may_change).answer(&request.into_parts().0).await
    };
    let html = ("accept", "text/html,*/*;q=0.8");
    let page = ask(false, "/", html).await;
    assert!(page.content_type.starts_with("text/html") && page.body.contains("<h1>Reprise</h1>"), "{page:?}");
    assert!(ask(false, "/", ("accept", "*/*")).await.body.contains("/metrics"), "a few lines for who has no browser");
    assert!(!ask(true, "/", html).await.body.contains("<h1>"));
    assert_eq!(ask(true, "/events", html).await.status, 404);
    for site in ["cross-site", "same-site"] {
        assert_eq!(ask(false, "/events", ("sec-fetch-site", site)).await.status, 403, "another page takes no seat");
        assert_eq!(ask(false, "/", ("sec-fetch-site", site)).await.status, 200, "it may have a link");
    }
    assert_eq!(ask(false, "/events", ("sec-fetch-site", "same-origin")).await.status, 200);
}

/// What is in the page has no word of another place, and every answer says that nothing else may be loaded.
#[tokio::test]
async fn the_page_loads_nothing_from_elsewhere() {
    let phased = Phased::new();
    let operator = operator(&phased, false);
    let mut seen = 0;
    for path in ["/", "/page/style.css", "/page/icon.svg", "/page/page.js", "/page/draw.js", "/page/funnel.js"]
        .into_iter()
        .chain(["/page/history.js", "/page/policies.js", "/page/stores.js", "/page/recent.js"])
    {
        let request = Request::builder().uri(path).header("accept", "text/html").body(()).unwrap();
        let answer = operator.answer(&request.into_parts().0).await;
        assert_eq!(answer.status, 200, "{path}");
        let field = |name| answer.fields.iter().find(|(field, _)| *field == name).unwrap().1;
        let policy = field("content-security-policy");
        assert!(policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self';"), "{policy}");
        assert!(policy.contains("frame-ancestors 'none'") && !policy.contains("unsafe"), "{policy}");
        assert_eq!((field("x-content-type-options"), field("referrer-policy")), ("nosniff", "no-referrer"));
        let elsewhere = answer.body.replace("http://www.w3.org/2000/svg", "");
        assert!(!elsewhere.contains("//") || !elsewhere.contains("http"), "{path}");
        for inline in ["<script>", "<style", " style=", "onclick", "innerHTML", "eval("] {
            assert!(!answer.body.contains(inline), "{path}: {inline}");
        }
        assert!(answer.body.len() < 8 << 10, "{path}: {}", answer.body.len());
        seen += answer.body.len();
    }
    assert!(seen > 20_000);
}
