//! The calls of [`reprise_openssl::Handshakes`], as bytes: a header, and then one call after the other.

use reprise_openssl::facts::{
    Circumstances, HelloFacts, Noted, Observed, OfferFacts, Outcome, SessionFacts, Unencoded,
};
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
    /// `Handler::noted`, of so many contexts.
    Noted(Noted, u32),
    /// `Handler::observed`
    Observed(Observed),
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
const NOTED: u8 = 8;
const OBSERVED: u8 = 9;

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

    /// Any of them.
    pub fn call(&mut self, call: &Call<'_>) {
        match call {
            Call::Hello(facts) => self.hello(facts),
            Call::Offered(facts, decoded) => self.offered(facts, *decoded),
            Call::Unusable => self.unusable(),
            Call::Ticket(facts) => self.ticket(facts),
            Call::Made(made) => self.made(made),
            Call::Done(outcome) => self.done(outcome),
            Call::Gone => self.gone(),
            Call::GivenUp(id, circumstances) => self.given_up(id, circumstances),
            Call::Noted(noted, contexts) => self.noted(*noted, *contexts),
            Call::Observed(observed) => self.observed(*observed),
        }
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
        self.room(made.encoding.map_or(0, |der| der.len()) + 2_048);
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

    /// `Handler::noted`, of so many contexts.
    pub fn noted(&mut self, noted: Noted, contexts: u32) {
        self.add(NOTED, &(noted, contexts));
    }

    /// `Handler::observed`
    pub fn observed(&mut self, observed: Observed) {
        self.add(OBSERVED, &observed);
    }

    /// Sees to room for so many bytes more. A vector that grows by itself leaves secrets where it was.
    fn room(&mut self, bytes: usize) {
        let needed = self.bytes.len() + bytes;
        if needed > self.bytes.capacity() {
            let mut larger = Vec::with_capacity(needed.max(2 * self.bytes.capacity()));
            larger.extend_from_slice(&self.bytes);
            self.bytes.zeroize();
            self.bytes = larger;
        }
    }

    fn add(&mut self, kind: u8, call: &impl Serialize) {
        /// A usual handshake's.
        const ROOM: usize = 1_024;
        self.room(ROOM);
        if self.bytes.is_empty() {
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
            UNUSABLE => Call::Unusable,
            TICKET => Call::Ticket(self.owned("a session")?),
            MADE => Call::Made(self.borrowed("an encoded session")?),
            DONE => Call::Done(self.owned("an outcome")?),
            GONE => Call::Gone,
            GIVEN_UP => {
                let (id, circumstances) = self.owned("a removed session")?;
                Call::GivenUp(id, circumstances)
            }
            NOTED => {
                let (noted, contexts) = self.owned("what became of contexts")?;
                Call::Noted(noted, contexts)
            }
            OBSERVED => Call::Observed(self.owned("a handshake looked at")?),
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use reprise_openssl::{
        facts::{ClientCertificate, Displaced, EarlyData, Here, LeftAlone, Offered, Place, Suites, TLS13, Turn, Users},
        hello::Hello,
    };
    use reprise_session::session::{Epoch, RevocationLists};

    use super::*;

    const ID: [u8; 32] = [5; 32];

    fn place() -> Arc<Place> {
        Arc::new(Place {
            listener: "127.0.0.1:443".into(),
            site: "dns:a.example".into(),
            epoch: Epoch::of(b"one"),
            revocation_lists: RevocationLists::default(),
        })
    }

    fn each() -> Vec<Call<'static>> {
        let hello = Hello { server_name: Some("a.example".into()), ciphers: vec![0x13, 1].into(), ..Hello::default() };
        let able = reprise_openssl::facts::Able { ciphers: Suites::Listed(vec![0x1301]), ..Default::default() };
        vec![
            Call::Hello(HelloFacts {
                turn: Turn::First,
                hello: Arc::new(hello),
                peer: Some([127, 0, 0, 1].into()),
                hooked: place(),
                here: Some(Here { place: place(), verify_mode: 1 }),
                learns: false,
                ahead: None,
            }),
            Call::Offered(OfferFacts { id: &ID, version: TLS13, switched: false, able, proof: None }, true),
            Call::Unusable,
            Call::Ticket(SessionFacts {
                id: ID.to_vec(),
                version: TLS13,
                cipher_suite: Some(0x1301),
                extended_master_secret: true,
                alpn: Some("h2".into()),
                resumed: true,
                switched: false,
                expected: 1,
                certificate: ClientCertificate::OfResumed,
                chain: None,
            }),
            Call::Made(Made { id: ID.into(), encoding: Ok(bytes(b"a session")) }),
            Call::Made(Made { id: ID.into(), encoding: Err(Unencoded::TooLarge(70_000)) }),
            Call::Done(Outcome { version: TLS13, resumed: true, sessions: 1, early_data: EarlyData::NotOffered }),
            Call::Gone,
            Call::GivenUp(
                ID.into(),
                Circumstances { users: Users::None, freed: true, error: false, unexpected_eof: false },
            ),
            Call::Noted(Noted::Hooked(Displaced { new: true, get: true, internal: false }), 2),
            Call::Noted(Noted::Left(LeftAlone::ResumptionIsOff), 1),
            Call::Observed(Observed { tls13: true, offered: Offered::Psk, resumed: false }),
        ]
    }

    #[test]
    fn what_is_written_is_read() {
        let mut calls = Calls::default();
        each().iter().for_each(|call| calls.call(call));
        let header = Header { answer: 7, connection: 1 << 40 };
        let message = calls.message(header).to_vec();
        let (read_header, reading) = read(&message).unwrap();
        let read: Vec<_> = reading.map(Result::unwrap).collect();
        assert_eq!((read_header, format!("{read:?}")), (header, format!("{:?}", each())));
    }

    #[test]
    fn what_is_cut_short_or_unknown_is_garbled_and_ends_the_message() {
        for call in each() {
            let mut calls = Calls::default();
            calls.call(&call);
            let message = calls.message(Header { answer: 0, connection: 0 }).to_vec();
            for length in 0..message.len() {
                match read(&message[..length]) {
                    Err(garbled) => assert!(length < HEADER && garbled.expected == "a header"),
                    Ok((_, reading)) => {
                        let read: Vec<_> = reading.collect();
                        assert!(read.len() <= 1 && read.iter().all(Result::is_err), "{call:?} cut to {length}");
                    }
                }
            }
        }
        let message = [&[0; HEADER][..], &[200, GONE]].concat();
        let (_, mut reading) = read(&message).unwrap();
        assert!(reading.next().unwrap().is_err() && reading.next().is_none());
    }

    /// The bytes of the first release: a change of any of them is another version.
    #[test]
    fn the_bytes_are_those_of_their_version() {
        let mut calls = Calls::default();
        each().iter().for_each(|call| calls.call(call));
        let message = calls.message(Header { answer: 7, connection: 3 }).to_vec();
        assert_eq!((crate::VERSION, reprise_session::hex::hex(&openssl::sha::sha256(&message))), (1, BYTES.to_owned()));
    }

    const BYTES: &str = "250bc3c0d7c2eed4d7ddf9ff1b2f9c6be7e2eee7abfc70576077f9cbee00ded6";
}
