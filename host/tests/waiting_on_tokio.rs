//! The accept for tokio: a handshake that waits for a store holds no thread, and never longer than its deadline.

use crate::support;

use std::{pin::Pin, time::Duration};

use openssl::ssl::{Ssl, SslContext, SslVersion};
use reprise::{ConnectionReport, HelloResponse, Host, Listener};
use support::{slow::Slow, *};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::UnixStream,
    runtime::Runtime,
    task::JoinHandle,
};
use tokio_openssl::SslStream;

/// One thread, on which all servers run.
fn one_thread() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// A server's connection, accepted as ours is, and the other end for a client on a thread of its own.
async fn accepted(
    host: &Host,
    context: &SslContext,
    near: UnixStream,
) -> Result<ConnectionReport, openssl::ssl::Error> {
    let mut stream = SslStream::new(Ssl::new(context).unwrap(), near).unwrap();
    reprise::accept(host, Pin::new(&mut stream)).await?;
    stream.write_all(b"!").await.unwrap();
    stream.read_exact(&mut [0]).await.unwrap();
    Ok(host.connection(stream.ssl()).unwrap())
}

fn client(client: &Client) -> (UnixStream, JoinHandle<Outcome>) {
    let (near, far) = std::os::unix::net::UnixStream::pair().unwrap();
    near.set_nonblocking(true).unwrap();
    let client = client.clone();
    let seen = tokio::task::spawn_blocking(move || {
        let (resumed, sessions) = run_client(far, &client).unwrap();
        Outcome { resumed, report: None, sessions }
    });
    (UnixStream::from_std(near).unwrap(), seen)
}

async fn talk(host: &Host, context: &SslContext, with: &Client) -> Outcome {
    let (near, seen) = client(with);
    let report = accepted(host, context, near).await.unwrap();
    Outcome { report: Some(report), ..seen.await.unwrap() }
}

#[test]
fn while_one_handshake_waits_others_on_its_thread_complete() {
    let store = Slow::bare();
    let host = Host::builder().store(store.clone()).store_deadline(Duration::from_secs(3_600)).build().unwrap();
    let context = installed(&host);
    one_thread().block_on(async {
        for version in VERSIONS {
            let first = talk(&host, &context, &Client::of(version)).await;
            store.hold();
            let again = Client::of(version).offering(first.session());
            let waits = talk(&host, &context, &again);
            let others = async {
                while store.awaited() == 0 {
                    tokio::task::yield_now().await;
                }
                let other = talk(&host, &context, &Client::of(version)).await;
                assert!(!other.resumed, "{version:?}");
                // From another thread, as a store does.
                let answers = store.clone();
                tokio::task::spawn_blocking(move || answers.release()).await.unwrap()
            };
            let (second, released) = tokio::join!(waits, others);
            assert_eq!(released, 1, "{version:?}");
            assert!(second.resumed, "{version:?}: {}", second.miss());
            assert_eq!(store.fetched().len(), 1, "{version:?}");
        }
    });
}

#[test]
fn a_store_that_never_answers_holds_a_handshake_until_the_deadline() {
    let store = Slow::bare();
    let host = Host::builder().store(store.clone()).store_deadline(Duration::from_millis(5)).build().unwrap();
    let context = installed(&host);
    one_thread().block_on(async {
        for version in VERSIONS {
            store.release();
            let first = talk(&host, &context, &Client::of(version)).await;
            store.hold();
            let second = talk(&host, &context, &Client::of(version).offering(first.session())).await;
            assert_eq!((second.resumed, second.miss().as_str()), (false, "store-unavailable"), "{version:?}");
            assert_eq!(store.release(), 0, "{version:?}: nobody listens any more");
        }
    });
}

#[test]
fn an_accept_that_is_given_up_waits_for_nothing_any_more() {
    let store = Slow::bare();
    let host = Host::builder().store(store.clone()).store_deadline(Duration::from_secs(3_600)).build().unwrap();
    let context = installed(&host);
    one_thread().block_on(async {
        let first = talk(&host, &context, &Client::of(SslVersion::TLS1_3)).await;
        store.hold();
        let (near, far) = std::os::unix::net::UnixStream::pair().unwrap();
        near.set_nonblocking(true).unwrap();
        let again = Client::of(SslVersion::TLS1_3).offering(first.session());
        let seen = tokio::task::spawn_blocking(move || run_client(far, &again).is_err());
        let asked = async {
            while store.awaited() == 0 {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            _ = accepted(&host, &context, UnixStream::from_std(near).unwrap()) => panic!("the store has not answered"),
            () = asked => {}
        }
        assert_eq!(store.awaited(), 0);
        assert!(seen.await.unwrap(), "the connection is gone");
    });
}

#[test]
fn an_own_callback_that_asks_for_a_retry_is_asked_again() {
    let host = Host::builder().build().unwrap();
    let asked = std::sync::atomic::AtomicUsize::new(0);
    let listener = Listener::named("public").on_client_hello(move |_| {
        let again = asked.fetch_add(1, std::sync::atomic::Ordering::SeqCst) % 3 < 2;
        Ok(if again { HelloResponse::Retry } else { HelloResponse::Continue })
    });
    let context = installed_as(&host, listener, |_| {});
    one_thread().block_on(async {
        for version in VERSIONS {
            let first = talk(&host, &context, &Client::of(version)).await;
            let second = talk(&host, &context, &Client::of(version).offering(first.session())).await;
            assert!(second.resumed, "{version:?}: {}", second.miss());
        }
    });
}
