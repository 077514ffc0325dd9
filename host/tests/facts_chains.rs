//! Who would be refused in a full handshake does not resume: a session ends with the first certificate of its client's
//! chain, and waits for a current revocation list.

use crate::support;

use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
    time::Duration,
};

use openssl::{
    ssl::{SslContext, SslContextBuilder, SslFiletype, SslSession, SslVerifyMode, SslVersion},
    x509::{
        X509Crl,
        store::{X509Lookup, X509StoreBuilder},
        verify::X509VerifyFlags,
    },
};
use reprise::{Host, Listener};
use reprise_testing::certificates::certificate;
use support::{certificates::Identity, policies::lied_to, spy::Spy, *};

const DAY: u64 = 24 * 60 * 60;

/// A host that keeps everything for a month, by a clock that the test sets, in a store that adds another.
fn lied_to_by_the_store() -> (Host, Spy, Arc<AtomicU64>) {
    let (clock, spy) = (Arc::new(AtomicU64::new(now())), Spy::default());
    let month = Duration::from_secs(30 * DAY);
    let read = Arc::clone(&clock);
    let builder = lied_to().store(spy.clone()).lifetime(month).max_lifetime(month);
    (builder.clock(move || read.load(SeqCst)).build().unwrap(), spy, clock)
}

fn for_ever(spy: &Spy) {
    spy.rewriting(|record, entry| {
        record.expires += 365 * DAY;
        entry.expires += 365 * DAY;
    });
}

fn ca(name: &str, issuer: Option<&Identity>, days: u32) -> Identity {
    certificate(name).by(issuer).valid([0, i64::from(days) * DAY as i64]).ca().make()
}

/// A root, and a client that shows the certificate in between; each is valid for so many days.
fn chain([root, between, leaf]: [u32; 3]) -> (Identity, impl Fn(SslVersion) -> Client) {
    let root = ca("Root", None, root);
    let between = ca("Between", Some(&root), between);
    let leaf = certificates::issue("known", Some(&between), leaf, |_| {});
    let client = move |version| {
        let between = between.certificate.clone();
        Client::of(version)
            .identified(&leaf)
            .adjusted(move |context| context.add_extra_chain_cert(between.clone()).unwrap())
    };
    (root, client)
}

fn trusting(context: &mut SslContextBuilder, root: &Identity) {
    let mut trusted = X509StoreBuilder::new().unwrap();
    trusted.add_cert(root.certificate.clone()).unwrap();
    context.set_cert_store(trusted.build());
    context.set_verify(SslVerifyMode::PEER);
}

#[test]
fn a_session_ends_with_the_first_of_its_chain() {
    for days in [[2, 20, 20], [20, 2, 20], [20, 20, 2]] {
        for version in VERSIONS {
            let (root, client) = chain(days);
            let (host, spy, clock) = lied_to_by_the_store();
            let context = installed_as(&host, Listener::named("public"), |context| trusting(context, &root));
            let client = client(version);
            let start = clock.load(SeqCst);
            let first = handshake(&host, &context, &client);
            let ends = first.report.as_ref().unwrap().expires.unwrap() - start;
            assert!((DAY..=2 * DAY).contains(&ends), "{days:?} {version:?}: {ends}");
            let again = client.clone().offering(first.session());
            let second = handshake(&host, &context, &again);
            assert!(second.resumed, "{days:?} {version:?}: {}", second.miss());
            // A renewal rests on the same chain.
            let session = second.sessions.last().unwrap_or(first.session());
            if version == SslVersion::TLS1_3 {
                assert_eq!(second.report.as_ref().unwrap().expires, Some(start + ends), "{days:?}");
                assert_eq!(ffi::ticket_lifetime(session), ends, "{days:?}");
            }
            for_ever(&spy);
            let third = handshake(&host, &context, &client.clone().offering(session));
            assert!(third.resumed, "{days:?} {version:?}: {}", third.miss());
            let session = third.sessions.last().unwrap_or(session);
            clock.fetch_add(3 * DAY, SeqCst);
            let late = handshake(&host, &context, &client.clone().offering(session));
            assert_eq!((late.resumed, late.not_kept().as_str()), (false, "lifetime"), "{days:?} {version:?}");
        }
    }
}

/// Whatever a store says of its lifetime.
#[test]
fn a_session_of_an_expired_issuer_is_a_miss() {
    for days in [[2, 20, 20], [20, 2, 20]] {
        for version in VERSIONS {
            let (root, client) = chain(days);
            let (host, spy, clock) = lied_to_by_the_store();
            for_ever(&spy);
            let context = installed_as(&host, Listener::named("public"), |context| trusting(context, &root));
            let first = handshake(&host, &context, &client(version));
            clock.fetch_add(3 * DAY, SeqCst);
            let late = handshake(&host, &context, &client(version).offering(first.session()));
            assert_eq!((late.resumed, late.miss().as_str()), (false, "certificate-expired"), "{days:?} {version:?}");
        }
    }
}

/// Nodes of the release before keep no chain.
#[test]
fn a_record_without_its_chain_ends_with_its_leaf() {
    for version in VERSIONS {
        let (root, client) = chain([20, 2, 4]);
        let (host, spy, clock) = lied_to_by_the_store();
        spy.rewriting(|record, entry| {
            record.chain = None;
            record.expires += 365 * DAY;
            entry.expires += 365 * DAY;
        });
        let context = installed_as(&host, Listener::named("public"), |context| trusting(context, &root));
        let first = handshake(&host, &context, &client(version));
        clock.fetch_add(3 * DAY, SeqCst);
        assert!(handshake(&host, &context, &client(version).offering(first.session())).resumed, "{version:?}");
        clock.fetch_add(2 * DAY, SeqCst);
        let late = handshake(&host, &context, &client(version).offering(first.session()));
        assert_eq!((late.resumed, late.miss().as_str()), (false, "certificate-expired"), "{version:?}");
    }
}

