//! Each reason not to resume, and what would have resumed but for it.

use std::sync::atomic::Ordering;

use reprise_fixtures::{Callback, Fixture, policies};
use reprise_openssl::facts::{Resumed, Stored};
use reprise_session::session::{Miss, RevocationList, RevocationLists, Unsealable};
use reprise_store::{
    revocation::{Matcher, Revocation},
    store::{Entry, FetchError, RecordBytes, Unavailable},
};

use super::*;
use crate::consultation::shortened;
use reprise_session::hex::hex;

/// What is changed between a session that was made and one that is offered.
struct Attempt<'a> {
    desk: &'a Desk,
    id: SessionId,
    version: i32,
    hello: HelloFacts<'static>,
    switched: bool,
    able: Option<Able<'static>>,
}

impl Attempt<'_> {
    /// Offers it: what resumes, or why it does not.
    fn offered(self) -> Result<Resumed, &'static str> {
        let mut connection = self.desk.connection();
        connection.hello(&self.hello, None);
        let mut offer = offer(&self.id, self.version);
        offer.switched = self.switched;
        if let Some(able) = self.able {
            offer.able = able;
        }
        let resumed = connection.offered(&offer, None);
        let report = report(&*connection, self.version, resumed.is_some());
        connection.done(&outcome(self.version, resumed.is_some()));
        let reason = report.miss.as_ref().map_or("resumed", Miss::as_str);
        assert_eq!(self.desk.ended(self.version), [reason]);
        let recent = &self.desk.recent()[0];
        assert_eq!((&*recent.reason, recent.resumed), (reason, reason == "resumed"));
        let shown = shortened(self.id.as_bytes());
        assert_eq!(recent.offered.as_ref().map(|offered| &offered.session), Some(&shown), "{recent:?}");
        resumed.ok_or(reason)
    }
}

