//! One connection: handshake, then the backend or the responder.

use std::{io, net::SocketAddr, time::Duration};

use anyhow::{Context, Result};
use openssl::ssl::Ssl;
use reprise::EarlyStream;
use socket2::{SockRef, TcpKeepalive};
use tokio::{io::AsyncWriteExt, net::TcpStream, task::unconstrained, time::timeout};
use tokio_openssl::SslStream;

use super::{
    Shared, backend,
    proxy::{self, Endpoints},
    report::Report,
    responder::Responder,
    wire::{Polite, Wire},
};
use crate::{http, phase::Phases};

/// Peers that vanish without a word are noticed after some minutes of silence.
const KEEPALIVE: Duration = Duration::from_secs(120);

/// Serves `stream`, which `listener` accepted from `peer`, until it is done or the server closes.
///
/// What goes wrong here is the client's business or the network's: it is logged at `debug`.
pub(crate) async fn serve(shared: &Shared, listener: usize, stream: TcpStream, peer: SocketAddr, mut phases: Phases) {
    let mut closing = phases.clone();
    let accepted = tokio::select! {
        accepted = timeout(shared.handshake_timeout, accept(shared, listener, stream, peer)) => accepted,
        // There is nobody yet to say goodbye to.
        () = closing.closing() => return,
    };
    let accepted = accepted.with_context(|| format!("not done within {:?}", shared.handshake_timeout)).flatten();
    let (mut stream, endpoints) = match accepted {
        Ok(accepted) => accepted,
        Err(error) => {
            tracing::debug!("{peer}: no handshake: {error:#}");
            return;
        }
    };
    let peer = endpoints.source;
    let report = Report::of(stream.ssl(), stream.early_data(), shared.host.connection(stream.ssl()));
    tracing::debug!("{peer}: {}", report.summary());

    let served = tokio::select! {
        served = exchange(shared, &mut stream, endpoints, &report, &mut phases) => served,
        () = closing.closing() => {
            goodbye(&mut stream).await;
            return;
        }
    };
    if let Err(error) = served {
        tracing::debug!("{peer}: {error}");
    }
}

/// The TLS handshake, or of one with 0-RTT data its beginning; and before it the header of a proxy that is believed.
async fn accept(
    shared: &Shared,
    listener: usize,
    mut stream: TcpStream,
    peer: SocketAddr,
) -> Result<(EarlyStream<Wire>, Endpoints)> {
    stream.set_nodelay(true)?;
    SockRef::from(&stream).set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEPALIVE))?;
    let endpoints = proxy::endpoints(&mut stream, peer, &shared.accept_proxy).await?;
    // The hook moves the connection to the site that the client asks for.
    let mut ssl = Ssl::new(&shared.sites.context(listener, None))?;
    shared.host.attach(&mut ssl, endpoints.source.ip())?;
    let stream = reprise::accept_early(&shared.host, SslStream::new(ssl, Wire::new(stream))?).await?;
    Ok((stream, endpoints))
}

async fn exchange(
    shared: &Shared,
    stream: &mut EarlyStream<Wire>,
    endpoints: Endpoints,
    report: &Report,
    phases: &mut Phases,
) -> io::Result<()> {
    let Some(backend) = &shared.backend else {
        return http::serve(stream, &Responder { report }, shared.idle_timeout, phases).await;
    };
    let header = if backend.send_proxy { header(stream, endpoints, report)? } else { Vec::new() };
    backend::forward(&mut Polite(stream), backend.address.as_str(), &header, backend.idle_timeout).await
}

fn header(stream: &EarlyStream<Wire>, endpoints: Endpoints, report: &Report) -> io::Result<Vec<u8>> {
    let destination = match endpoints.destination {
        Some(destination) => destination,
        None => stream.get_ref().stream().local_addr()?,
    };
    proxy::header(stream.ssl(), report.server_name(), endpoints.source, destination).map_err(io::Error::other)
}

/// Says goodbye if the socket has room for it now. Nobody is waited for.
async fn goodbye(stream: &mut EarlyStream<Wire>) {
    let _ = timeout(Duration::ZERO, unconstrained(stream.shutdown())).await;
}
