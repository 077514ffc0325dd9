//! What is kept of a handshake, with which terms, and what is not.

use std::sync::atomic::Ordering;

use reprise_fixtures::policies;
use reprise_openssl::facts::Unencoded;
use reprise_session::session::{Miss, VerifiedChain};

use super::*;
use crate::handshake::NotKept;

/// Why a session is not kept that is made after this ClientHello, and of which this is said.
fn refused(desk: &Desk, hello: Option<&HelloFacts<'_>>, says: impl Fn(&mut SessionFacts)) -> String {
    let mut connection = desk.connection();
    if let Some(hello) = hello {
        connection.hello(hello, None);
    }
    assert_eq!(desk.make(&mut *connection, TLS13, says), None);
    assert_eq!(desk.stored(), 0);
    report(&*connection, TLS13, false).not_kept.expect("there is a reason").to_string()
}

#[test]
fn a_ticket_says_how_long_its_session_resumes() {
    let desk = Desk::with(&[("10-hour.wasm", policies::lifetime(3_600))]);
    let mut connection = desk.connection();
    connection.hello(&hello(TLS13, &[]), None);
    let id = desk.new_id([1; 16]);
    let Ticket::Kept { lifetime, decoded_wanted, .. } = connection.ticket(&session(id, TLS13)) else {
        panic!("it is kept");
    };
    assert_eq!((lifetime, decoded_wanted), (3_600, false));
}

#[test]
fn each_reason_not_to_keep_is_told() {
    let desk = Desk::new();
    let here = hello(TLS13, &[]);
    let reasons = [
        (NotKept::Here(Miss::NoHook), refused(&desk, None, |_| {})),
        (NotKept::Here(Miss::NoHook), refused(&desk, Some(&HelloFacts { here: None, ..here.clone() }), |_| {})),
        (NotKept::Here(Miss::SwitchedAfterHook), refused(&desk, Some(&here), |facts| facts.switched = true)),
        (NotKept::ForeignId, refused(&desk, Some(&here), |facts| facts.id = vec![7; 32])),
        (NotKept::UnknownLineage, refused(&desk, Some(&here), |facts| facts.resumed = true)),
        (NotKept::Unreadable, refused(&desk, Some(&here), |facts| facts.cipher_suite = None)),
        (NotKept::Unreadable, refused(&desk, Some(&here), |facts| facts.certificate = ClientCertificate::Unreadable)),
        (
            NotKept::Lifetime,
            refused(&desk, Some(&here), |facts| {
                facts.certificate = certificate();
                facts.chain = Some(VerifiedChain { not_before: 0, not_after: NOW, issuers: Vec::new() });
            }),
        ),
    ];
    for (reason, told) in reasons {
        assert_eq!(told, reason.to_string());
    }
    let desk = Desk::with(&[("10-no.wasm", policies::refuse_new())]);
    assert_eq!(refused(&desk, Some(&here), |_| {}), "policy: no");
}

#[test]
fn what_cannot_be_encoded_is_not_kept() {
    for (why, told) in [(Unencoded::Unreadable, "unreadable"), (Unencoded::TooLarge(9_000), "too-large")] {
        let desk = Desk::new();
        let mut connection = desk.connection();
        connection.hello(&hello(TLS13, &[]), None);
        let id = desk.new_id([1; 16]);
        let Ticket::Kept { most, .. } = connection.ticket(&session(id, TLS13)) else { panic!("it is kept") };
        assert!(most < desk.resources.limits.max_entry && most > 3_000, "{most}");
        connection.made(Made { id, encoding: Err(why) });
        let reason = report(&*connection, TLS13, false).not_kept.unwrap().to_string();
        assert!(reason.starts_with(told) && desk.stored() == 0, "{reason}");
    }
}

#[test]
fn an_encoding_that_was_not_asked_for_is_not_stored() {
    let desk = Desk::new();
    let mut connection = desk.connection();
    connection.hello(&hello(TLS13, &[]), None);
    let encoded = || Ok(Encoded { der: Secret::new(vec![1]), decoded: None });
    let [id, other] = [1, 2].map(|nonce| desk.new_id([nonce; 16]));
    connection.made(Made { id, encoding: encoded() });
    assert!(matches!(connection.ticket(&session(id, TLS13)), Ticket::Kept { .. }));
    connection.made(Made { id: other, encoding: encoded() });
    assert_eq!(desk.stored(), 0);
    for _ in 0..2 {
        connection.made(Made { id, encoding: encoded() });
    }
    assert_eq!(desk.stored(), 1);
}

#[test]
fn a_renewal_inherits_and_never_outlives_its_origin() {
    let desk = Desk::new();
    let first = desk.made(TLS13, |facts| facts.certificate = certificate());
    desk.clock.store(NOW + 600, Ordering::SeqCst);
    let mut connection = desk.connection();
    connection.hello(&hello(TLS13, &[first]), None);
    assert!(connection.offered(&offer(&first, TLS13), None).is_some());
    let renewed = desk.make(&mut *connection, TLS13, |facts| {
        facts.resumed = true;
        facts.certificate = ClientCertificate::OfResumed;
    });
    assert!(renewed.is_some());
    let (entry, record) = (desk.store.seen.entry(), desk.store.seen.record());
    assert_eq!((record.authenticated, record.resumptions, entry.renews), (NOW, 1, Some(first)));
    assert_eq!(record.expires, NOW + 1_000, "its certificate ends then");
    assert_eq!(record.peer_certificate.map(|certificate| certificate.sha256), Some(vec![7; 32]));
}

#[test]
fn a_lying_policy_lengthens_nothing() {
    let desk = Desk::with(&[("10-lies.wasm", policies::lying())]);
    desk.made(TLS12, |_| {});
    assert_eq!(desk.store.seen.entry().expires, NOW + 86_400);
}