/// A session that is made and offered again, with a change between.
fn attempt(version: i32, change: impl Fn(&mut Attempt<'_>)) -> Result<Resumed, &'static str> {
    let desk = Desk::new();
    attempt_at(&desk, version, |_| {}, change)
}

fn attempt_at(
    desk: &Desk,
    version: i32,
    says: impl Fn(&mut SessionFacts),
    change: impl Fn(&mut Attempt<'_>),
) -> Result<Resumed, &'static str> {
    // A store that gives out what has expired.
    desk.store.putting(|_, entry| entry.expires = u64::MAX);
    let id = desk.made(version, says);
    let hello = hello(version, &[id]);
    let mut attempt = Attempt { desk, id, version, hello, switched: false, able: None };
    change(&mut attempt);
    attempt.offered()
}

fn with_certificate(change: impl Fn(&mut Attempt<'_>)) -> Result<Resumed, &'static str> {
    attempt_at(&Desk::new(), TLS13, |facts| facts.certificate = certificate(), change)
}

#[test]
fn what_was_kept_resumes_as_it_was_handed_over() {
    for version in [TLS12, TLS13] {
        let resumed = attempt(version, |_| {}).unwrap();
        let Stored::Der(der) = &resumed.session else { panic!("it was never decoded") };
        assert_eq!((&***der, resumed.expires, resumed.ends), (&b"an encoding"[..], NOW + 7_200, false));
        assert!(resumed.early_data, "no 0-RTT data comes, so none has to be refused");
    }
    assert_eq!(with_certificate(|_| {}).unwrap().certificate, Some(vec![7; 32]));
}

#[test]
fn each_invariant_is_a_reason_of_its_own() {
    let place_but = |change: fn(&mut Place)| {
        attempt(TLS13, |attempt| {
            let mut place = place();
            change(&mut place);
            attempt.hello = at(attempt.hello.clone(), place, 0);
        })
    };
    let saying_that = |version, says: fn(&mut Hello)| {
        attempt(version, |attempt| attempt.hello = saying(hello(version, &[attempt.id]), says))
    };
    let able_but = |version, change: fn(&mut Able<'_>)| {
        attempt(version, |attempt| {
            let mut able = able();
            change(&mut able);
            attempt.able = Some(able);
        })
    };
    let lists =
        || RevocationLists { lists: vec![RevocationList { issuer: 1, from: 0, until: NOW }], whole_chain: false };
    let cases = [
        (Miss::ServerName, saying_that(TLS13, |hello| hello.server_name = Some("b.example".into()))),
        (Miss::ServerName, saying_that(TLS12, |hello| hello.server_name = None)),
        (Miss::Listener, place_but(|place| place.listener = "inside".into())),
        (Miss::Site, place_but(|place| place.site = "blog".into())),
        (Miss::Epoch, place_but(|place| place.epoch = Epoch::of(b"two"))),
        (Miss::VerifyMode, attempt(TLS13, |attempt| attempt.hello = at(attempt.hello.clone(), place(), 1))),
        (Miss::SwitchedAfterHook, attempt(TLS13, |attempt| attempt.switched = true)),
        (Miss::NoHook, attempt(TLS13, |attempt| attempt.hello.here = None)),
        (Miss::PlaceUnknown, attempt(TLS13, |attempt| (attempt.hello.here, attempt.hello.learns) = (None, true))),
        (Miss::Protocol, attempt(TLS13, |attempt| attempt.version = TLS12)),
        (Miss::Cipher, saying_that(TLS13, |hello| hello.ciphers = vec![0x13, 2].into())),
        (Miss::Cipher, able_but(TLS13, |able| able.ciphers = Suites::default())),
        (Miss::ExtendedMasterSecret, able_but(TLS12, |able| able.extended_master_secret = false)),
        (Miss::Expired, attempt(TLS13, |attempt| attempt.desk.clock.store(NOW + 7_200, Ordering::SeqCst))),
        (Miss::Expired, attempt(TLS13, |attempt| attempt.desk.clock.store(NOW - 3_600, Ordering::SeqCst))),
        (Miss::CertificateExpired, with_certificate(|attempt| attempt.desk.clock.store(NOW + 1_000, Ordering::SeqCst))),
        (
            Miss::CrlExpired,
            with_certificate(|attempt| {
                let place = Place { revocation_lists: lists(), ..place() };
                attempt.hello = at(attempt.hello.clone(), place, 0);
            }),
        ),
        (
            Miss::Revoked,
            attempt(TLS13, |attempt| {
                let Desk { resources, .. } = attempt.desk;
                let all = Revocation::new(Matcher::All, NOW, NOW, 86_400);
                drop(resources.revocations.revoke(&*resources.store, all, Duration::ZERO));
            }),
        ),
    ];
    for (miss, came) in cases {
        assert_eq!(came.map(|resumed| resumed.id).unwrap_err(), miss.as_str());
    }
}

#[test]
fn each_failure_of_a_store_is_a_reason_of_its_own() {
    let failing =
        |error: fn() -> FetchError| attempt(TLS13, |attempt| attempt.desk.store.answering(move |_, _| Err(error())));
    let cases = [
        (Miss::StoreUnavailable, failing(|| Unavailable("dead".into()).into())),
        (Miss::Unsealable(Unsealable::Broken), failing(|| FetchError::Unsealable(Unsealable::Broken))),
        (Miss::NotFound, attempt(TLS13, |attempt| drop(attempt.desk.store.remove(&attempt.id)))),
        (
            Miss::Undecodable,
            attempt(TLS13, |attempt| {
                let garbage = Entry { record: RecordBytes::new(vec![9]), ..attempt.desk.store.seen.entry() };
                attempt.desk.store.put(attempt.id, garbage, NOW);
            }),
        ),
        (Miss::ForeignId, attempt(TLS13, |attempt| attempt.id = SessionId::from([7; 32]))),
    ];
    for (miss, came) in cases {
        assert_eq!(came.map(|resumed| resumed.id).unwrap_err(), miss.as_str());
    }
}

#[test]
fn a_policy_that_objects_or_fails_is_a_reason() {
    let desk = Desk::with(&[("10-no.wasm", policies::refuse_get())]);
    assert_eq!(attempt_at(&desk, TLS13, |_| {}, |_| {}).map(|resumed| resumed.id).unwrap_err(), "policy");
    let trap = Fixture::default().once_live(Callback::Get, "unreachable").build();
    let desk = Desk::with(&[("10-trap.wasm", trap)]);
    let missed = attempt_at(&desk, TLS13, |_| {}, |_| {}).map(|resumed| resumed.id).unwrap_err();
    assert_eq!(missed, "policy-failed");
}

#[test]
fn no_more_are_looked_up_than_two() {
    let desk = Desk::new();
    let ids = [(); 3].map(|()| desk.made(TLS13, |_| {}));
    ids.iter().for_each(|id| drop(desk.store.remove(id)));
    let mut connection = desk.connection();
    connection.hello(&hello(TLS13, &ids), None);
    let misses = ids.map(|id| {
        assert!(connection.offered(&offer(&id, TLS13), None).is_none());
        report(&*connection, TLS13, false).miss.unwrap()
    });
    assert_eq!(misses, [Miss::NotFound, Miss::NotFound, Miss::TooManyIdentities]);
    connection.done(&outcome(TLS13, false));
    assert_eq!(desk.ended(TLS13), ["too-many-identities"]);
}

#[test]
fn without_a_hook_or_a_host_nothing_resumes() {
    let desk = Desk::new();
    let id = desk.made(TLS12, |_| {});
    let mut unheard = desk.connection();
    assert!(unheard.offered(&offer(&id, TLS12), None).is_none());
    assert_eq!(report(&*unheard, TLS12, false).miss, Some(Miss::NoHook));
    unheard.done(&outcome(TLS12, false));
    assert_eq!(desk.ended(TLS12), ["no-hook"]);
    let (mut before, mut after) = (desk.connection(), desk.connection());
    before.hello(&hello(TLS12, &[id]), None);
    drop(desk);
    after.hello(&hello(TLS12, &[id]), None);
    for mut connection in [before, after] {
        assert!(connection.offered(&offer(&id, TLS12), None).is_none());
        assert_eq!(report(&*connection, TLS12, false).miss, Some(Miss::HostGone));
    }
}

#[test]
fn what_is_for_single_use_is_taken_from_its_owner_alone() {
    for version in [TLS12, TLS13] {
        let desk = Desk::new();
        desk.store.putting(|_, entry| entry.single_use = true);
        let id = desk.made(version, |_| {});
        let mut connection = desk.connection();
        connection.hello(&hello(version, &[id]), None);
        let resumed = connection.offered(&offer(&id, version), None);
        let there = desk.store.peek(&id).is_some();
        if version == TLS13 {
            // Nothing proves whose it is.
            assert!(resumed.is_none() && there);
            assert_eq!(report(&*connection, version, false).miss, Some(Miss::Binder));
            connection.done(&outcome(version, false));
            assert_eq!(desk.ended(version), ["binder"]);
        } else {
            assert!(resumed.is_some() && !there);
        }
    }
}

#[test]
fn what_openssl_does_not_take_is_a_reason() {
    let desk = Desk::new();
    let id = desk.made(TLS13, |_| {});
    let mut connection = desk.connection();
    connection.hello(&hello(TLS13, &[id]), None);
    assert!(connection.offered(&offer(&id, TLS13), None).is_some());
    assert_eq!(report(&*connection, TLS13, false).miss, Some(Miss::NotTaken));
    assert_eq!(report(&*connection, TLS13, true).miss, None);
    connection.done(&outcome(TLS13, false));
    assert_eq!(desk.ended(TLS13), ["not-taken"]);
    connection.unusable();
    assert_eq!(report(&*connection, TLS13, false).miss, Some(Miss::Undecodable));
}

#[test]
fn what_is_kept_of_a_handshake_is_what_it_was_and_no_secret() {
    let desk = Desk::with(&[("10-no.wasm", policies::refuse_get())]);
    let id = desk.made(TLS13, |_| {});
    desk.clock.store(NOW + 60, Ordering::SeqCst);
    let mut connection = desk.connection();
    let hello = HelloFacts { peer: Some(Ipv6Addr::LOCALHOST.into()), ..hello(TLS13, &[id]) };
    connection.hello(&hello, None);
    assert!(connection.offered(&offer(&id, TLS13), None).is_none());
    let made = desk.make(&mut *connection, TLS13, |_| {}).expect("it is kept");
    connection.done(&outcome(TLS13, false));
    let recent = &desk.recent()[0];
    assert_eq!((recent.number, recent.time, &*recent.version), (1, NOW + 60, "1.3"));
    assert_eq!((recent.client.as_deref(), &*recent.listener, &*recent.site), (Some("::1"), "public", "shop"));
    assert_eq!((&*recent.reason, &*recent.detail), ("policy", "policy: no"));
    let session = recent.session.as_ref().unwrap();
    assert_eq!(
        (session.authenticated, session.expires, session.server_name.as_deref()),
        (NOW, NOW + 7_200, Some("a.example"))
    );
    assert_eq!(recent.look_up.as_ref().unwrap().tier, Some(1));
    let said: Vec<_> = recent.policies.iter().map(|said| (&*said.callback, &*said.verdict, said.objects())).collect();
    assert_eq!(said, [("get-session", "full-handshake", true), ("new-session", "no-opinion", false)]);
    assert_eq!(
        recent.kept.as_ref().map(|kept| (kept.session.clone(), kept.until)),
        Some((made.to_string(), NOW + 7_260))
    );
    let shown = serde_json::to_string(recent).unwrap();
    let whole = hex(id.as_bytes());
    assert!(shown.contains(&whole[..16]) && !shown.contains(&whole[..18]) && !shown.contains("an encoding"), "{shown}");
}

#[test]
fn a_question_repeated_is_neither_asked_nor_judged_again() {
    let desk = Desk::new();
    let id = desk.made(TLS13, |_| {});
    let mut connection = desk.connection();
    connection.hello(&hello(TLS13, &[id]), None);
    assert!(connection.offered(&offer(&id, TLS13), None).is_some());
    desk.store.remove(&id);
    for turn in [Turn::Again, Turn::Second] {
        connection.hello(&HelloFacts { turn, ..hello(TLS13, &[id]) }, None);
        assert!(connection.offered(&offer(&id, TLS13), None).is_some(), "{turn:?}");
    }
    // What rests on the border is checked again.
    let elsewhere = at(HelloFacts { turn: Turn::Again, ..hello(TLS13, &[id]) }, place(), 1);
    connection.hello(&elsewhere, None);
    assert!(connection.offered(&offer(&id, TLS13), None).is_none());
    connection.hello(&hello(TLS13, &[id]), None);
    assert!(connection.offered(&offer(&id, TLS13), None).is_none(), "another handshake asks anew");
}

#[test]
fn each_handshake_is_counted_once_with_its_reason() {
    let ours = SessionId::from([7; 32]);
    let offering =
        |hello: HelloFacts<'static>, psk: &[u8]| saying(hello, |hello| hello.identities = vec![psk.to_vec()]);
    for (version, hello, reason) in [
        (TLS13, hello(TLS13, &[]), "nothing"),
        (TLS13, hello(TLS13, &[ours]), "foreign-id"),
        (TLS13, offering(hello(TLS13, &[]), &[7; 160]), "psk"),
        (TLS12, hello(TLS12, &[ours]), "foreign-id"),
        (TLS12, saying(hello(TLS12, &[ours]), |hello| hello.made_up_session_id = true), "nothing"),
        (
            TLS12,
            saying(hello(TLS12, &[ours]), |hello| (hello.made_up_session_id, hello.ticket) = (true, true)),
            "ticket",
        ),
    ] {
        let desk = Desk::new();
        let mut connection = desk.connection();
        connection.hello(&hello, None);
        for _ in 0..2 {
            connection.done(&outcome(version, false));
        }
        assert_eq!(desk.ended(version), [reason]);
        let place = &desk.resources.counts.funnel.places()[0];
        let at = (&*place.listener, &*place.site, place.server_name.as_deref(), place.handshakes());
        assert_eq!(at, ("public", "shop", Some("a.example"), 1));
    }
}
