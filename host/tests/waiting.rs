//! A store that answers later: what a handshake does meanwhile, where it can be taken up again and where it cannot.

mod support;

use std::{
    os::unix::net::UnixStream,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use openssl::ssl::{ErrorCode, Ssl, SslContext, SslStream, SslVersion};
use reprise::{
    Alert, HelloResponse, Host, Listener,
    session::Keyring,
    store::{Consume, Entry, Store},
};
use support::{
    raw::Offer,
    slow::Slow,
    taken_up::{self, declared},
    wire::Wire,
    *,
};
use zeroize::Zeroizing;

/// As good as none.
const NEVER: Duration = Duration::from_secs(3_600);

fn host(store: &Slow, deadline: Duration) -> Host {
    Host::builder().store(store.clone()).store_deadline(deadline).build().unwrap()
}

/// A handshake on a connection that can be taken up again; `meanwhile` happens each time that it waits.
fn waiting(
    host: &Host,
    context: &SslContext,
    client: &Client,
    meanwhile: impl FnMut(&SslStream<UnixStream>),
) -> Outcome {
    taken_up::waiting(host, declared(host, context), client, meanwhile).unwrap()
}

#[test]
fn a_handshake_that_can_be_taken_up_again_returns_and_resumes_once_the_store_has_answered() {
    let store = Slow::bare();
    let host = host(&store, NEVER);
    let context = installed(&host);
    for version in VERSIONS {
        let first = handshake(&host, &context, &Client::of(version));
        store.hold();
        let mut waits = 0;
        let second = waiting(&host, &context, &Client::of(version).offering(first.session()), |stream| {
            waits += 1;
            assert!(host.pending_lookup(stream.ssl()).is_some_and(|until| until > Instant::now()), "{version:?}");
            // Taken up too early, it waits on.
            if waits == 3 {
                assert_eq!(store.release(), 1, "{version:?}");
            }
        });
        assert!(second.resumed, "{version:?}: {}", second.miss());
        assert_eq!((waits, store.fetched().len()), (3, 1), "{version:?}");
    }
}

#[test]
fn a_waiting_handshake_wakes_whoever_said_that_it_would_take_it_up() {
    struct Rung(AtomicBool);
    impl std::task::Wake for Rung {
        fn wake(self: Arc<Self>) {
            self.0.store(true, Ordering::SeqCst);
        }
    }
    let (key, store) = (key(), Slow::bare());
    let host = Host::builder().store(store.clone()).keyring(key.clone()).store_deadline(NEVER).build().unwrap();
    let rung = Arc::new(Rung(AtomicBool::new(false)));
    let mut ssl = Ssl::new(&installed(&host)).unwrap();
    host.handles_retry(&mut ssl, &rung.clone().into()).unwrap();
    let hello = raw::client_hello(Offer::Id(key.id([1; 16], 0).as_bytes()));
    let mut stream = SslStream::new(ssl, Wire::from_client(hello)).unwrap();
    store.hold();
    assert_eq!(stream.accept().unwrap_err().code(), ErrorCode::WANT_CLIENT_HELLO_CB);
    assert!(!rung.0.load(Ordering::SeqCst));
    store.release();
    assert!(rung.0.load(Ordering::SeqCst));
    assert_eq!(stream.accept().unwrap_err().code(), ErrorCode::WANT_READ, "it goes on");
    assert_eq!(host.pending_lookup(stream.ssl()), None);
}

#[test]
fn where_nobody_said_that_it_can_be_taken_up_the_look_up_holds_the_thread_and_resumes() {
    let store = Slow::bare();
    let host = host(&store, NEVER);
    let context = installed(&host);
    for version in VERSIONS {
        let first = handshake(&host, &context, &Client::of(version));
        store.hold();
        let answers = thread::spawn({
            let store = store.clone();
            move || {
                store.wait_for_a_fetch();
                store.release()
            }
        });
        let second = handshake(&host, &context, &Client::of(version).offering(first.session()));
        assert!(second.resumed, "{version:?}: {}", second.miss());
        assert_eq!(answers.join().unwrap(), 1);
    }
}

#[test]
fn where_nobody_said_that_it_can_be_taken_up_a_silent_store_is_a_miss() {
    let store = Slow::bare();
    let host = host(&store, Duration::from_millis(1));
    let context = installed(&host);
    for version in VERSIONS {
        store.release();
        let first = handshake(&host, &context, &Client::of(version));
        store.hold();
        let second = handshake(&host, &context, &Client::of(version).offering(first.session()));
        assert_eq!((second.resumed, second.miss().as_str()), (false, "store-unavailable"), "{version:?}");
    }
}

/// Nothing wakes anybody here: the deadline holds all the same.
#[test]
fn a_store_that_does_not_answer_costs_a_full_handshake_and_its_late_answer_is_ignored() {
    let store = Slow::bare();
    let host = host(&store, Duration::from_millis(5));
    let context = installed(&host);
    for version in VERSIONS {
        store.release();
        let first = handshake(&host, &context, &Client::of(version));
        store.hold();
        let client = Client::of(version).offering(first.session());
        let second = waiting(&host, &context, &client, |stream| {
            if let Some(until) = host.pending_lookup(stream.ssl()) {
                thread::sleep(until.saturating_duration_since(Instant::now()));
            }
        });
        assert_eq!((second.resumed, second.miss().as_str()), (false, "store-unavailable"), "{version:?}");
        assert_eq!((store.fetched().len(), store.release()), (1, 0), "{version:?}: nobody listens any more");
    }
}

#[test]
fn what_a_vanished_client_was_waiting_for_is_not_waited_for_any_more() {
    let (key, store) = (key(), Slow::bare());
    let host = Host::builder().store(store.clone()).keyring(key.clone()).store_deadline(NEVER).build().unwrap();
    let context = installed(&host);
    store.hold();
    let hello = raw::client_hello(Offer::Id(key.id([1; 16], 0).as_bytes()));
    let mut stream = SslStream::new(declared(&host, &context), Wire::from_client(hello)).unwrap();
    assert_eq!(stream.accept().unwrap_err().code(), ErrorCode::WANT_CLIENT_HELLO_CB);
    assert_eq!(store.awaited(), 1);
    drop(stream);
    assert_eq!(store.awaited(), 0);
}

#[test]
fn a_session_for_single_use_is_spent_once_however_often_the_handshake_is_taken_up() {
    let store = Slow::bare();
    store.putting(|_, entry| entry.single_use = true);
    let host = Host::builder().store(store.clone()).store_deadline(NEVER).build().unwrap();
    let wrong_share = installed_as(&host, Listener::named("public"), |context| {
        context.set_groups_list("P-256").unwrap();
    });
    for (version, context) in VERSIONS.map(|version| (version, installed(&host))).into_iter().chain([
        // With a HelloRetryRequest between.
        (SslVersion::TLS1_3, wrong_share),
    ]) {
        store.release();
        let client = Client::of(version).adjusted(|context| context.set_groups_list("X25519:P-256").unwrap());
        let first = handshake(&host, &context, &client);
        store.hold();
        let again = client.offering(first.session());
        let mut waits = 0;
        let second = waiting(&host, &context, &again, |_| {
            waits += 1;
            if waits == 5 {
                store.release();
            }
        });
        assert!(second.resumed, "{version:?}: {}", second.miss());
        let asked: Vec<_> = store.fetched().into_iter().map(|(_, consume)| consume).collect();
        assert_eq!((waits, asked), (5, vec![Consume::Never, Consume::Always]), "{version:?}");
        let third = waiting(&host, &context, &again, |_| {});
        assert_eq!((third.resumed, third.miss().as_str()), (false, "not-found"), "{version:?}");
        store.fetched();
    }
}

#[test]
fn a_session_resumes_at_its_own_site_alone_also_where_the_connection_is_switched_before_it_waits() {
    let store = Slow::bare();
    let host = Arc::new(host(&store, NEVER));
    let choose = |sites: [SslContext; 2]| {
        move |hello: &mut reprise::ClientHello<'_>| {
            let site = &sites[usize::from(hello.server_name() == Some("b.example"))];
            hello.switch_to(site).map_err(|_| Alert::INTERNAL_ERROR)?;
            Ok(HelloResponse::Continue)
        }
    };
    let sites = ["a", "b"].map(|name| installed_as(&host, Listener::named("public").site(name), |_| {}));
    let context = installed_as(&host, Listener::named("public").site("first").on_client_hello(choose(sites)), |_| {});
    for version in VERSIONS {
        store.release();
        let first = handshake(&host, &context, &Client::of(version).named("a.example"));
        let again = |name| {
            store.hold();
            let client = Client::of(version).named(name).offering(first.session());
            let mut waits = 0;
            let outcome = waiting(&host, &context, &client, |_| {
                waits += 1;
                store.release();
            });
            assert_eq!(waits, 1, "{version:?}");
            outcome
        };
        let elsewhere = again("b.example");
        assert!(!elsewhere.resumed, "{version:?}");
        assert_eq!(elsewhere.report.unwrap().site.as_deref(), Some("b"), "{version:?}");
        let home = again("a.example");
        assert!(home.resumed, "{version:?}: {}", home.miss());
        assert_eq!(home.report.unwrap().site.as_deref(), Some("a"), "{version:?}");
    }
}

