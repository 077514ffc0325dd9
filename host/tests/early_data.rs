//! 0-RTT data is accepted once for each session, on all nodes that share a store, and lost nowhere.

use crate::support;

use std::{
    io::{Read, Write},
    os::unix::net::UnixStream,
    sync::Arc,
    task::Waker,
    thread,
    time::Duration,
};

use openssl::ssl::{ErrorCode, Ssl, SslContext, SslSession, SslStream, SslVersion};
use reprise::{ConnectionReport, EarlyData, Host, HostBuilder, session::Keyring, store::Consume};
use support::{
    early::{self, EARLY, accepting, first_flight, offering},
    shared::Shared,
    slow::Slow,
    spy::Spy,
    wire::Wire,
    *,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
use zeroize::Zeroizing;

/// What a node accepts of a flight that somebody sends, and what became of the connection so far.
fn receive(host: &Host, context: &SslContext, flight: &[u8]) -> (Vec<u8>, ConnectionReport) {
    let (accepted, stream) = early::receive(Ssl::new(context).unwrap(), flight);
    (accepted, host.connection(stream.ssl()).unwrap())
}

/// Nodes that share a store and a keyring.
fn nodes<const N: usize>(names: [&'static str; N]) -> [(Host, SslContext); N] {
    let (shared, keyring) = (Shared::default(), Arc::new(Keyring::new(Zeroizing::new([3; 32])).unwrap()));
    names.map(|name| {
        let host = Host::builder().store(shared.node(name)).keyring(keyring.clone()).build().unwrap();
        let context = accepting(&host);
        (host, context)
    })
}

#[test]
fn a_first_flight_sent_again_is_refused_0_rtt_at_every_node() {
    let nodes = nodes(["a", "b"]);
    for first_at in [0, 1] {
        let (host, context) = &nodes[0];
        let flight = first_flight(handshake(host, context, &Client::of(SslVersion::TLS1_3)).session());
        let (host, context) = &nodes[first_at];
        let (accepted, report) = receive(host, context, &flight);
        assert_eq!((accepted.as_slice(), report.early_data), (EARLY, EarlyData::Accepted));
        for (host, context) in [&nodes[0], &nodes[1], &nodes[0], &nodes[1]] {
            let (accepted, report) = receive(host, context, &flight);
            assert_eq!((accepted.as_slice(), report.early_data), (&[][..], EarlyData::Rejected));
            assert_eq!(report.miss.unwrap().to_string(), "not-found");
        }
    }
}

#[test]
fn of_a_flight_sent_to_four_nodes_at_once_one_accepts_it() {
    let nodes = nodes(["a", "b", "c", "d"]);
    for _ in 0..25 {
        let (host, context) = &nodes[0];
        let flight = first_flight(handshake(host, context, &Client::of(SslVersion::TLS1_3)).session());
        let accepted = thread::scope(|scope| {
            let receivers = nodes.each_ref().map(|(host, context)| scope.spawn(|| receive(host, context, &flight).0));
            receivers.map(|receiver| receiver.join().unwrap())
        });
        assert_eq!(accepted.iter().filter(|accepted| accepted.as_slice() == EARLY).count(), 1);
        assert_eq!(accepted.iter().filter(|accepted| accepted.is_empty()).count(), 3);
    }
}

#[test]
fn a_session_that_was_not_taken_out_of_the_store_resumes_without_0_rtt() {
    let store = Slow::bare();
    store.keep_what_is_to_be_taken();
    let host = Host::builder().store(store).build().unwrap();
    let context = accepting(&host);
    let first = handshake(&host, &context, &Client::of(SslVersion::TLS1_3));
    let (accepted, report) = receive(&host, &context, &first_flight(first.session()));
    assert_eq!((accepted.as_slice(), report.early_data, report.resumed), (&[][..], EarlyData::Rejected, true));
}

/// Its own data is refused; the ticket that it gets is as good as any: a session that allows less than its client thinks would fail the
/// client's next handshake.
#[test]
fn a_policy_that_allows_no_0_rtt_costs_the_early_data_and_not_the_resumption() {
    let policies = policies::directory(&[("10-late.wasm", reprise_fixtures::policies::no_early_data())]);
    let spy = Spy::default();
    let host = Host::builder().policies(policies.path()).store(spy.clone()).build().unwrap();
    let context = accepting(&host);
    let first = handshake(&host, &context, &Client::of(SslVersion::TLS1_3));
    let (near, far) = UnixStream::pair().unwrap();
    let session = first.session().to_owned();
    let client = thread::spawn(move || {
        let mut stream = offering(&session, far);
        stream.write_early_data(EARLY).unwrap();
        stream.connect().unwrap();
        stream.write_all(EARLY).unwrap();
        stream.read_exact(&mut [0; 2]).unwrap();
    });
    let mut stream = SslStream::new(Ssl::new(&context).unwrap(), near).unwrap();
    assert_eq!(stream.read_early_data(&mut [0; 64]).unwrap(), 0);
    stream.accept().unwrap();
    let mut request = [0; EARLY.len()];
    stream.read_exact(&mut request).unwrap();
    stream.write_all(b"ok").unwrap();
    client.join().unwrap();
    let renewed = SslSession::from_der(&spy.seen.record().der).unwrap();
    assert_eq!((&request[..], spy.seen.puts(), renewed.max_early_data()), (EARLY, 2, 1024));
    let report = host.connection(stream.ssl()).unwrap();
    assert_eq!((report.early_data, report.resumed), (EarlyData::Rejected, true));
}

/// An embedder that does not read early data, though its context allows it: it is skipped, and sent again by the client.
#[test]
fn where_early_data_is_not_read_the_handshake_completes_and_nothing_is_lost() {
    let host = Host::builder().build().unwrap();
    let context = accepting(&host);
    let first = handshake(&host, &context, &Client::of(SslVersion::TLS1_3));
    let (near, far) = UnixStream::pair().unwrap();
    let session = first.session().to_owned();
    let client = thread::spawn(move || {
        let mut stream = offering(&session, far);
        stream.write_early_data(EARLY).unwrap();
        stream.connect().unwrap();
        stream.write_all(EARLY).unwrap();
        let mut answer = [0; 2];
        stream.read_exact(&mut answer).unwrap();
        answer
    });
    let mut stream = SslStream::new(Ssl::new(&context).unwrap(), near).unwrap();
    stream.accept().unwrap();
    let mut request = [0; EARLY.len()];
    stream.read_exact(&mut request).unwrap();
    stream.write_all(b"ok").unwrap();
    assert_eq!((&request[..], &client.join().unwrap()), (EARLY, b"ok"));
    let report = host.connection(stream.ssl()).unwrap();
    assert_eq!((report.early_data, report.resumed), (EarlyData::Rejected, true));
}

/// An embedder that did not declare that it takes handshakes up again.
#[test]
fn where_nobody_said_that_it_can_be_taken_up_reading_early_data_waits_for_the_store_until_the_deadline() {
    for answers in [true, false] {
        let store = Slow::bare();
        let deadline = Duration::from_millis(if answers { 60_000 } else { 1 });
        let host = waiting(&store).store_deadline(deadline).build().unwrap();
        let context = accepting(&host);
        let first = handshake(&host, &context, &Client::of(SslVersion::TLS1_3));
        store.hold();
        let answering = answers.then(|| {
            let store = store.clone();
            thread::spawn(move || {
                store.wait_for_a_fetch();
                store.release()
            })
        });
        let wire = Wire::from_client(first_flight(first.session()));
        let mut stream = SslStream::new(Ssl::new(&context).unwrap(), wire).unwrap();
        let mut buffer = [0; 64];
        let read = stream.read_early_data(&mut buffer);
        match answering {
            Some(answering) => {
                assert_eq!(&buffer[..read.unwrap()], EARLY);
                assert_eq!(answering.join().unwrap(), 1);
            }
            // It goes on in full, for which the client has more to say.
            None => assert!(read.map_or_else(|error| error.code() == ErrorCode::WANT_READ, |length| length == 0)),
        }
        let report = host.connection(stream.ssl()).unwrap();
        let expected = if answers { None } else { Some("store-unavailable".to_owned()) };
        assert_eq!(report.miss.map(|miss| miss.to_string()), expected);
    }
}

#[test]
fn a_handshake_that_waits_for_the_store_is_taken_up_by_reading_early_data() {
    let store = Slow::bare();
    let host = waiting(&store).build().unwrap();
    let context = accepting(&host);
    let first = handshake(&host, &context, &Client::of(SslVersion::TLS1_3));
    store.hold();
    let mut ssl = Ssl::new(&context).unwrap();
    host.handles_retry(&mut ssl, Waker::noop()).unwrap();
    let mut stream = SslStream::new(ssl, Wire::from_client(first_flight(first.session()))).unwrap();
    let mut buffer = [0; 64];
    for _ in 0..3 {
        let error = stream.read_early_data(&mut buffer).unwrap_err();
        assert_eq!(error.code(), ErrorCode::WANT_CLIENT_HELLO_CB);
    }
    assert_eq!(store.release(), 1);
    let length = stream.read_early_data(&mut buffer).unwrap();
    assert_eq!(&buffer[..length], EARLY);
    let id = first.report.unwrap().session_id.unwrap();
    assert_eq!(store.fetched(), [(id, Consume::Never), (id, Consume::Always)]);
}

/// A server on tokio, as far as one first flight takes it.
fn one_thread() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

#[test]
fn a_request_that_came_early_is_answered_before_the_handshake_is_complete() {
    let store = Slow::bare();
    let host = waiting(&store).build().unwrap();
    let context = accepting(&host);
    let first = handshake(&host, &context, &Client::of(SslVersion::TLS1_3));
    store.hold();
    let mut client = offering(first.session(), Wire::from_client(Vec::new()));
    client.write_early_data(EARLY).unwrap();
    one_thread().block_on(async {
        let (near, mut far) = duplex(1 << 16);
        far.write_all(&client.get_mut().take_sent()).await.unwrap();
        let stream = tokio_openssl::SslStream::new(Ssl::new(&context).unwrap(), near).unwrap();
        let answers = async {
            while store.awaited() == 0 {
                tokio::task::yield_now().await;
            }
            store.release();
        };
        let (accepted, ()) = tokio::join!(reprise::accept_early(&host, stream), answers);
        let mut server = accepted.unwrap();
        assert!(server.is_early());
        let mut request = [0; EARLY.len()];
        server.read_exact(&mut request).await.unwrap();
        server.write_all(b"early").await.unwrap();
        server.flush().await.unwrap();
        assert!(server.is_early());
        assert_eq!((&request[..], server.early_data()), (EARLY, EARLY.len()));

        // Only now does the client hear anything.
        let mut flight = vec![0; 1 << 16];
        let length = far.read(&mut flight).await.unwrap();
        client.get_mut().receive(&flight[..length]);
        client.connect().unwrap();
        let mut answer = [0; 5];
        client.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"early");
        client.write_all(b"late").unwrap();
        far.write_all(&client.get_mut().take_sent()).await.unwrap();

        let mut rest = [0; 4];
        server.read_exact(&mut rest).await.unwrap();
        assert_eq!((&rest, server.is_early()), (b"late", false));
        server.write_all(b"too").await.unwrap();
        server.shutdown().await.unwrap();
        let length = far.read(&mut flight).await.unwrap();
        client.get_mut().receive(&flight[..length]);
        let mut answer = Vec::new();
        client.read_to_end(&mut answer).unwrap();
        assert_eq!(answer, b"too");
    });
}

#[test]
fn who_waits_for_the_handshake_reads_what_came_early_all_the_same() {
    let host = Host::builder().build().unwrap();
    let (with, without) = (accepting(&host), installed(&host));
    for (context, early) in [(&with, EARLY.len()), (&without, 0)] {
        let first = handshake(&host, &with, &Client::of(SslVersion::TLS1_3));
        let (near, far) = UnixStream::pair().unwrap();
        near.set_nonblocking(true).unwrap();
        let session = first.session().to_owned();
        let client = thread::spawn(move || {
            let mut stream = offering(&session, far);
            stream.write_early_data(EARLY).unwrap();
            stream.connect().unwrap();
            if early == 0 {
                stream.write_all(EARLY).unwrap();
            }
            stream.write_all(b"late").unwrap();
            stream.read_exact(&mut [0]).unwrap();
        });
        one_thread().block_on(async {
            let near = tokio::net::UnixStream::from_std(near).unwrap();
            let stream = tokio_openssl::SslStream::new(Ssl::new(context).unwrap(), near).unwrap();
            let mut server = reprise::accept_early(&host, stream).await.unwrap();
            server.finish().await.unwrap();
            assert!(!server.is_early() && server.early_data() == early);
            let mut all = [0; EARLY.len() + 4];
            server.read_exact(&mut all).await.unwrap();
            assert_eq!(all.to_vec(), [EARLY, b"late"].concat());
            server.write_all(b"!").await.unwrap();
        });
        client.join().unwrap();
    }
}

#[test]
fn a_client_that_never_finishes_gets_no_goodbye_and_no_second_answer_from_its_recording() {
    let nodes = nodes(["a", "b"]);
    let flight = first_flight(handshake(&nodes[0].0, &nodes[0].1, &Client::of(SslVersion::TLS1_3)).session());
    one_thread().block_on(async {
        for (n, (host, context)) in nodes.iter().enumerate() {
            let (near, mut far) = duplex(1 << 16);
            far.write_all(&flight).await.unwrap();
            far.shutdown().await.unwrap();
            let stream = tokio_openssl::SslStream::new(Ssl::new(context).unwrap(), near).unwrap();
            match reprise::accept_early(host, stream).await {
                Ok(mut server) => {
                    assert_eq!((n, server.early_data()), (0, EARLY.len()));
                    assert!(server.finish().await.is_err(), "the recording has no Finished");
                    assert!(server.is_early());
                }
                Err(_) => assert_eq!(n, 1, "where it was sent first it is accepted"),
            }
        }
    });
}

fn waiting(store: &Slow) -> HostBuilder {
    Host::builder().store(store.clone()).store_deadline(Duration::from_secs(3_600))
}
