//! A clock that is set back prolongs nothing.

use crate::support;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
    time::Duration,
};

use reprise::{Host, session::Keyring};
use support::{policies::lied_to, spy::Spy, *};
use zeroize::Zeroizing;

const MINUTE: u64 = 60;

/// A host whose sessions last for an hour at most, in a store that gives everything out for ever, and its clock.
fn host(spy: &Spy, start: u64) -> (Host, Arc<AtomicU64>) {
    let clock = Arc::new(AtomicU64::new(start));
    let read = Arc::clone(&clock);
    spy.rewriting(|_, entry| entry.expires = u64::MAX);
    let hour = Duration::from_secs(60 * MINUTE);
    let builder = lied_to().store(spy.clone()).keyring(Keyring::new(Zeroizing::new([3; 32])).unwrap());
    let builder = builder.lifetime(hour).max_lifetime(hour).clock(move || read.load(SeqCst));
    (builder.build().unwrap(), clock)
}

#[test]
fn an_ended_session_stays_so_under_a_set_back_clock() {
    for version in VERSIONS {
        let spy = Spy::default();
        let (host, clock) = host(&spy, now());
        let context = installed(&host);
        let first = handshake(&host, &context, &Client::of(version));
        let again = Client::of(version).offering(first.session());
        clock.fetch_add(59 * MINUTE, SeqCst);
        assert!(handshake(&host, &context, &again).resumed, "{version:?}");
        clock.fetch_add(MINUTE, SeqCst);
        assert_eq!(handshake(&host, &context, &again).miss(), "expired", "{version:?}");
        clock.fetch_sub(30 * MINUTE, SeqCst);
        let late = handshake(&host, &context, &again);
        assert_eq!((late.resumed, late.miss().as_str()), (false, "expired"), "{version:?}");
    }
}

#[test]
fn a_session_made_under_a_late_clock_ends_in_time() {
    for version in VERSIONS {
        let spy = Spy::default();
        let start = now();
        let (host, clock) = host(&spy, start);
        let context = installed(&host);
        handshake(&host, &context, &Client::of(version));
        clock.fetch_sub(24 * 60 * MINUTE, SeqCst);
        let first = handshake(&host, &context, &Client::of(version));
        let report = first.report.as_ref().unwrap();
        assert!(report.authenticated >= Some(start) && report.expires >= Some(start + 60 * MINUTE), "{report:?}");
        assert!(handshake(&host, &context, &Client::of(version).offering(first.session())).resumed, "{version:?}");
        // It has caught up, and a minute more.
        clock.store(report.expires.unwrap() + MINUTE, SeqCst);
        let late = handshake(&host, &context, &Client::of(version).offering(first.session()));
        assert_eq!((late.resumed, late.miss().as_str()), (false, "expired"), "{version:?}");
    }
}

/// The next process knows nothing of the clock of the one before.
#[test]
fn a_session_of_a_time_to_come_does_not_resume() {
    for version in VERSIONS {
        let spy = Spy::default();
        let (before, _) = host(&spy, now());
        let first = handshake(&before, &installed(&before), &Client::of(version));
        let (after, _) = host(&spy, now() - 10 * MINUTE);
        let late = handshake(&after, &installed(&after), &Client::of(version).offering(first.session()));
        assert_eq!((late.resumed, late.miss().as_str()), (false, "expired"), "{version:?}");
        // A clock that is late by some seconds makes no such difference.
        let (late, _) = host(&spy, now() - 3);
        assert!(handshake(&late, &installed(&late), &Client::of(version).offering(first.session())).resumed);
    }
}
