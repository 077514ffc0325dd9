//! For unit tests of policies, which run natively: facts to ask a policy about, and what it logged, counted and remembered.
//!
//! ```
//! use reprise_sdk::{Session, testing};
//!
//! let session = Session { server_name: Some("bank.example".into()), ..testing::session() };
//! ```
//!
//! What is said and remembered is kept per thread, and so per test.

use std::{cell::RefCell, collections::BTreeMap};

use crate::{Certificate, Connection, Policy, Session, Settings, SettingsError, TlsVersion, observe::Level};

pub(crate) mod state;

pub use state::pass as pass_time;

/// The time at which everything here happens: 2030-01-01T00:00:00Z.
pub const NOW: u64 = 1_893_456_000;

/// A connection to `a.example` from 192.0.2.1, at [`NOW`].
pub fn connection() -> Connection {
    Connection {
        server_name: Some("a.example".into()),
        peer: Some("192.0.2.1".into()),
        listener: "public".into(),
        now: NOW,
        early_data: false,
        attributes: Vec::new(),
    }
}

/// A TLS 1.3 session of `a.example`, authenticated at [`NOW`] without a client certificate, good for a day.
pub fn session() -> Session {
    Session {
        id: vec![0x11; 32],
        version: TlsVersion::Tls13,
        cipher_suite: 0x1301,
        server_name: Some("a.example".into()),
        alpn: None,
        authenticated: NOW,
        expires: NOW + 86_400,
        resumptions: 0,
        peer_certificate: None,
        note: None,
        attributes: Vec::new(),
    }
}

/// A verified client certificate, valid for an hour on either side of [`NOW`].
pub fn certificate() -> Certificate {
    Certificate {
        sha256: vec![0x22; 32],
        spki_sha256: vec![0x33; 32],
        subject: "CN=client,O=Example".into(),
        issuer: "CN=Client CA,O=Example".into(),
        serial: vec![0x0a, 0x1b],
        not_before: NOW - 3_600,
        not_after: NOW + 3_600,
        alternative_names: Vec::new(),
        verified: true,
    }
}

/// A policy configured as the host would, from dotted and repeated keys.
///
/// # Errors
///
/// What the operator would be told.
pub fn configured<P: Policy>(settings: &[(&str, &str)]) -> Result<P, SettingsError> {
    Settings::new(settings.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect()).read(P::configure)
}

/// What was logged on this thread since this was last asked.
pub fn logged() -> Vec<(Level, String)> {
    LOG.take()
}

/// The sum of what was counted under `name` on this thread.
pub fn counted(name: &str) -> u64 {
    COUNTERS.with_borrow(|counters| counters.get(name).copied().unwrap_or(0))
}

thread_local! {
    static LOG: RefCell<Vec<(Level, String)>> = const { RefCell::new(Vec::new()) };
    static COUNTERS: RefCell<BTreeMap<String, u64>> = const { RefCell::new(BTreeMap::new()) };
}

pub(crate) fn record_log(level: Level, message: &str) {
    LOG.with_borrow_mut(|log| log.push((level, message.to_owned())));
}

pub(crate) fn record_count(name: &str, by: u64) {
    COUNTERS.with_borrow_mut(|counters| {
        let sum = counters.entry(name.to_owned()).or_default();
        *sum = sum.saturating_add(by);
    });
}
