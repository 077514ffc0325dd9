//! The first call of each callback, with made-up facts.

use std::time::{Duration, Instant};

use super::{
    chain::{MAX_NOTE, is_valid},
    instance::{Fault, Instance},
    last_words::LastWords,
    wit::types::{Certificate, Connection, Removal, Session, TlsVersion},
};

/// A probe that failed: the callback, what came of it, and what the policy said.
#[derive(Debug)]
pub(super) struct ProbeError {
    pub(super) callback: &'static str,
    pub(super) found: String,
    pub(super) words: LastWords,
}

/// Calls each callback once, with every optional fact present. The session's id is 32 zero bytes,
/// which no real one is. Of attributes there are those that NAME.toml asks for. A call may take
/// `allowed`.
pub(super) fn probe(instance: &mut Instance, attributes: &[String], allowed: Duration) -> Result<(), ProbeError> {
    let (mut connection, mut session) = (connection(), session());
    connection.attributes = attributes.iter().map(|name| (name.clone(), "probe".into())).collect();
    session.attributes.clone_from(&connection.attributes);
    instance.arm(Instant::now(), allowed);
    if let Some(verdict) = instance.new_session(&connection, &session) {
        let verdict = verdict.map_err(|error| failed(instance, "new-session", error))?;
        if !is_valid(&verdict) {
            let (found, words) = (format!("a note of more than {MAX_NOTE} bytes"), LastWords::default());
            return Err(ProbeError { callback: "new-session", found, words });
        }
    }
    instance.arm(Instant::now(), allowed);
    if let Some(verdict) = instance.get_session(&connection, &session) {
        verdict.map_err(|error| failed(instance, "get-session", error))?;
    }
    instance.arm(Instant::now(), allowed);
    if let Some(verdict) = instance.remove_session(&session.id, Some(&session), Removal::Unknown) {
        verdict.map_err(|error| failed(instance, "remove-session", error))?;
    }
    Ok(())
}

fn failed(instance: &mut Instance, callback: &'static str, error: wasmtime::Error) -> ProbeError {
    let fault = Fault { error, words: instance.last_words() };
    ProbeError { callback, found: fault.to_string(), words: fault.words }
}

/// 2025-01-01T00:00:00Z.
const NOW: u64 = 1_735_689_600;
const DAY: u64 = 86_400;

fn connection() -> Connection {
    Connection {
        server_name: Some("probe.invalid".into()),
        peer: Some("192.0.2.1".into()),
        listener: "probe".into(),
        now: NOW,
        early_data: false,
        attributes: Vec::new(),
    }
}

fn session() -> Session {
    Session {
        id: vec![0; 32],
        version: TlsVersion::Tls13,
        cipher_suite: 0x1301,
        server_name: Some("probe.invalid".into()),
        alpn: Some("http/1.1".into()),
        authenticated: NOW,
        expires: NOW + DAY,
        resumptions: 0,
        peer_certificate: Some(Certificate {
            sha256: vec![0; 32],
            spki_sha256: vec![0; 32],
            subject: "CN=probe".into(),
            issuer: "CN=probe".into(),
            serial: vec![1],
            not_before: NOW - DAY,
            not_after: NOW + DAY,
            alternative_names: vec![("dns".into(), "probe.invalid".into())],
            verified: true,
        }),
        note: None,
        attributes: Vec::new(),
    }
}