#[test]
fn an_own_callback_may_ask_for_a_retry_before_the_store_is_waited_for() {
    let store = Slow::bare();
    let host = host(&store, NEVER);
    let asked = Arc::new(AtomicBool::new(true));
    let asks = asked.clone();
    let listener = Listener::named("public").on_client_hello(move |_| {
        let again = !asks.fetch_xor(true, Ordering::SeqCst);
        Ok(if again { HelloResponse::Retry } else { HelloResponse::Continue })
    });
    let context = installed_as(&host, listener, |_| {});
    for version in VERSIONS {
        asked.store(true, Ordering::SeqCst);
        let first = handshake(&host, &context, &Client::of(version));
        asked.store(false, Ordering::SeqCst);
        store.hold();
        let mut pending = Vec::new();
        let second = waiting(&host, &context, &Client::of(version).offering(first.session()), |stream| {
            pending.push(host.pending_lookup(stream.ssl()).is_some());
            if pending.len() == 2 {
                asked.store(true, Ordering::SeqCst);
                store.release();
            }
        });
        assert!(second.resumed, "{version:?}: {}", second.miss());
        assert_eq!((pending, store.fetched().len()), (vec![false, true], 1), "{version:?}");
    }
}

#[test]
fn the_second_identity_is_asked_for_once_the_first_was_not_found() {
    let (key, store) = (key(), Slow::bare());
    let host = Host::builder().store(store.clone()).keyring(key.clone()).store_deadline(NEVER).build().unwrap();
    let ids = [1, 2].map(|nonce| key.id([nonce; 16], 0));
    let identities = ids.each_ref().map(|id| &id.as_bytes()[..]);
    let hello = raw::client_hello(Offer::Identities(&identities));
    let mut stream = SslStream::new(declared(&host, &installed(&host)), Wire::from_client(hello)).unwrap();
    for id in ids {
        store.hold();
        assert_eq!(stream.accept().unwrap_err().code(), ErrorCode::WANT_CLIENT_HELLO_CB);
        assert_eq!(store.fetched(), [(id, Consume::Never)]);
        assert_eq!(store.release(), 1);
    }
    assert_eq!(stream.accept().unwrap_err().code(), ErrorCode::WANT_READ, "it goes on");
    assert_eq!(store.fetched(), []);
}

