//! The calls of [`reprise_openssl::Handshakes`], as bytes: a header, and then one call after the other.

use reprise_openssl::facts::{Circumstances, HelloFacts, OfferFacts, Outcome, SessionFacts, Unencoded};
use reprise_session::session::SessionId;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use zeroize::Zeroize;

use crate::Garbled;

/// What calls are about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// The number of the answer that is wanted; 0 for none.
    pub answer: u32,
    /// The connection, as its process numbers it.
    pub connection: u64,
}

/// A call.
#[derive(Clone, Debug)]
pub enum Call<'a> {
    /// `Handshakes::hello`
    Hello(HelloFacts<'a>),
    /// `Handshakes::offered`, and whether the module has the session in decoded form.
    Offered(OfferFacts<'a>, bool),
    /// `Handshakes::unusable`
    Unusable,
    /// `Handshakes::ticket`
    Ticket(SessionFacts),
    /// `Handshakes::made`
    Made(Made<'a>),
    /// `Handshakes::done`
    Done(Outcome),
    /// The connection is gone.
    Gone,
    /// `Handler::given_up`
    GivenUp(SessionId, Circumstances),
}

/// [`reprise_openssl::facts::Made`], as it crosses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Made<'a> {
    /// The session's id.
    pub id: SessionId,
    /// Its encoding, which holds secrets.
    #[serde(borrow)]
    pub encoding: Result<&'a serde_bytes::Bytes, Unencoded>,
}

/// Bytes, as they cross.
pub fn bytes(bytes: &[u8]) -> &serde_bytes::Bytes {
    serde_bytes::Bytes::new(bytes)
}

const HELLO: u8 = 0;
const OFFERED: u8 = 1;
const UNUSABLE: u8 = 2;
const TICKET: u8 = 3;
const MADE: u8 = 4;
const DONE: u8 = 5;
const GONE: u8 = 6;
const GIVEN_UP: u8 = 7;

/// The length of a header.
const HEADER: usize = 12;

/// Calls of one connection, as they are written.
#[derive(Default)]
pub struct Calls {
    bytes: Vec<u8>,
}

impl Calls {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// How many bytes they take.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// The message, with this header.
    pub fn message(&mut self, header: Header) -> &[u8] {
        if self.bytes.is_empty() {
            self.bytes.extend([0; HEADER]);
        }
        self.bytes[..4].copy_from_slice(&header.answer.to_le_bytes());
        self.bytes[4..HEADER].copy_from_slice(&header.connection.to_le_bytes());
        &self.bytes
    }

    /// Forgets them, and what was secret in them.
    pub fn clear(&mut self) {
        self.bytes.zeroize();
    }

    /// `Handshakes::hello`
    pub fn hello(&mut self, facts: &HelloFacts<'_>) {
        self.add(HELLO, facts);
    }

    /// `Handshakes::offered`, and whether the session is here in decoded form.
    pub fn offered(&mut self, facts: &OfferFacts<'_>, decoded: bool) {
        self.add(OFFERED, &(facts, decoded));
    }

    /// `Handshakes::unusable`
    pub fn unusable(&mut self) {
        self.add(UNUSABLE, &());
    }

    /// `Handshakes::ticket`
    pub fn ticket(&mut self, facts: &SessionFacts) {
        self.add(TICKET, facts);
    }

    /// `Handshakes::made`
    pub fn made(&mut self, made: &Made<'_>) {
        self.add(MADE, made);
    }

    /// `Handshakes::done`
    pub fn done(&mut self, outcome: &Outcome) {
        self.add(DONE, outcome);
    }

    /// The connection is gone.
    pub fn gone(&mut self) {
        self.add(GONE, &());
    }

    /// `Handler::given_up`
    pub fn given_up(&mut self, id: &SessionId, circumstances: &Circumstances) {
        self.add(GIVEN_UP, &(id, circumstances));
    }

    fn add(&mut self, kind: u8, call: &impl Serialize) {
        // Room for all of a usual handshake at once: a vector that grows leaves secrets where it was.
        if self.bytes.is_empty() {
            self.bytes.reserve(2048);
            self.bytes.extend([0; HEADER]);
        }
        self.bytes.push(kind);
        let before = self.bytes.len();
        let written = postcard::to_extend(call, std::mem::take(&mut self.bytes));
        match written {
            Ok(bytes) => self.bytes = bytes,
            Err(_) => self.bytes.truncate(before),
        }
    }
}

impl Drop for Calls {
    fn drop(&mut self) {
        self.clear();
    }
}

/// Calls of one connection, as they are read.
#[derive(Clone, Copy, Debug)]
pub struct Reading<'a> {
    bytes: &'a [u8],
}

/// The header of a message, and the calls in it.
///
/// # Errors
/// The message has no header.
pub fn read(message: &[u8]) -> Result<(Header, Reading<'_>), Garbled> {
    let (Some((answer, rest)), true) = (message.split_first_chunk::<4>(), message.len() >= HEADER) else {
        return Err(Garbled { expected: "a header" });
    };
    let Some((connection, bytes)) = rest.split_first_chunk::<8>() else {
        return Err(Garbled { expected: "a header" });
    };
    let header = Header { answer: u32::from_le_bytes(*answer), connection: u64::from_le_bytes(*connection) };
    Ok((header, Reading { bytes }))
}

impl<'a> Iterator for Reading<'a> {
    type Item = Result<Call<'a>, Garbled>;

    fn next(&mut self) -> Option<Self::Item> {
        let (&kind, rest) = self.bytes.split_first()?;
        self.bytes = rest;
        let call = self.call(kind);
        if call.is_err() {
            self.bytes = &[];
        }
        Some(call)
    }
}

impl<'a> Reading<'a> {
    fn call(&mut self, kind: u8) -> Result<Call<'a>, Garbled> {
        Ok(match kind {
            HELLO => Call::Hello(self.borrowed("a ClientHello")?),
            OFFERED => {
                let (facts, decoded) = self.borrowed("an offer")?;
                Call::Offered(facts, decoded)
            }
            UNUSABLE => {
                self.owned::<()>("nothing")?;
                Call::Unusable
            }
            TICKET => Call::Ticket(self.owned("a session")?),
            MADE => Call::Made(self.borrowed("an encoded session")?),
            DONE => Call::Done(self.owned("an outcome")?),
            GONE => Call::Gone,
            GIVEN_UP => {
                let (id, circumstances) = self.owned("a session given up")?;
                Call::GivenUp(id, circumstances)
            }
            _ => return Err(Garbled { expected: "a call" }),
        })
    }

    fn borrowed<T: Deserialize<'a>>(&mut self, expected: &'static str) -> Result<T, Garbled> {
        let (value, rest) = postcard::take_from_bytes(self.bytes).map_err(|_| Garbled { expected })?;
        self.bytes = rest;
        Ok(value)
    }

    fn owned<T: DeserializeOwned>(&mut self, expected: &'static str) -> Result<T, Garbled> {
        self.borrowed(expected)
    }
}
