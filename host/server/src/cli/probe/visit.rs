//! One connection to the server, and what it gave.

use std::{
    io::{self, ErrorKind, Read},
    net::{SocketAddr, TcpStream},
    time::{Duration, Instant},
};

use openssl::ssl::{ErrorCode, HandshakeError, ShutdownResult, SslStream};
use reprise_openssl::client::{Client, ClientSession};

use super::starttls::Protocol;

/// How long more tickets are waited for, after the first, and a goodbye.
const MORE: Duration = Duration::from_millis(200);

/// How long OpenSSL reads at once: it takes in a ticket without coming back to tell.
const STEP: Duration = Duration::from_millis(50);

/// Who visits, and whom.
pub(super) struct Visitor<'a> {
    pub(super) address: SocketAddr,
    pub(super) server_name: Option<&'a str>,
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
}

/// One that was not.
#[derive(Debug)]
pub(super) enum Failed {
    /// There was no connection to speak TLS on.
    Unreachable(String),
    /// The server does not speak this version, or ends the handshake.
    Refused(String),
}

impl Visitor<'_> {
    /// Connects, once; waits for the server's sessions, and says goodbye.
    pub(super) fn visit(&self, client: &Client, offered: Option<&ClientSession>) -> Result<Visit, Failed> {
        let unreachable = |error: io::Error| Failed::Unreachable(error.to_string());
        let mut tcp = TcpStream::connect_timeout(&self.address, self.patience).map_err(unreachable)?;
        tcp.set_read_timeout(Some(self.patience)).map_err(unreachable)?;
        tcp.set_write_timeout(Some(self.patience)).map_err(unreachable)?;
        if let Some(protocol) = self.starttls {
            protocol.begin(&mut tcp).map_err(unreachable)?;
        }
        let refused = |error: &dyn std::fmt::Display| Failed::Refused(error.to_string());
        let ssl = client.connection(self.server_name, offered).map_err(|error| refused(&error))?;
        let mut stream = match ssl.connect(tcp) {
            Ok(stream) => stream,
            Err(HandshakeError::SetupFailure(error)) => return Err(refused(&error)),
            Err(HandshakeError::Failure(failed) | HandshakeError::WouldBlock(failed)) => {
                return Err(match failed.error().io_error() {
                    Some(error) if is_late(error) => {
                        Failed::Unreachable(format!("the handshake took longer than {:?}", self.patience))
                    }
                    _ if failed.error().code() == ErrorCode::SYSCALL => {
                        Failed::Refused("the server closed the connection in the handshake".into())
                    }
                    _ => refused(failed.error()),
                });
            }
        };
        self.await_sessions(&mut stream, client);
        // Some servers drop the session of a client that just goes.
        let _ = stream.get_ref().set_read_timeout(Some(MORE));
        while let Ok(ShutdownResult::Sent) = stream.shutdown() {
            if !matches!(stream.ssl_read(&mut [0; 512]), Ok(read) if read > 0) {
                break;
            }
        }
        Ok(Visit { resumed: stream.ssl().session_reused(), given: client.given() })
    }

    /// Reads until the first session is there, and a moment longer for others; what else the server says is passed over.
    fn await_sessions(&self, stream: &mut SslStream<TcpStream>, client: &Client) {
        if stream.ssl().version2() != Some(openssl::ssl::SslVersion::TLS1_3) {
            return;
        }
        let mut until = Instant::now() + self.patience;
        let mut count = 0;
        while let Some(left) = until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
            if stream.get_ref().set_read_timeout(Some(left.min(STEP))).is_err() {
                return;
            }
            let goes_on = match stream.read(&mut [0; 4_096]) {
                Ok(0) => false,
                Ok(_) => true,
                Err(error) => is_late(&error),
            };
            if !goes_on {
                return;
            }
            if client.count() > count {
                count = client.count();
                until = Instant::now() + MORE;
            }
        }
    }
}

/// Whether a socket's patience came to its end.
fn is_late(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}
