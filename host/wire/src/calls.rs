//! The calls of [`reprise_openssl::Handshakes`], as bytes: a header, and then one call after the other.

use std::{net::IpAddr, sync::Arc};

use reprise_openssl::{
    facts::{
        Able, Circumstances, HelloFacts, Noted, Observed, OfferFacts, Outcome, Place, SessionFacts, Suites, Turn,
        Unencoded, shared,
    },
    hello::Hello,
};
use reprise_session::session::SessionId;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use zeroize::{Zeroize, Zeroizing};

use crate::Garbled;

/// What calls are about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// The number of the answer that is wanted; 0 for none.
    pub answer: u32,
    /// How many messages went over the quiet line before this one.
    pub told: u32,
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
    /// A place that has this number on this pair of lines from now on ([`crate::known`]).
    Place(u32, Place),
    /// Cipher suites that are enabled somewhere, and have this number.
    Suites(u32, Vec<u16>),
    /// `Hello`, with places by their numbers.
    HelloAt(HelloAt),
    /// `Offered`, with the suites enabled by their number.
    OfferedWith(OfferFacts<'a>, u32, bool),
    /// `Done` and `Gone` of another connection than the message is about.
    Over(u64, Outcome),
}

/// [`HelloFacts`], with places by their numbers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HelloAt {
    /// Which of the connection's ClientHellos it is.
    pub turn: Turn,
    /// What it says.
    #[serde(with = "shared")]
    pub hello: Arc<Hello>,
    /// The connection's peer.
    pub peer: Option<IpAddr>,
    /// The place of the context whose hook was called.
    pub hooked: u32,
    /// Where the connection belongs, with its verify mode.
    pub here: Option<(u32, i32)>,
    /// Where it belongs is learned by this handshake.
    pub learns: bool,
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
const PLACE: u8 = 10;
const SUITES: u8 = 11;
const HELLO_AT: u8 = 12;
const OFFERED_WITH: u8 = 13;
const OVER: u8 = 14;

/// The length of a header.
pub const HEADER: usize = 16;

impl Header {
    /// As a message begins.
    pub fn encode(&self) -> [u8; HEADER] {
        let mut bytes = [0; HEADER];
        bytes[..4].copy_from_slice(&self.answer.to_le_bytes());
        bytes[4..8].copy_from_slice(&self.told.to_le_bytes());
        bytes[8..].copy_from_slice(&self.connection.to_le_bytes());
        bytes
    }
}

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

    /// They, as a message has them behind its header, after others perhaps.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// A message of them alone, with this header. It may hold secrets.
    pub fn message(&self, header: Header) -> Zeroizing<Vec<u8>> {
        Zeroizing::new([&header.encode()[..], &self.bytes].concat())
    }

    /// Forgets them, and what was secret in them.
    pub fn clear(&mut self) {
        self.bytes.as_mut_slice().zeroize();
        self.bytes.clear();
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
            Call::Place(number, place) => self.place(*number, place),
            Call::Suites(number, suites) => self.suites(*number, suites),
            Call::HelloAt(facts) => self.hello_at(facts),
            Call::OfferedWith(facts, suites, decoded) => self.add(OFFERED_WITH, &(facts, suites, decoded)),
            Call::Over(connection, outcome) => self.over(*connection, outcome),
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

    /// A place that has this number from now on.
    pub fn place(&mut self, number: u32, place: &Place) {
        self.add(PLACE, &(number, place));
    }

    /// Cipher suites that have this number from now on.
    pub fn suites(&mut self, number: u32, suites: &[u16]) {
        self.add(SUITES, &(number, suites));
    }

    /// `Handshakes::hello`, with places by their numbers.
    pub fn hello_at(&mut self, facts: &HelloAt) {
        self.add(HELLO_AT, facts);
    }

    /// `Handshakes::offered`, with the suites enabled by their number.
    pub fn offered_with(&mut self, facts: &OfferFacts<'_>, suites: u32, decoded: bool) {
        let able = Able { ciphers: Suites::default(), ..facts.able };
        let OfferFacts { id, version, switched, proof, .. } = *facts;
        self.add(OFFERED_WITH, &(OfferFacts { id, version, switched, able, proof }, suites, decoded));
    }

    /// `Handshakes::done` of this connection, of which nothing more comes.
    pub fn over(&mut self, connection: u64, outcome: &Outcome) {
        self.add(OVER, &(connection, outcome));
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
        self.bytes.push(kind);
        // Nothing that crosses fails to be written. If it did, this message would be lost, with what is before it.
        self.bytes = postcard::to_extend(call, std::mem::take(&mut self.bytes)).unwrap_or_default();
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
    let parts = || {
        let (answer, rest) = message.split_first_chunk::<4>()?;
        let (told, rest) = rest.split_first_chunk::<4>()?;
        let (connection, bytes) = rest.split_first_chunk::<8>()?;
        let [answer, told] = [answer, told].map(|number| u32::from_le_bytes(*number));
        Some((Header { answer, told, connection: u64::from_le_bytes(*connection) }, Reading { bytes }))
    };
    parts().ok_or(Garbled { expected: "a header" })
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
            PLACE => {
                let (number, place) = self.owned("a place")?;
                Call::Place(number, place)
            }
            SUITES => {
                let (number, suites) = self.owned("cipher suites")?;
                Call::Suites(number, suites)
            }
            HELLO_AT => Call::HelloAt(self.owned("a ClientHello")?),
            OFFERED_WITH => {
                let (facts, suites, decoded) = self.borrowed("an offer")?;
                Call::OfferedWith(facts, suites, decoded)
            }
            OVER => {
                let (connection, outcome) = self.owned("an outcome")?;
                Call::Over(connection, outcome)
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

#[cfg(test)]
mod tests {
    use reprise_openssl::facts::{ClientCertificate, Displaced, EarlyData, Here, LeftAlone, Offered, TLS13, Users};
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
            Call::Place(3, Place::clone(&place())),
            Call::Suites(4, vec![0x1301, 0xc02b]),
            Call::HelloAt(HelloAt {
                turn: Turn::Second,
                hello: Arc::new(Hello::default()),
                peer: None,
                hooked: 3,
                here: Some((3, 1)),
                learns: true,
            }),
            Call::OfferedWith(
                OfferFacts { id: &ID, version: TLS13, switched: false, able: Able::default(), proof: None },
                4,
                true,
            ),
            Call::Over(
                1 << 33,
                Outcome { version: 0x0303, resumed: true, sessions: 0, early_data: EarlyData::NotOffered },
            ),
        ]
    }

    #[test]
    fn what_is_written_is_read() {
        let mut calls = Calls::default();
        each().iter().for_each(|call| calls.call(call));
        let header = Header { answer: 7, told: 5, connection: 1 << 40 };
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
            let message = calls.message(Header { answer: 0, told: 0, connection: 0 }).to_vec();
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
        let message = calls.message(Header { answer: 7, told: 1, connection: 3 }).to_vec();
        assert_eq!((crate::VERSION, reprise_session::hex::hex(&openssl::sha::sha256(&message))), (1, BYTES.to_owned()));
    }

    const BYTES: &str = "2e3ee8cfd299a799e714fd7e4e3f119553d4d2507a72f3f6165763251b4de286";
}
