//! A ClientHello that has the server ask for another (HelloRetryRequest), and that other one under
//! another server name.
//!
//! RFC 8446 section 4.1.2 forbids a client to do so, and no TLS library does. So these are our own:
//! with no key share, which a server must ask for (section 4.2.8). The ServerHello, which is in
//! clear, says whether the session is resumed, and nothing more is said on the connection: keys are
//! never agreed on.

use std::{
    io::{self, Read, Write},
    net::TcpStream,
};

use reprise_openssl::{
    client::ClientSession,
    hello::{
        Reader,
        extension::PRE_SHARED_KEY,
        transcript::{Message, is_retry_request},
    },
};

use super::{
    Failed, Visitor,
    hello::{COOKIE, Hello, KEY_SHARE, key_share, vector16},
};

/// What came of it.
pub(in super::super) enum Answer {
    /// The session is resumed.
    Resumes,
    /// The handshake goes on in full.
    Full,
    /// The server ended the handshake at the second ClientHello.
    Alert(u8),
    /// It did not come to a second ClientHello.
    NoRetry(String),
}

impl Visitor<'_> {
    /// Offers `session`, and asks for `second_name` when asked to try again.
    pub(in super::super) fn over_retry(
        &self,
        session: &ClientSession,
        second_name: Option<&str>,
    ) -> Result<Answer, Failed> {
        let mut tcp = self.dial()?;
        let hello =
            Hello::new(session).ok_or_else(|| Failed::Refused("the session cannot be offered by hand".into()))?;
        let first = hello.bound(&[], &hello.message(self.server_name, None, None)).unwrap_or_default();
        let retry = match ask(&mut tcp, &first)? {
            Heard::ServerHello(retry) if is_retry_request(&retry) => retry,
            Heard::Alert(alert) => return Ok(Answer::NoRetry(format!("the server ended it with the alert {alert}"))),
            _ => return Ok(Answer::NoRetry("the server did not ask for another ClientHello".into())),
        };
        let extensions = extensions(&retry);
        let content = |kind| extensions.iter().find(|(there, _)| *there == kind).map(|(_, content)| &content[..]);
        let group = content(KEY_SHARE).and_then(|content| Reader(content).number());
        let Some(share) = group.and_then(key_share) else {
            return Ok(Answer::NoRetry("the server asked for a key share that was not offered".into()));
        };
        let before = [Message::ClientHello(&first), Message::ServerHello(&retry)];
        let second = hello.message(second_name, Some(&share), content(COOKIE));
        let second = hello.bound(&before, &second).unwrap_or_default();
        Ok(match ask(&mut tcp, &second)? {
            Heard::Alert(alert) => Answer::Alert(alert),
            Heard::ServerHello(answer) if self::extensions(&answer).iter().any(|(kind, _)| *kind == PRE_SHARED_KEY) => {
                Answer::Resumes
            }
            Heard::ServerHello(_) => Answer::Full,
            Heard::Closed => Answer::NoRetry("the server closed the connection".into()),
        })
    }
}

/// What a server says.
enum Heard {
    /// Or a HelloRetryRequest, which has its form.
    ServerHello(Vec<u8>),
    Alert(u8),
    Closed,
}

/// Sends a message in a record, and reads the answer's first.
fn ask(tcp: &mut TcpStream, message: &[u8]) -> Result<Heard, Failed> {
    let unreachable = |error: io::Error| Failed::Unreachable(error.to_string());
    tcp.write_all(&[&[22, 3, 1][..], &vector16(message)].concat()).map_err(unreachable)?;
    loop {
        let mut header = [0; 5];
        if let Err(error) = tcp.read_exact(&mut header) {
            return if super::is_late(&error) { Err(unreachable(error)) } else { Ok(Heard::Closed) };
        }
        let mut content = vec![0; u16::from_be_bytes([header[3], header[4]]).into()];
        tcp.read_exact(&mut content).map_err(unreachable)?;
        match (header[0], &content[..]) {
            (21, [_, alert, ..]) => return Ok(Heard::Alert(*alert)),
            (22, [2, 0, high, low, ..]) => {
                // Others may follow in the record.
                content.truncate(4 + usize::from(u16::from_be_bytes([*high, *low])));
                return Ok(Heard::ServerHello(content));
            }
            // A change_cipher_spec that says nothing (RFC 8446 appendix D.4).
            (20, _) => {}
            _ => return Ok(Heard::Closed),
        }
    }
}

/// Those of a ServerHello; none if it is malformed.
fn extensions(hello: &[u8]) -> Vec<(u16, Vec<u8>)> {
    const HEADER_VERSION_AND_RANDOM: usize = 4 + 2 + 32;
    let mut fields = Reader(hello);
    let list = (|| {
        fields.take(HEADER_VERSION_AND_RANDOM)?;
        let (_id, _suite, _compression) = (fields.vector8()?, fields.number()?, fields.take(1)?);
        fields.vector16()
    })();
    let mut list = Reader(list.unwrap_or_default());
    std::iter::from_fn(|| Some((list.number()?, list.vector16()?.to_vec()))).collect()
}
