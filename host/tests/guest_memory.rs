//! No secret of a session reaches a policy: after real handshakes, every byte of its linear memory is searched.
//!
//! The policy never gives back what it was given, so what is searched is all that it ever saw. Its
//! memory is found in this process by a mark that it carries, and read through `/proc/self/mem`.

#![cfg(target_os = "linux")]

mod support;

use std::{
    fs::{self, File},
    os::unix::fs::FileExt,
};

use openssl::ssl::{SslSessionRef, SslVerifyMode};
use reprise::{Host, Listener};
use reprise_fixtures::{DATA, policies::hoarder};
use support::{certificates, policies::directory, spy::Spy, *};

const MARK: &[u8] = b"c1f7 the mark of a guest's memory 93ab";

/// The linear memories in this process that carry the mark: a mapping each, and those that follow on it without a gap.
fn guests() -> Vec<Vec<u8>> {
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    let writable = maps.lines().filter_map(|line| {
        let (range, rest) = line.split_once(' ')?;
        let (start, end) = range.split_once('-')?;
        let address = |hex| u64::from_str_radix(hex, 16).unwrap();
        rest.starts_with("rw").then(|| address(start)..address(end))
    });
    let writable: Vec<_> = writable.collect();
    let memory = File::open("/proc/self/mem").unwrap();
    let read = |at: u64, bytes: usize| {
        let mut content = vec![0; bytes];
        memory.read_exact_at(&mut content, at).ok().map(|()| content)
    };
    let carries_mark = |start: u64| read(start + u64::from(DATA), MARK.len()).is_some_and(|found| found == MARK);
    let begins = writable.iter().enumerate().filter(|(_, region)| carries_mark(region.start));
    begins
        .map(|(at, first)| {
            let mut end = first.end;
            for next in &writable[at + 1..] {
                if next.start != end {
                    break;
                }
                end = next.end;
            }
            read(first.start, (end - first.start) as usize).expect("a mapping can be read")
        })
        .collect()
}

fn secret(session: &SslSessionRef) -> Vec<u8> {
    let mut secret = vec![0; session.master_key_len()];
    session.master_key(&mut secret);
    secret
}

fn has(memory: &[u8], needle: &[u8]) -> bool {
    memory.windows(needle.len()).any(|window| window == needle)
}

#[test]
fn no_secret_of_a_session_is_in_a_policys_memory() {
    let policies = directory(&[("10-hoarder.wasm", hoarder(MARK))]);
    let spy = Spy::default();
    let host = Host::builder().policies(policies.path()).store(spy.clone()).build().unwrap();
    let context = installed_as(&host, Listener::named("public"), |context| {
        asking_for_certificates(context, SslVerifyMode::PEER);
    });
    let identity = certificates::client("client 7", 30);
    let (mut secrets, mut ids) = (Vec::new(), Vec::new());
    for version in VERSIONS {
        for client in [Client::of(version), Client::of(version).identified(&identity)] {
            let first = handshake(&host, &context, &client);
            let secret_of_first = secret(first.session());
            assert!(secret_of_first.len() >= 32 && has(&spy.seen.record().der, &secret_of_first), "the host has it");
            let second = handshake(&host, &context, &client.clone().offering(first.session()));
            assert!(second.resumed, "{version:?}: {}", second.miss());
            secrets.extend([first, second].iter().flat_map(|seen| seen.sessions.iter().map(|session| secret(session))));
            ids.push(spy.seen.last.lock().unwrap().as_ref().unwrap().0);
        }
    }

    let guests = guests();
    let in_a_guest = |needle: &[u8]| guests.iter().any(|memory| has(memory, needle));
    for id in ids {
        assert!(in_a_guest(id.as_bytes()), "what a policy was given is found: the session's id");
    }
    assert!(in_a_guest(b"a.example") && in_a_guest(b"CN=client 7"), "and names");
    assert!(secrets.len() >= 6);
    for secret in secrets {
        // Half of it would be too much.
        assert!(
            !in_a_guest(&secret[..16]) && !in_a_guest(&secret[secret.len() - 16..]),
            "a secret is in a guest's memory"
        );
    }
}
