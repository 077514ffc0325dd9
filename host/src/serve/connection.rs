//! One connection: handshake, then the backend or the responder.

use std::{io, net::SocketAddr, pin::Pin, time::Duration};

use anyhow::{Context, Result};
use openssl::ssl::Ssl;
use socket2::{SockRef, TcpKeepalive};
use tokio::{io::AsyncWriteExt, net::TcpStream, time::timeout};
use tokio_openssl::SslStream;

use super::{Shared, backend, http, phase::Phases, report::Report, responder::Responder};

/// Peers that vanish without a word are noticed after some minutes of silence.
const KEEPALIVE: Duration = Duration::from_secs(120);
/// How long a client may take to receive our goodbye.
const GOODBYE: Duration = Duration::from_secs(1);

/// Serves `stream`, which `listener` accepted from `peer`, until it is done or the server closes.
///
/// What goes wrong here is the client's business or the network's: it is logged at `debug`.
pub(crate) async fn serve(shared: &Shared, listener: usize, stream: TcpStream, peer: SocketAddr, mut phases: Phases) {
    let mut stream = match accept(shared, listener, stream, peer).await {
        Ok(stream) => stream,
        Err(error) => {
            tracing::debug!("{peer}: no handshake: {error:#}");
            return;
        }
    };
    let report = Report::of(stream.ssl(), shared.host.connection(stream.ssl()));
    tracing::debug!("{peer}: {}", report.summary());

    let mut closing = phases.clone();
    let served = tokio::select! {
        served = exchange(shared, &mut stream, &report, &mut phases) => served,
        () = closing.closing() => goodbye(&mut stream).await,
    };
    if let Err(error) = served {
        tracing::debug!("{peer}: {error}");
    }
}

/// The TLS handshake, within its timeout.
async fn accept(shared: &Shared, listener: usize, stream: TcpStream, peer: SocketAddr) -> Result<SslStream<TcpStream>> {
    stream.set_nodelay(true)?;
    SockRef::from(&stream).set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEPALIVE))?;
    // The hook moves the connection to the site that the client asks for.
    let mut ssl = Ssl::new(&shared.sites.context(listener, None))?;
    shared.host.attach(&mut ssl, peer.ip())?;
    let mut stream = SslStream::new(ssl, stream)?;
    timeout(shared.handshake_timeout, Pin::new(&mut stream).accept())
        .await
        .with_context(|| format!("not done within {:?}", shared.handshake_timeout))??;
    Ok(stream)
}

async fn exchange(
    shared: &Shared,
    stream: &mut SslStream<TcpStream>,
    report: &Report,
    phases: &mut Phases,
) -> io::Result<()> {
    match &shared.backend {
        Some(address) => backend::forward(stream, address).await,
        None => http::serve(stream, &Responder { report }, shared.idle_timeout, phases).await,
    }
}

async fn goodbye(stream: &mut SslStream<TcpStream>) -> io::Result<()> {
    timeout(GOODBYE, stream.shutdown()).await?
}
