//! What the policy promises, asked as the host asks.

use reprise_sdk::{
    Certificate,
    testing::{NOW, certificate, configured, connection, counted, session},
};

use super::*;

const NETWORKS: [(&str, &str); 2] = [("ipv4-prefix", "24"), ("ipv6-prefix", "56")];

fn policy(settings: &[(&str, &str)]) -> Tenants {
    configured(settings).unwrap()
}

fn from(peer: &str) -> Connection {
    Connection { peer: Some(peer.into()), ..connection() }
}

fn of(certificate: Certificate) -> Session {
    Session { peer_certificate: Some(certificate), ..session() }
}

/// The session as the store has it: with the note that the policy attached.
fn kept(policy: &Tenants, connection: &Connection, session: Session) -> Session {
    match policy.new_session(connection, &session) {
        NewVerdict::Keep(Terms { note, .. }) => Session { note, ..session },
        NewVerdict::Refuse => panic!("not kept"),
    }
}

fn is_kept(policy: &Tenants, session: &Session) -> bool {
    policy.new_session(&connection(), session) != NewVerdict::Refuse
}

#[test]
fn a_session_resumes_for_the_owner_that_it_was_kept_for() {
    let policy = policy(&NETWORKS);
    for session in [session(), of(certificate())] {
        let kept = kept(&policy, &connection(), session);
        assert_eq!(policy.get_session(&connection(), &kept), GetVerdict::Resume);
    }
}

#[test]
fn a_session_without_a_note_or_with_a_foreign_one_is_refused() {
    let policy = policy(&[]);
    for note in [None, Some(b"foreign".to_vec())] {
        let session = Session { note, ..of(certificate()) };
        assert_eq!(policy.get_session(&connection(), &session), GetVerdict::FullHandshake);
    }
    assert_eq!(counted("no_owner"), 2);
}

#[test]
fn a_session_with_another_certificate_than_its_note_is_refused() {
    let policy = policy(&[]);
    let kept = kept(&policy, &connection(), of(certificate()));
    for other in [Some(Certificate { sha256: vec![0x44; 32], ..certificate() }), None] {
        let swapped = Session { peer_certificate: other, ..kept.clone() };
        assert_eq!(policy.get_session(&connection(), &swapped), GetVerdict::FullHandshake);
    }
    assert_eq!(counted("other_owner"), 2);
}

#[test]
fn a_session_stays_in_its_network() {
    let policy = policy(&NETWORKS);
    let v4 = kept(&policy, &from("192.0.2.1"), session());
    let v6 = kept(&policy, &from("2001:db8:0:1201::1"), session());
    for (session, peer, verdict) in [
        (&v4, "192.0.2.254", GetVerdict::Resume),
        (&v4, "192.0.3.1", GetVerdict::FullHandshake),
        (&v4, "2001:db8:0:1201::1", GetVerdict::FullHandshake),
        (&v6, "2001:db8:0:12ff::1", GetVerdict::Resume),
        (&v6, "2001:db8:0:1301::1", GetVerdict::FullHandshake),
        (&v6, "192.0.2.1", GetVerdict::FullHandshake),
    ] {
        assert_eq!(policy.get_session(&from(peer), session), verdict, "{peer}");
    }
}

#[test]
fn without_prefixes_a_session_resumes_from_anywhere() {
    let policy = policy(&[]);
    let kept = kept(&policy, &from("192.0.2.1"), of(certificate()));
    for peer in ["198.51.100.1", "2001:db8::1"] {
        assert_eq!(policy.get_session(&from(peer), &kept), GetVerdict::Resume);
    }
}

#[test]
fn a_network_binding_needs_to_know_the_peer() {
    let policy = policy(&NETWORKS);
    let unknown = Connection { peer: None, ..connection() };
    assert_eq!(policy.new_session(&unknown, &session()), NewVerdict::Refuse);
    let kept = kept(&policy, &connection(), session());
    assert_eq!(policy.get_session(&unknown, &kept), GetVerdict::FullHandshake);
}

