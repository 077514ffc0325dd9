//! What a host counts is what happened, once each, and nothing of a session's secrets is in it.

use crate::support;

use std::{
    ffi::c_int,
    io::{Read, Write},
    os::unix::net::UnixStream,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use openssl::ssl::{
    ClientHelloResponse, Ssl, SslContext, SslContextBuilder, SslMethod, SslOptions, SslSession, SslStream, SslVersion,
};
use reprise::{Host, Listener, session::Miss};
use reprise_fixtures::{Callback, policies};
use support::{ffi::InfoCallback, policies::directory, *};

/// Handshakes of a version, in full and resumed.
fn handshakes(host: &Host, version: &str) -> (u64, u64) {
    let status = host.status();
    let of = status.handshakes.iter().find(|handshakes| handshakes.version == version).unwrap();
    (of.full, of.resumed)
}

/// The reasons that were counted at all.
fn misses(host: &Host) -> Vec<(String, u64)> {
    host.status().misses.into_iter().filter(|(_, count)| *count > 0).collect()
}

#[test]
fn a_handshake_is_counted_once_by_its_version_and_by_whether_it_resumed() {
    let host = Host::builder().tickets(2).build().unwrap();
    let context = installed(&host);
    for (version, name) in VERSIONS.into_iter().zip(["1.2", "1.3"]) {
        let first = handshake(&host, &context, &Client::of(version));
        assert_eq!(handshakes(&host, name), (1, 0));
        for resumed in 1..=3 {
            assert!(handshake(&host, &context, &Client::of(version).offering(first.session())).resumed);
            assert_eq!(handshakes(&host, name), (1, resumed));
        }
    }
    assert_eq!(misses(&host), []);
}

#[test]
fn a_handshake_with_a_hello_retry_request_is_one() {
    let host = Host::builder().build().unwrap();
    let context = installed_as(&host, Listener::named("public"), |context| context.set_groups_list("P-256").unwrap());
    let client = Client::of(SslVersion::TLS1_3).adjusted(|context: &mut SslContextBuilder| {
        context.set_groups_list("X25519:P-256").unwrap();
    });
    let first = handshake(&host, &context, &client);
    assert!(handshake(&host, &context, &client.offering(first.session())).resumed);
    assert_eq!(handshakes(&host, "1.3"), (1, 1));
}

#[test]
fn a_handshake_that_pauses_for_early_data_is_counted_when_it_is_complete() {
    let host = Host::builder().build().unwrap();
    let context = installed_as(&host, Listener::named("public"), |context| context.set_max_early_data(64).unwrap());
    let first = handshake(&host, &context, &Client::of(SslVersion::TLS1_3));
    let session = SslSession::from_der(&first.session().to_der().unwrap()).unwrap();
    let (near, far) = UnixStream::pair().unwrap();
    let client = thread::spawn(move || {
        let mut context = SslContext::builder(SslMethod::tls_client()).unwrap();
        context.set_options(SslOptions::empty());
        let mut ssl = Ssl::new(&context.build()).unwrap();
        ssl.set_hostname("a.example").unwrap();
        // SAFETY: the session was made by a context of the same shape.
        unsafe { ssl.set_session(&session) }.unwrap();
        let mut stream = SslStream::new(ssl, far).unwrap();
        stream.write_early_data(b"early").unwrap();
        stream.connect().unwrap();
        stream.write_all(b"!").unwrap();
    });
    let mut stream = SslStream::new(Ssl::new(&context).unwrap(), near).unwrap();
    assert_eq!(stream.read_early_data(&mut [0; 5]).unwrap(), 5);
    assert_eq!(handshakes(&host, "1.3"), (1, 0), "the client's Finished has not come yet");
    stream.accept().unwrap();
    stream.read_exact(&mut [0]).unwrap();
    client.join().unwrap();
    assert_eq!(handshakes(&host, "1.3"), (1, 1));
}

#[test]
fn a_handshake_that_fails_is_not_counted() {
    let host = Host::builder().build().unwrap();
    let context = installed_as(&host, Listener::named("public"), |context| {
        context.set_min_proto_version(Some(SslVersion::TLS1_3)).unwrap();
    });
    assert!(try_handshake(&host, &context, &Client::of(SslVersion::TLS1_2)).is_err());
    let context = installed_as(&host, Listener::named("public").on_client_hello(|_| Err(reprise::Alert(80))), |_| {});
    assert!(try_handshake(&host, &context, &Client::of(SslVersion::TLS1_3)).is_err());
    assert!(host.status().handshakes.iter().all(|of| (of.full, of.resumed) == (0, 0)));
}

#[test]
fn a_miss_is_counted_under_its_reason_and_is_a_full_handshake() {
    let host = Host::builder().build().unwrap();
    let context = installed(&host);
    for (version, name) in VERSIONS.into_iter().zip(["1.2", "1.3"]) {
        let first = handshake(&host, &context, &Client::of(version));
        handshake(&host, &context, &Client::of(version).named("b.example").offering(first.session()));
        let foreign = ffi::with_id(first.session(), &[7; 32]);
        if version == SslVersion::TLS1_2 {
            handshake(&host, &context, &Client::of(version).offering(&foreign));
            assert_eq!(misses(&host), [("foreign-id".into(), 1), ("server-name".into(), 1)]);
        }
        assert_eq!(handshakes(&host, name), (if name == "1.2" { 3 } else { 2 }, 0));
    }
    assert_eq!(misses(&host), [("foreign-id".into(), 1), ("server-name".into(), 2)]);
}

/// RFC 8446 appendix D.4: a client of both versions sends random bytes where TLS 1.2 has the session id.
#[test]
fn an_id_that_was_never_a_session_s_is_no_miss() {
    let host = Host::builder().build().unwrap();
    let context = installed_as(&host, Listener::named("public"), |context| {
        context.set_max_proto_version(Some(SslVersion::TLS1_2)).unwrap();
    });
    let client = Client::of(SslVersion::TLS1_2).adjusted(|context| {
        context.set_max_proto_version(Some(SslVersion::TLS1_3)).unwrap();
    });
    let first = handshake(&host, &context, &client);
    assert_eq!(first.miss(), "none");
    assert_eq!((misses(&host), handshakes(&host, "1.2")), (vec![], (1, 0)));
    // Who offers a session of ours is told what became of it.
    assert!(handshake(&host, &context, &client.clone().offering(first.session())).resumed);
    assert_eq!(handshake(&host, &context, &client.named("b.example").offering(first.session())).miss(), "server-name");
}

/// What get_cb does not know of is counted too: OpenSSL drops the session that it was handed.
#[test]
fn a_session_that_openssl_does_not_take_is_a_miss_with_that_reason() {
    let spy = spy::Spy::default();
    let host = Host::builder().store(spy.clone()).build().unwrap();
    let [a, b] = ["a", "b"].map(|site| installed_as(&host, Listener::named("public").site(site), |_| {}));
    spy.rewriting(|record, _| record.border.site = "b".into());
    let first = handshake(&host, &a, &Client::of(SslVersion::TLS1_3));
    handshake(&host, &b, &Client::of(SslVersion::TLS1_3).offering(first.session()));
    assert_eq!(misses(&host), [("not-taken".into(), 1)]);
}

#[test]
fn a_handshake_that_missed_the_hook_is_counted_with_that_as_the_reason() {
    let host = Host::builder().build().unwrap();
    let context = installed(&host);
    let mut replaced = server_context(&certificates::server());
    host.install(&mut replaced, Listener::named("public")).unwrap();
    replaced.set_client_hello_callback(|_, _| Ok(ClientHelloResponse::SUCCESS));
    let replaced = replaced.build();
    for version in VERSIONS {
        let first = handshake(&host, &context, &Client::of(version));
        assert!(!handshake(&host, &replaced, &Client::of(version).offering(first.session())).resumed);
    }
    assert_eq!(misses(&host), [("no-hook".into(), 2)]);
    assert_eq!((handshakes(&host, "1.2"), handshakes(&host, "1.3")), ((2, 0), (2, 0)));
}

#[test]
fn info_callbacks_of_the_embedders_are_called_as_before() {
    static CONTEXTS: AtomicUsize = AtomicUsize::new(0);
    static CONNECTIONS: AtomicUsize = AtomicUsize::new(0);
    extern "C" fn of_context(_: *const openssl_sys::SSL, _: c_int, _: c_int) {
        CONTEXTS.fetch_add(1, Ordering::SeqCst);
    }
    extern "C" fn of_connection(_: *const openssl_sys::SSL, _: c_int, _: c_int) {
        CONNECTIONS.fetch_add(1, Ordering::SeqCst);
    }
    let told = |host: &Host, context: &SslContext, own: Option<InfoCallback>| {
        let before = (CONTEXTS.load(Ordering::SeqCst), CONNECTIONS.load(Ordering::SeqCst));
        let server = Ssl::new(context).unwrap();
        if let Some(own) = own {
            ffi::set_info_callback(&server, own);
        }
        let client = Client::of(SslVersion::TLS1_2);
        try_handshake_on(server, |stream| host.connection(stream.ssl()), &client).unwrap();
        (CONTEXTS.load(Ordering::SeqCst) - before.0, CONNECTIONS.load(Ordering::SeqCst) - before.1)
    };
    let host = Host::builder().build().unwrap();
    let listening = |context: &mut SslContextBuilder| ffi::set_context_info_callback(context, of_context);
    let context = installed_as(&host, Listener::named("public"), listening);
    let (contexts, connections) = told(&host, &context, None);
    assert!(contexts > 5 && connections == 0, "{contexts} {connections}");
    let (contexts, connections) = told(&host, &context, Some(of_connection));
    assert!(
        contexts == 0 && connections > 5,
        "the connection's own comes before the context's: {contexts} {connections}"
    );
    assert_eq!(handshakes(&host, "1.2"), (2, 0), "and both are counted");
}

#[test]
fn a_resumption_is_filed_under_the_time_since_the_full_handshake() {
    let now = Arc::new(AtomicU64::new(1_000_000));
    let clock = now.clone();
    let host = Host::builder().lifetime(Duration::from_secs(3_600)).clock(move || clock.load(Ordering::SeqCst));
    let host = host.build().unwrap();
    let context = installed(&host);
    let first = handshake(&host, &context, &Client::of(SslVersion::TLS1_3));
    now.fetch_add(100, Ordering::SeqCst);
    let second = handshake(&host, &context, &Client::of(SslVersion::TLS1_3).offering(first.session()));
    now.fetch_add(400, Ordering::SeqCst);
    assert!(handshake(&host, &context, &Client::of(SslVersion::TLS1_3).offering(second.session())).resumed);
    let metrics = host.metrics().encode();
    for line in [
        "reprise_session_age_seconds_bucket{le=\"60.0\"} 0",
        "reprise_session_age_seconds_bucket{le=\"300.0\"} 1",
        "reprise_session_age_seconds_bucket{le=\"900.0\"} 2",
        "reprise_session_age_seconds_sum 600.0",
    ] {
        assert!(metrics.lines().any(|found| found == line), "{line} in\n{metrics}");
    }
}

#[test]
fn every_call_of_a_policy_is_counted_with_its_verdict_or_its_failure() {
    let policies = directory(&[
        ("10-calm.wasm", policies::no_opinion()),
        ("20-bad.wasm", policies::trap_in(Callback::Get)),
        ("30-get.wasm", policies::get_only()),
    ]);
    // However busy the machine is.
    let budget = Duration::from_secs(10);
    let host = Host::builder().policies(policies.path()).policy_budget(budget).build().unwrap();
    let context = installed(&host);
    let first = handshake(&host, &context, &Client::of(SslVersion::TLS1_3));
    let second = handshake(&host, &context, &Client::of(SslVersion::TLS1_3).offering(first.session()));
    assert!(!second.resumed);
    assert_eq!(misses(&host), [("policy-failed".into(), 1)]);

    let status = host.status();
    let policy = |name: &str| status.policies.iter().find(|policy| policy.name == name).unwrap();
    // new-session twice and get-session once, where it is exported, whatever the others said.
    assert_eq!((policy("calm").calls, policy("bad").calls, policy("get").calls), (3, 1, 1));
    assert_eq!((policy("bad").failures["trap"], policy("calm").failures["trap"]), (1, 0));
    let metrics = host.metrics().encode();
    for line in [
        "reprise_policy_calls_total{policy=\"calm\",callback=\"new-session\"} 2",
        "reprise_policy_calls_total{policy=\"calm\",callback=\"get-session\"} 1",
        "reprise_policy_calls_total{policy=\"get\",callback=\"new-session\"} 0",
        "reprise_policy_calls_total{policy=\"get\",callback=\"get-session\"} 1",
        "reprise_policy_call_duration_seconds_count{policy=\"bad\",callback=\"get-session\"} 1",
        "reprise_policy_verdicts_total{policy=\"calm\",callback=\"new-session\",verdict=\"keep\"} 2",
        "reprise_policy_verdicts_total{policy=\"calm\",callback=\"get-session\",verdict=\"resume\"} 1",
        "reprise_policy_verdicts_total{policy=\"bad\",callback=\"get-session\",verdict=\"resume\"} 0",
        "reprise_policy_failures_total{policy=\"bad\",kind=\"trap\"} 1",
        "reprise_policy_generation{policy=\"calm\"} 1",
        "reprise_policy_state{policy=\"calm\",state=\"trial\"} 1",
    ] {
        assert!(metrics.lines().any(|found| found == line), "{line} in\n{metrics}");
    }
}

#[test]
fn the_reasons_in_the_metrics_are_those_that_a_miss_can_have() {
    let host = Host::builder().build().unwrap();
    let metrics = host.metrics().encode();
    let reasons: Vec<&str> = metrics
        .lines()
        .filter_map(|line| line.strip_prefix("reprise_misses_total{reason=\"")?.split('"').next())
        .collect();
    assert_eq!(reasons, Miss::REASONS);
}

#[test]
fn a_host_that_is_gone_has_no_metrics_and_keeps_nobody_from_encoding() {
    let host = Host::builder().build().unwrap();
    let metrics = host.metrics();
    assert!(metrics.encode().contains("reprise_handshakes"));
    drop(host);
    assert_eq!(metrics.encode(), "# EOF\n");
}

#[test]
fn status_and_metrics_hold_no_session_s_id_and_names_only_where_the_funnel_has_places() {
    let policies = directory(&[("10-calm.wasm", policies::no_opinion())]);
    let host = Host::builder().policies(policies.path()).build().unwrap();
    let context = installed(&host);
    let mut told = Vec::new();
    for version in VERSIONS {
        let first = handshake(&host, &context, &Client::of(version).named("secret.example"));
        handshake(&host, &context, &Client::of(version).named("secret.example").offering(first.session()));
        let id = first.report.unwrap().session_id.unwrap();
        told.push(id.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect::<String>());
    }
    let status = host.status();
    assert_eq!(status.funnel.places[0].server_name.as_deref(), Some("secret.example"));
    let mut nameless = status.clone();
    nameless.funnel.hide_names();
    let told_of = |status| [serde_json::to_string(status).unwrap(), format!("{status:?}")];
    for output in told_of(&status) {
        assert!(told.iter().all(|id| !output.contains(&id[..16])), "{output}");
    }
    for output in told_of(&nameless).into_iter().chain([host.metrics().encode()]) {
        assert!(told.iter().all(|id| !output.contains(&id[..16])) && !output.contains("secret.example"), "{output}");
    }
}