/// A clock that was set back before a restart, or another node's.
#[test]
fn a_session_whose_chain_is_not_yet_valid_is_a_miss() {
    for version in VERSIONS {
        let spy = Spy::default();
        let keyring = || reprise::session::Keyring::new(zeroize::Zeroizing::new([3; 32])).unwrap();
        let node = |time: u64| lied_to().store(spy.clone()).keyring(keyring()).clock(move || time).build().unwrap();
        let (root, client) = chain([20, 20, 20]);
        let install = |host: &Host| installed_as(host, Listener::named("public"), |context| trusting(context, &root));
        let (right, behind) = (node(now()), node(now() - DAY));
        let first = handshake(&right, &install(&right), &client(version));
        let again = client(version).offering(first.session());
        assert!(handshake(&right, &install(&right), &again).resumed, "{version:?}");
        let late = handshake(&behind, &install(&behind), &again);
        assert_eq!((late.resumed, late.miss().as_str()), (false, "certificate-expired"), "{version:?}");
    }
}

/// What `issuer` revoked, which is nothing, from one time to another.
fn revocation_list(issuer: &Identity, from: u64, until: u64) -> X509Crl {
    issuer.revocation_list(&[], [from as i64, until as i64])
}

/// A context that verifies clients against `lists`, by OpenSSL's clock at `time`.
fn verifying(host: &Host, root: &Identity, lists: &[X509Crl], time: Option<u64>) -> SslContext {
    let flags = X509VerifyFlags::CRL_CHECK;
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), lists.iter().flat_map(|list| list.to_pem().unwrap()).collect::<Vec<u8>>()).unwrap();
    installed_as(host, Listener::named("public").revocation_lists(lists, flags), |context| {
        let mut trusted = X509StoreBuilder::new().unwrap();
        trusted.add_cert(root.certificate.clone()).unwrap();
        let lookup = trusted.add_lookup(X509Lookup::file()).unwrap();
        lookup.load_crl_file(file.path(), SslFiletype::PEM).unwrap();
        trusted.set_flags(flags).unwrap();
        context.set_cert_store(trusted.build());
        context.set_verify(SslVerifyMode::PEER);
        if let Some(time) = time {
            context.verify_param_mut().set_time(time as i64);
        }
    })
}

#[test]
fn a_session_waits_for_a_current_revocation_list() {
    for version in VERSIONS {
        let root = ca("Root", None, 30);
        let known = certificates::issue("known", Some(&root), 30, |_| {});
        let (host, _, clock) = lied_to_by_the_store();
        let start = clock.load(SeqCst);
        let (client, stranger) = (Client::of(version).identified(&known), Client::of(version));
        let old = [revocation_list(&root, start - DAY, start + DAY)];
        let context = verifying(&host, &root, &old, None);
        let (first, anonymous) = (handshake(&host, &context, &client), handshake(&host, &context, &stranger));
        let resumes = |context: &SslContext, client: &Client, session: &SslSession| {
            handshake(&host, context, &client.clone().offering(session))
        };
        assert!(resumes(&context, &client, first.session()).resumed, "{version:?}");
        clock.fetch_add(2 * DAY, SeqCst);
        let late = resumes(&context, &client, first.session());
        assert_eq!((late.resumed, late.miss().as_str()), (false, "crl-expired"), "{version:?}");
        // By OpenSSL's clock too: it refuses the full handshake.
        let strict = verifying(&host, &root, &old, Some(start + 2 * DAY));
        let refused = try_handshake(&host, &strict, &client.clone().offering(first.session()));
        assert!(refused.is_err_and(|error| error.contains("certificate verify failed")), "{version:?}");
        // Who showed no certificate is not looked up in it.
        assert!(resumes(&context, &stranger, anonymous.session()).resumed, "{version:?}");
        // The next list has the session resume again.
        let next = [revocation_list(&root, start + DAY, start + 9 * DAY)];
        let strict = verifying(&host, &root, &next, Some(start + 2 * DAY));
        let session = if version == SslVersion::TLS1_2 { first.session() } else { late.session() };
        assert!(resumes(&strict, &client, session).resumed, "{version:?}");
    }
}

#[test]
fn the_lapsed_list_of_another_issuer_is_no_miss() {
    for version in VERSIONS {
        let (root, other) = (ca("Root", None, 30), ca("Other", None, 30));
        let known = certificates::issue("known", Some(&root), 30, |_| {});
        let (host, _, clock) = lied_to_by_the_store();
        let start = clock.load(SeqCst);
        let client = Client::of(version).identified(&known);
        let lists = [
            revocation_list(&other, start - DAY, start + DAY),
            revocation_list(&root, start - DAY, start + 9 * DAY),
            // OpenSSL takes the current one of an issuer's.
            revocation_list(&root, start - DAY, start + DAY),
        ];
        let context = verifying(&host, &root, &lists, None);
        let first = handshake(&host, &context, &client);
        clock.fetch_add(2 * DAY, SeqCst);
        let again = handshake(&host, &context, &client.clone().offering(first.session()));
        assert!(again.resumed, "{version:?}: {}", again.miss());
    }
}