#[test]
fn an_unverified_certificate_owns_nothing() {
    let policy = policy(&[]);
    let unverified = Certificate { verified: false, ..certificate() };
    assert!(!is_kept(&policy, &of(unverified.clone())));
    let kept = kept(&policy, &connection(), of(certificate()));
    let session = Session { peer_certificate: Some(unverified), ..kept };
    assert_eq!(policy.get_session(&connection(), &session), GetVerdict::FullHandshake);
}

#[test]
fn a_certificate_that_is_not_valid_now_owns_nothing() {
    let policy = policy(&[]);
    let kept = kept(&policy, &connection(), of(certificate()));
    for (not_before, not_after) in [(NOW + 1, NOW + 2), (NOW - 2, NOW - 1)] {
        let other_time = Certificate { not_before, not_after, ..certificate() };
        assert!(!is_kept(&policy, &of(other_time.clone())));
        let session = Session { peer_certificate: Some(other_time), ..kept.clone() };
        assert_eq!(policy.get_session(&connection(), &session), GetVerdict::FullHandshake);
    }
}

#[test]
fn where_a_certificate_is_required_nothing_is_kept_or_resumed_without_one() {
    let lenient = policy(&[]);
    let strict = policy(&[("require-certificate", "true")]);
    assert!(!is_kept(&strict, &session()));
    let kept_before = kept(&lenient, &connection(), session());
    assert_eq!(strict.get_session(&connection(), &kept_before), GetVerdict::FullHandshake);
    assert!(is_kept(&strict, &of(certificate())));
}

#[test]
fn a_server_name_with_a_tenant_takes_that_tenants_certificates_only() {
    let ours = policy(&[("tenant.*.example.issuer", "CN=Client CA,O=Example")]);
    let theirs = policy(&[("tenant.*.example.issuer", "CN=Other CA")]);
    let kept = kept(&ours, &connection(), of(certificate()));
    assert_eq!(ours.get_session(&connection(), &kept), GetVerdict::Resume);
    assert_eq!(theirs.get_session(&connection(), &kept), GetVerdict::FullHandshake);
    assert!(!is_kept(&theirs, &kept));
    assert!(!is_kept(&ours, &session()), "a tenant's sessions have a certificate");
}

#[test]
fn a_server_name_without_a_tenant_is_left_to_the_other_settings() {
    let policy = policy(&[("tenant.b.example.issuer", "CN=Other CA")]);
    assert!(is_kept(&policy, &of(certificate())));
    assert!(is_kept(&policy, &session()));
    let unnamed = Connection { server_name: None, ..connection() };
    assert_ne!(policy.new_session(&unnamed, &session()), NewVerdict::Refuse);
}

#[test]
fn changed_prefixes_hold_for_sessions_kept_before() {
    let kept = kept(&policy(&[("ipv4-prefix", "16")]), &connection(), session());
    assert_eq!(policy(&[("ipv4-prefix", "16")]).get_session(&connection(), &kept), GetVerdict::Resume);
    for settings in [&[("ipv4-prefix", "24")][..], &[]] {
        assert_eq!(policy(settings).get_session(&connection(), &kept), GetVerdict::FullHandshake);
    }
}

#[test]
fn settings_that_make_no_sense_reject_the_policy() {
    for (setting, message) in [
        (("ipv4-prefix", "33"), "setting `ipv4-prefix`: expected a number from 0 to 32, found `33`"),
        (("ipv6-prefix", "x"), "setting `ipv6-prefix`: expected a number from 0 to 128, found `x`"),
        (("require-certificate", "yes"), "setting `require-certificate`: expected true or false, found `yes`"),
        (("tenant.a.example", "x"), "unknown setting `tenant.a.example`"),
        (("tenant.a..example.issuer", "x"), "setting `tenant.a..example`: expected a server name"),
        (("tenant.a.example.isuer", "x"), "unknown setting `tenant.a.example.isuer`"),
        (("prefix", "x"), "unknown setting `prefix`"),
    ] {
        let error = configured::<Tenants>(&[setting]).err().map(|error| error.to_string()).unwrap_or_default();
        assert!(error.contains(message), "{setting:?}: {error}");
    }
}
