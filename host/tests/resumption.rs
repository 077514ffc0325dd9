//! Sessions resume in both versions, and nowhere but where they were made.

use crate::support;

use openssl::ssl::SslVersion;
use reprise::Host;
use support::{spy::Spy, *};

#[test]
fn a_session_resumes_in_both_versions() {
    let host = Host::builder().build().unwrap();
    let context = installed(&host);
    for version in VERSIONS {
        let first = handshake(&host, &context, &Client::of(version));
        assert!(!first.resumed);
        assert_eq!((first.miss().as_str(), first.not_kept().as_str()), ("none", "kept"));
        let second = handshake(&host, &context, &Client::of(version).offering(first.session()));
        assert!(second.resumed, "{version:?}: {}", second.miss());
    }
}

#[test]
fn a_session_does_not_resume_under_another_server_name() {
    let host = Host::builder().build().unwrap();
    let context = installed(&host);
    for version in VERSIONS {
        let first = handshake(&host, &context, &Client::of(version));
        for other in [Some("b.example"), None] {
            let second = handshake(&host, &context, &Client::of(version).named(other).offering(first.session()));
            assert!(!second.resumed);
            assert_eq!(second.miss(), "server-name", "{version:?} {other:?}");
        }
    }
}

/// A client that has come back once comes back again, in TLS 1.3 with a session that nobody has asked for yet: that one is kept
/// live, and decoded no more.
#[test]
fn a_session_that_renews_another_is_kept_live() {
    let spy = Spy::default();
    let host = Host::builder().store(spy.clone()).build().unwrap();
    let context = installed(&host);
    let client = Client::of(SslVersion::TLS1_3);
    let mut last = handshake(&host, &context, &client);
    assert!(spy.seen.entry().prototype.is_none(), "it is not known whether this client returns");
    for times in 1..4 {
        last = handshake(&host, &context, &client.clone().offering(last.session()));
        assert!(last.resumed, "time {times}: {}", last.miss());
        assert!(spy.seen.entry().prototype.is_some(), "time {times}");
    }
    let elsewhere = handshake(&host, &context, &client.named(Some("b.example")).offering(last.session()));
    assert_eq!((elsewhere.resumed, elsewhere.miss().as_str()), (false, "server-name"));
}