/// Something is there under the first, so that OpenSSL will most likely not ask for the second. That it does, for what is there does not
/// decode, holds nobody up.
#[test]
fn the_second_identity_is_not_waited_for_where_the_first_was_found() {
    let (key, store) = (key(), Slow::bare());
    let host = Host::builder().store(store.clone()).keyring(key.clone()).store_deadline(NEVER).build().unwrap();
    let ids = [1, 2].map(|nonce| key.id([nonce; 16], 0));
    store.put(ids[0], Entry { expires: u64::MAX, ..support::store::entry(100) }, 0);
    let identities = ids.each_ref().map(|id| &id.as_bytes()[..]);
    let hello = raw::client_hello(Offer::Identities(&identities));
    let mut stream = SslStream::new(declared(&host, &installed(&host)), Wire::from_client(hello)).unwrap();
    store.hold();
    assert_eq!(stream.accept().unwrap_err().code(), ErrorCode::WANT_CLIENT_HELLO_CB);
    store.release();
    store.hold();
    assert_eq!(stream.accept().unwrap_err().code(), ErrorCode::WANT_READ, "it goes on");
    assert_eq!(store.fetched().len(), 2);
    let miss = host.connection(stream.ssl()).unwrap().miss.unwrap();
    assert_eq!(miss.to_string(), "store-unavailable");
}

/// A waker may belong to the task that has the connection: one that lasted as long as the connection would keep both.
#[test]
fn who_is_woken_is_let_go_when_the_handshake_is_complete() {
    struct Deaf;
    impl std::task::Wake for Deaf {
        fn wake(self: Arc<Self>) {}
    }
    let host = Host::builder().build().unwrap();
    for version in VERSIONS {
        let deaf = Arc::new(Deaf);
        let mut ssl = Ssl::new(&installed(&host)).unwrap();
        host.handles_retry(&mut ssl, &deaf.clone().into()).unwrap();
        assert_eq!(Arc::strong_count(&deaf), 2);
        let report = |stream: &SslStream<UnixStream>| {
            assert_eq!(Arc::strong_count(&deaf), 1, "{version:?}");
            host.connection(stream.ssl())
        };
        try_handshake_on(ssl, report, &Client::of(version)).unwrap();
    }
}

