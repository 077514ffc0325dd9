//! Sessions resume in both versions, and nowhere but where they were made.

mod support;

use reprise::Host;
use support::*;

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
