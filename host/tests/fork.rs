//! A process that forks after the host was built: the child's host starts again, the parent's goes
//! on. A program of its own, for a test harness has threads that do not survive a fork.

mod support;

use std::{
    process::ExitCode,
    thread,
    time::{Duration, Instant},
};

use openssl::ssl::{SslContext, SslVersion};
use reprise::Host;
use reprise_tests::fork::in_child;
use support::{policies::lied_to, spy::Spy, *};

fn main() -> ExitCode {
    let spy = Spy::default();
    let host = lied_to().store(spy.clone()).build().unwrap();
    let context = installed(&host);
    let sessions = VERSIONS.map(|version| handshake(&host, &context, &Client::of(version)));
    let parents =
        || VERSIONS.into_iter().zip(&sessions).map(|(version, first)| Client::of(version).offering(first.session()));

    in_child("a child's sessions resume once it has revived the host", || {
        for client in parents() {
            let first = handshake(&host, &context, &client);
            assert_eq!((first.resumed, first.miss().as_str(), first.not_kept().as_str()), (false, "forked", "forked"));
        }
        assert!(host.policies().list().is_empty() && host.policies().reload().is_err());
        host.revive().unwrap();
        assert!(parents().all(|client| handshake(&host, &context, &client).resumed), "the parent's sessions");
        resumes_its_own(&host, &context);
        // And it has a worker.
        let peeks = spy.seen.peeks();
        handshake_in_c(&host, &context, &Client::of(SslVersion::TLS1_2).closing_uncleanly());
        spy.seen.wait_for_peeks(peeks + 1);
    });

    in_child("a child that only serves comes back by itself", || {
        let until = Instant::now() + Duration::from_secs(60);
        let mut client = parents().next().unwrap();
        loop {
            let next = handshake(&host, &context, &client);
            if next.resumed {
                break;
            }
            assert_eq!(next.miss(), "forked");
            assert!(Instant::now() < until, "the host does not come back");
            client = parents().next().unwrap();
            thread::yield_now();
        }
        resumes_its_own(&host, &context);
    });

    in_child("a child's policies are supervised in the child, and the parent's are as they were", || {
        host.revive().unwrap();
        // One that takes long to load, on a busy machine, goes live when it is loaded.
        let until = Instant::now() + Duration::from_secs(60);
        while host.policies().list().is_empty() {
            assert!(Instant::now() < until, "the policy does not go live");
            thread::yield_now();
        }
        let quarantined = host.policies().quarantine("lies").unwrap().remove(0);
        assert_eq!((quarantined.generation, quarantined.answering), (1, None));
        let next = handshake(&host, &context, &parents().next().unwrap());
        assert_eq!((next.resumed, next.miss().as_str()), (false, "policy-failed: lies: quarantined"));
        host.policies().reload().unwrap();
        assert!(parents().all(|client| handshake(&host, &context, &client).resumed));
    });

    in_child("a child may build a host of its own", || {
        let own = lied_to().build().unwrap();
        resumes_its_own(&own, &installed(&own));
    });

    assert!(parents().all(|client| handshake(&host, &context, &client).resumed), "the parent is as it was");
    let peeks = spy.seen.peeks();
    handshake_in_c(&host, &context, &Client::of(SslVersion::TLS1_2).closing_uncleanly());
    spy.seen.wait_for_peeks(peeks + 1);
    println!("a parent goes on as before ... ok");
    ExitCode::SUCCESS
}

fn resumes_its_own(host: &Host, context: &SslContext) {
    for version in VERSIONS {
        let first = handshake(host, context, &Client::of(version));
        let second = handshake(host, context, &Client::of(version).offering(first.session()));
        assert!(second.resumed, "{version:?}: {}", second.miss());
    }
}
