//! One connection to the server, and what it gave.
//!
//! - `starttls`: what comes before TLS in protocols that begin in clear
//! - `wire`: what is under TLS
//! - `early`: a first flight with 0-RTT data, which can be sent again
//! - `retry`, with `hello`: two ClientHellos of our own, for what no TLS library does

mod early;
mod hello;
mod retry;
mod starttls;
mod wire;

use std::{
    fmt::Display,
    io::{self, ErrorKind},
    net::{SocketAddr, TcpStream},
    time::{Duration, Instant},
};

use openssl::{
    hash::MessageDigest,
    ssl::{Error, ErrorCode, SslStream, SslVersion},
};
use reprise_openssl::client::{Client, ClientSession, Identity, early_data_accepted, has_signed};

use self::wire::Wire;
pub(super) use self::{early::Flight, retry::Answer, starttls::Protocol};

/// How long more tickets are waited for, after the first, and a goodbye.
const MORE: Duration = Duration::from_millis(200);

/// How long OpenSSL reads at once: it takes in a ticket without coming back to tell.
const STEP: Duration = Duration::from_millis(50);

/// Who visits, and whom.
#[derive(Clone, Copy)]
pub(super) struct Visitor<'a> {
    pub(super) address: SocketAddr,
    pub(super) server_name: Option<&'a str>,
    pub(super) identity: Option<&'a Identity>,
    pub(super) starttls: Option<Protocol>,
    /// For each step.
    pub(super) patience: Duration,
}

/// A connection that was made.
pub(super) struct Visit {
    /// The session offered was taken.
    pub(super) resumed: bool,
    /// The sessions that it gave.
    pub(super) given: Vec<ClientSession>,
    /// The digest of the server's certificate; of a resumed connection, that of the session's.
    pub(super) certificate: Option<Vec<u8>>,
    /// The server asked for the client's certificate, and there was one.
    pub(super) signed: bool,
    /// 0-RTT data was accepted.
    pub(super) early: bool,
    /// How long the server's first encrypted record is.
    pub(super) first_encrypted: Option<usize>,
}

/// One that was not.
#[derive(Clone, Debug)]
pub(super) enum Failed {
    /// There was no connection to speak TLS on.
    Unreachable(String),
    /// The server does not speak this version, or ends the handshake.
    Refused(String),
}

impl Visitor<'_> {
    /// Connects, once; says goodbye, and waits for the server's sessions and its own.
    pub(super) fn visit(&self, client: &Client, offered: Option<&ClientSession>) -> Result<Visit, Failed> {
        let tcp = self.dial()?;
        let mut stream = self.stream(client, offered)?;
        stream.get_mut().goes_on_over(tcp);
        self.complete(client, stream)
    }

    /// A connection on which TLS is next.
    fn dial(&self) -> Result<TcpStream, Failed> {
        let unreachable = |error: io::Error| Failed::Unreachable(error.to_string());
        let mut tcp = TcpStream::connect_timeout(&self.address, self.patience).map_err(unreachable)?;
        tcp.set_nodelay(true).map_err(unreachable)?;
        tcp.set_read_timeout(Some(self.patience)).map_err(unreachable)?;
        tcp.set_write_timeout(Some(self.patience)).map_err(unreachable)?;
        if let Some(protocol) = self.starttls {
            protocol.begin(&mut tcp).map_err(unreachable)?;
        }
        Ok(tcp)
    }

    /// TLS that is not begun.
    fn stream(&self, client: &Client, offered: Option<&ClientSession>) -> Result<SslStream<Wire>, Failed> {
        // What a connection was given that failed in the end is nobody's.
        drop(client.given());
        let ssl = client.connection(self.server_name, self.identity, offered).map_err(refused)?;
        SslStream::new(ssl, Wire::default()).map_err(refused)
    }

    fn complete(&self, client: &Client, mut stream: SslStream<Wire>) -> Result<Visit, Failed> {
        stream.connect().map_err(|error| self.failed(&error))?;
        // A server answers a goodbye by its own, behind whatever else it has to say. And some drop
        // the session of a client that just goes.
        let _ = stream.shutdown();
        self.hear_out(&mut stream, client)?;
        let ssl = stream.ssl();
        let digest = |certificate: openssl::x509::X509| certificate.digest(MessageDigest::sha256()).ok();
        Ok(Visit {
            resumed: ssl.session_reused(),
            given: client.given(),
            certificate: ssl.peer_certificate().and_then(digest).map(|digest| digest.to_vec()),
            signed: has_signed(ssl),
            early: early_data_accepted(ssl),
            first_encrypted: stream.get_ref().first_encrypted(),
        })
    }

    /// Reads until the server says goodbye, or its sessions are there; what else it says is passed
    /// over.
    fn hear_out(&self, stream: &mut SslStream<Wire>, client: &Client) -> Result<(), Failed> {
        // In TLS 1.2 they come in the handshake.
        let comes = stream.ssl().version2() == Some(SslVersion::TLS1_3);
        let mut until = Instant::now() + if comes { self.patience } else { MORE };
        let mut count = client.count();
        while let Some(left) = until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
            let patience = stream.get_ref().tcp().map(|tcp| tcp.set_read_timeout(Some(left.min(STEP))));
            if !matches!(patience, Some(Ok(()))) {
                return Ok(());
            }
            match stream.ssl_read(&mut [0; 4_096]) {
                Ok(_) => {}
                // In TLS 1.3 a server refuses a client's certificate when the handshake is complete
                // to the client.
                Err(error) if error.code() == ErrorCode::SSL => return Err(refused(error)),
                Err(error) if error.io_error().is_some_and(is_late) || error.code() == ErrorCode::WANT_READ => {}
                Err(_) => return Ok(()),
            }
            if client.count() > count {
                count = client.count();
                until = Instant::now() + MORE;
            }
        }
        Ok(())
    }

    fn failed(&self, error: &Error) -> Failed {
        match error.io_error() {
            Some(late) if is_late(late) => {
                Failed::Unreachable(format!("the handshake took longer than {:?}", self.patience))
            }
            _ if matches!(error.code(), ErrorCode::SYSCALL | ErrorCode::ZERO_RETURN) => {
                Failed::Refused("the server closed the connection in the handshake".into())
            }
            _ => refused(error),
        }
    }
}

fn refused(error: impl Display) -> Failed {
    Failed::Refused(error.to_string())
}

/// Whether a socket's patience came to its end.
fn is_late(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}