/// The client offers both versions, and the session of the one that the server does not take counts for nothing.
#[test]
fn the_session_of_the_version_that_is_chosen_is_asked_for() {
    let store = Slow::bare();
    let host = host(&store, NEVER);
    let context = installed_as(&host, Listener::named("public"), |context| {
        context.set_max_proto_version(Some(SslVersion::TLS1_2)).unwrap();
    });
    let client = Client::of(SslVersion::TLS1_2)
        .adjusted(|context| context.set_max_proto_version(Some(SslVersion::TLS1_3)).unwrap());
    let first = handshake(&host, &context, &client);
    store.hold();
    let mut waits = 0;
    let second = waiting(&host, &context, &client.offering(first.session()), |_| {
        waits += 1;
        store.release();
    });
    assert!(second.resumed, "{}", second.miss());
    assert_eq!((waits, store.fetched().len()), (1, 1));
}

#[test]
fn what_cannot_resume_starts_no_look_up() {
    let (key, store) = (key(), Slow::bare());
    let host = Host::builder().store(store.clone()).keyring(key.clone()).build().unwrap();
    let bare = server_context(&certificates::server()).build();
    let switched = Listener::named("public").on_client_hello(move |hello| {
        hello.switch_to(&bare).map_err(|_| Alert::INTERNAL_ERROR)?;
        Ok(HelloResponse::Continue)
    });
    let (here, nowhere) = (installed(&host), installed_as(&host, switched, |_| {}));
    store.hold();
    let goes_on = |context: &SslContext, hello: Vec<u8>| {
        let mut stream = SslStream::new(declared(&host, context), Wire::from_client(hello)).unwrap();
        stream.accept().unwrap_err().code() == ErrorCode::WANT_READ
    };
    let ours = key.id([1; 16], 0);
    assert!(goes_on(&here, raw::client_hello(Offer::Id(&[7; 32]))), "an id that is not ours");
    assert!(
        goes_on(&here, raw::client_hello(Offer::Identities(&[&[7; 32], b"short"]))),
        "identities that are not ours"
    );
    assert!(goes_on(&here, raw::client_hello(Offer::Identities(&[]))), "none");
    assert!(goes_on(&nowhere, raw::client_hello(Offer::Id(ours.as_bytes()))), "a context without the host");
    assert_eq!(store.fetched(), []);
    drop(host);
    let mut stream =
        SslStream::new(Ssl::new(&here).unwrap(), Wire::from_client(raw::client_hello(Offer::Id(ours.as_bytes()))))
            .unwrap();
    assert_eq!(stream.accept().unwrap_err().code(), ErrorCode::WANT_READ, "the host is gone");
}

#[test]
fn a_store_that_panics_is_a_miss() {
    let store = Slow::bare();
    let host = host(&store, NEVER);
    let context = installed(&host);
    for version in VERSIONS {
        let first = handshake(&host, &context, &Client::of(version));
        let again = Client::of(version).offering(first.session());
        store.panic();
        let seen = [waiting(&host, &context, &again, |_| {}), handshake(&host, &context, &again)];
        for second in seen {
            assert_eq!((second.resumed, second.miss().as_str()), (false, "store-unavailable"), "{version:?}");
        }
    }
}

/// The sum of it all: nothing but the connections themselves is needed to wait.
#[test]
fn ten_thousand_handshakes_wait_on_one_thread_and_others_do_not_feel_it() {
    const MANY: u64 = 10_000;
    let (key, store) = (key(), Slow::bare());
    let host = Host::builder().store(store.clone()).keyring(key.clone()).store_deadline(NEVER).build().unwrap();
    let context = installed(&host);
    store.hold();
    let before = resident();
    let mut waiting: Vec<_> = (0..MANY)
        .map(|n| {
            let mut nonce = [0; 16];
            nonce[..8].copy_from_slice(&n.to_be_bytes());
            let id = key.id(nonce, 0);
            let identities = [&id.as_bytes()[..]];
            let offer = if n % 2 == 0 { Offer::Id(id.as_bytes()) } else { Offer::Identities(&identities) };
            let wire = Wire::from_client(raw::client_hello(offer));
            let mut stream = SslStream::new(declared(&host, &context), wire).unwrap();
            assert_eq!(stream.accept().unwrap_err().code(), ErrorCode::WANT_CLIENT_HELLO_CB);
            stream
        })
        .collect();
    println!("{} bytes for each handshake that waits", (resident() - before) / MANY as usize);
    assert_eq!(store.awaited(), MANY as usize);

    let other = handshake(&host, &context, &Client::of(SslVersion::TLS1_3));
    assert_eq!(other.not_kept(), "kept");

    assert_eq!(store.release(), MANY as usize);
    for stream in &mut waiting {
        assert_eq!(stream.accept().unwrap_err().code(), ErrorCode::WANT_READ, "it goes on");
    }
}

fn key() -> Arc<Keyring> {
    Arc::new(Keyring::new(Zeroizing::new([3; 32])).unwrap())
}

/// Bytes of memory in use.
fn resident() -> usize {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
    pages.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
}
