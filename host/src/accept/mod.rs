//! Accepting on tokio, without a thread that waits for a store.
//!
//! - `early`: the same, with 0-RTT data

mod early;

use std::{
    future::{Future, poll_fn},
    pin::{Pin, pin},
    task::{Context, Poll},
    time::{Duration, Instant},
};

use openssl::ssl::{self, ErrorCode};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::{sleep, sleep_until},
};
use tokio_openssl::SslStream;

pub use self::early::{EarlyStream, accept_early};
use crate::Host;
use reprise_openssl::hooks;

/// How soon an embedder's own callback that asked for a retry is asked again. It has no way to say when.
const OWN_RETRY: Duration = Duration::from_millis(1);

/// Takes part in a TLS handshake as the server, and waits for the store without holding a thread, for at most
/// [`crate::HostBuilder::store_deadline`]. Otherwise it is [`SslStream::accept`], and fails as that does.
///
/// 0-RTT data is not accepted, whatever the context allows; the client sends it again. See [`accept_early`].
///
/// The runtime must have its time enabled.
///
/// # Errors
/// The handshake failed, or the connection did.
pub async fn accept<S: AsyncRead + AsyncWrite>(
    host: &Host,
    mut stream: Pin<&mut SslStream<S>>,
) -> Result<(), ssl::Error> {
    waiting(host, stream.as_mut(), |stream, context| stream.poll_accept(context)).await
}

/// Has `handshake` go on until it is ready, and again each time that the store which it waits for has answered or is out of time.
async fn waiting<S, T>(
    host: &Host,
    mut stream: Pin<&mut SslStream<S>>,
    mut handshake: impl FnMut(Pin<&mut SslStream<S>>, &mut Context<'_>) -> Poll<Result<T, ssl::Error>>,
) -> Result<T, ssl::Error> {
    loop {
        let step = poll_fn(|context| {
            // Exclusively ours: the stream is borrowed mutably.
            // Without memory for it, the look-up holds the thread.
            let _ = hooks::wake_by(stream.ssl(), context.waker());
            handshake(stream.as_mut(), context)
        });
        match step.await {
            Err(error) if error.code() == ErrorCode::WANT_CLIENT_HELLO_CB => {
                woken(host.pending_lookup(stream.ssl())).await;
            }
            done => return done,
        }
    }
}

/// Until the task is woken, or until then.
async fn woken(until: Option<Instant>) {
    let Some(until) = until else { return sleep(OWN_RETRY).await };
    let mut late = pin!(sleep_until(until.into()));
    let mut polled = false;
    poll_fn(|context| {
        if late.as_mut().poll(context).is_ready() || std::mem::replace(&mut polled, true) {
            return Poll::Ready(());
        }
        Poll::Pending
    })
    .await;
}
