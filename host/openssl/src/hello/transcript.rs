//! What a PSK binder is over: the transcript of the handshake so far (RFC 8446 section 4.4.1), which is the
//! ClientHello, and after a HelloRetryRequest both of these before it. And the count of ClientHellos, by which a
//! handshake that goes on is told from one that begins.
//!
//! Bytes are kept until the ServerHello, and of the first ClientHello until the second is answered, which is held against it (see
//! `second`): nothing in them is secret.

use openssl::hash::hash;

use super::{
    Reader,
    binder::{self, Binders, Proof},
};

/// More is not kept, and what is offered in such a ClientHello is not taken out of the store. OpenSSL reads some 128
/// KiB; with a post-quantum key share and a session, a ClientHello has 2 KiB.
const MOST: usize = 16 << 10;

/// The random of a HelloRetryRequest (RFC 8446 section 4.1.3).
const RETRY: [u8; 32] = [
    0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91, 0xc2, 0xa2, 0x11,
    0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
];

/// A handshake message, its header included (RFC 8446 section 4).
#[derive(Clone, Copy)]
pub enum Message<'a> {
    /// One was read. Empty if it was in the format of SSL 2.
    ClientHello(&'a [u8]),
    /// One was sent.
    ServerHello(&'a [u8]),
}

/// Which of a handshake's ClientHellos one is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// It begins the handshake.
    First,
    /// It answers a HelloRetryRequest.
    Second,
}

/// The ClientHello read last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Its number among all of the connection, from 1.
    pub number: u32,
    /// Its place in its handshake.
    pub place: Place,
}

/// What was read and sent so far.
#[derive(Default)]
pub struct Transcript {
    last: Option<Seen>,
    /// A HelloRetryRequest was sent, and not answered.
    retries: bool,
    /// Up to the ClientHello read last. Empty if that is not kept.
    bytes: Vec<u8>,
    /// Whether a PSK is offered, and so there are binders over this.
    offers: bool,
    /// The ClientHello that was answered by a HelloRetryRequest, if it is kept.
    first: Vec<u8>,
    /// Where that ClientHello begins.
    hello_at: usize,
}

impl Transcript {
    /// The ClientHello read last; none if none was, or somebody else's message callback is called with them.
    pub fn last(&self) -> Option<Seen> {
        self.last
    }

    /// The transcript up to the ClientHello read last, and where that begins; empty where it offers no PSK, and after
    /// the ServerHello.
    pub fn bytes(&self) -> (&[u8], usize) {
        if self.offers { (&self.bytes, self.hello_at) } else { (&[], 0) }
    }

    /// Both ClientHellos of a handshake over a HelloRetryRequest, until the second is answered; none where one is not kept.
    pub fn hellos(&self) -> Option<(&[u8], &[u8])> {
        let answers = self.last.is_some_and(|last| last.place == Place::Second);
        (answers && !self.first.is_empty() && !self.bytes.is_empty())
            .then(|| (self.first.as_slice(), &self.bytes[self.hello_at..]))
    }

    /// What the ClientHello read last proves. None where it cannot be told: it was not kept, or there is no binder.
    pub fn proof(&self) -> Option<Proof<'_>> {
        if !self.offers {
            return None;
        }
        let Binders { list, truncated } = Binders::read(self.bytes.get(self.hello_at..)?)?;
        Some(Proof { transcript: &self.bytes[..self.hello_at + truncated], binders: list })
    }

    /// A message was read or sent.
    pub fn add(&mut self, message: Message<'_>) {
        match message {
            Message::ClientHello(hello) => self.client_hello(hello),
            Message::ServerHello(hello) => match self.last {
                Some(Seen { place: Place::First, .. }) if !self.retries && is_retry_request(hello) => {
                    self.retry_request(hello);
                }
                _ => self.begin(),
            },
        }
    }

    /// A handshake begins, whatever became of the one before.
    pub fn begin(&mut self) {
        self.retries = false;
        self.forget();
        self.first = Vec::new();
    }

    fn forget(&mut self) {
        self.bytes = Vec::new();
        self.hello_at = 0;
    }

    fn client_hello(&mut self, hello: &[u8]) {
        let number = self.last.map_or(0, |last| last.number).wrapping_add(1);
        let second = std::mem::take(&mut self.retries);
        self.last = Some(Seen { number, place: if second { Place::Second } else { Place::First } });
        if !second {
            self.bytes.clear();
            self.first = Vec::new();
        }
        // A second one may offer nothing that the first did not.
        self.offers = (!second || self.offers) && binder::Binders::read(hello).is_some();
        // What is before it was kept, or is nothing.
        let known = !second || !self.bytes.is_empty();
        self.hello_at = self.bytes.len();
        if known && self.hello_at + hello.len() <= MOST {
            self.bytes.extend_from_slice(hello);
        } else {
            self.forget();
        }
    }

    /// The first ClientHello is represented by its hash from now on.
    fn retry_request(&mut self, hello: &[u8]) {
        self.retries = true;
        if self.bytes.is_empty() {
            return;
        }
        self.first = std::mem::take(&mut self.bytes);
        let digest = cipher_suite(hello).and_then(binder::digest);
        let Some(hashed) = digest.and_then(|digest| hash(digest, &self.first).ok()) else { return };
        self.bytes.extend_from_slice(&message_hash(&hashed));
        self.bytes.extend_from_slice(&hashed);
        self.bytes.extend_from_slice(hello);
    }
}

/// The header of a message that stands for a ClientHello (RFC 8446 section 4.4.1).
fn message_hash(hash: &[u8]) -> [u8; 4] {
    const MESSAGE_HASH: u8 = 254;
    [MESSAGE_HASH, 0, 0, hash.len() as u8]
}

/// The fields of a ServerHello from its random on.
fn from_random(hello: &[u8]) -> &[u8] {
    const HEADER_AND_VERSION: usize = 4 + 2;
    hello.get(HEADER_AND_VERSION..).unwrap_or_default()
}

/// Whether a message in the form of a ServerHello is a HelloRetryRequest.
pub fn is_retry_request(hello: &[u8]) -> bool {
    from_random(hello).starts_with(&RETRY)
}

/// The cipher suite of a ServerHello.
fn cipher_suite(hello: &[u8]) -> Option<u16> {
    let mut fields = Reader(from_random(hello).get(RETRY.len()..)?);
    fields.vector8()?;
    fields.number()
}

#[cfg(test)]
mod tests {
    use openssl::{hash::MessageDigest, sha::sha256};

    use super::*;

    /// A ClientHello with this many bytes of padding, which offers a PSK or none.
    fn client_hello(padding: usize, psk: bool) -> Vec<u8> {
        let vector16 = |content: &[u8]| [&(content.len() as u16).to_be_bytes()[..], content].concat();
        let binders = [&[0, 7, 0, 1, 9, 0, 0, 0, 0, 0, 33, 32][..], &[5; 32]].concat();
        let mut extensions = [&[0, 21][..], &vector16(&vec![0; padding])].concat();
        if psk {
            extensions.extend([&[0, 41][..], &vector16(&binders)].concat());
        }
        let body = [&[3, 3][..], &[7; 32], &[0, 0, 2, 0x13, 1, 1, 0], &vector16(&extensions)].concat();
        [&[1, 0][..], &vector16(&body)].concat()
    }

    /// A ServerHello of this cipher suite.
    fn server_hello(random: [u8; 32], cipher_suite: u16) -> Vec<u8> {
        [&[2, 0, 0, 42, 3, 3][..], &random, &[1, 7], &cipher_suite.to_be_bytes(), &[0, 0, 0]].concat()
    }

    fn of(messages: &[Message<'_>]) -> Transcript {
        let mut transcript = Transcript::default();
        messages.iter().for_each(|message| transcript.add(*message));
        transcript
    }

    #[test]
    fn after_a_retry_request_the_first_hello_is_its_hash() {
        let (first, second) = (client_hello(9, true), client_hello(3, true));
        for (suite, digest) in [(0x1301, MessageDigest::sha256()), (0x1302, MessageDigest::sha384())] {
            let retry = server_hello(RETRY, suite);
            let transcript =
                of(&[Message::ClientHello(&first), Message::ServerHello(&retry), Message::ClientHello(&second)]);
            let hashed = hash(digest, &first).unwrap();
            let before = [&[254, 0, 0, hashed.len() as u8][..], &hashed, &retry].concat();
            assert_eq!(transcript.bytes(), ([before.as_slice(), &second].concat().as_slice(), before.len()));
            assert_eq!(transcript.last(), Some(Seen { number: 2, place: Place::Second }));
        }
    }

    #[test]
    fn bytes_are_kept_of_a_psk_until_it_is_answered() {
        let (with, without) = (client_hello(9, true), client_hello(9, false));
        let server_hello = server_hello([1; 32], 0x1301);
        assert_eq!(of(&[Message::ClientHello(&with)]).bytes(), (with.as_slice(), 0));
        assert_eq!(of(&[Message::ClientHello(&without)]).bytes().0, b"");
        let answered = of(&[Message::ClientHello(&with), Message::ServerHello(&server_hello)]);
        assert_eq!((answered.bytes().0, answered.bytes.capacity()), (&b""[..], 0));
    }

    #[test]
    fn a_second_hello_after_an_unknown_one_is_not_kept() {
        let (with, without) = (client_hello(9, true), client_hello(9, false));
        // An unknown cipher suite has no hash.
        for (first, suite) in [(&without, 0x1301), (&with, 0xc02f)] {
            let retry = server_hello(RETRY, suite);
            let transcript =
                of(&[Message::ClientHello(first), Message::ServerHello(&retry), Message::ClientHello(&with)]);
            assert_eq!(transcript.bytes().0, b"");
            assert_eq!(transcript.last(), Some(Seen { number: 2, place: Place::Second }));
        }
    }

    #[test]
    fn both_hellos_are_kept_until_the_second_is_answered() {
        let retry = server_hello(RETRY, 0x1301);
        for psk in [true, false] {
            let (first, second) = (client_hello(9, psk), client_hello(3, psk));
            let mut transcript = of(&[Message::ClientHello(&first)]);
            assert_eq!(transcript.hellos(), None);
            transcript.add(Message::ServerHello(&retry));
            assert_eq!(transcript.hellos(), None);
            transcript.add(Message::ClientHello(&second));
            assert_eq!(transcript.hellos(), Some((first.as_slice(), second.as_slice())));
            transcript.add(Message::ServerHello(&server_hello([1; 32], 0x1301)));
            assert_eq!((transcript.hellos(), transcript.first.capacity()), (None, 0));
        }
    }

    #[test]
    fn no_more_is_kept_than_a_bound() {
        let most = client_hello(MOST - client_hello(0, true).len(), true);
        assert_eq!(of(&[Message::ClientHello(&most)]).bytes().0.len(), MOST);
        let more = client_hello(most.len(), true);
        assert_eq!(of(&[Message::ClientHello(&more)]).bytes().0, b"");
        let retry = server_hello(RETRY, 0x1301);
        let both = of(&[Message::ClientHello(&most), Message::ServerHello(&retry), Message::ClientHello(&most)]);
        assert_eq!((both.bytes(), both.hellos()), ((&b""[..], 0), None));
    }

    #[test]
    fn a_handshake_that_begins_has_a_first_hello() {
        let (hello, answer) = (client_hello(9, true), server_hello([1; 32], 0x1301));
        let retry = server_hello(RETRY, 0x1301);
        let mut transcript = of(&[Message::ClientHello(&hello), Message::ServerHello(&answer)]);
        transcript.add(Message::ClientHello(&hello));
        assert_eq!(transcript.last(), Some(Seen { number: 2, place: Place::First }));
        // Cut off in the middle.
        transcript.add(Message::ServerHello(&retry));
        transcript.begin();
        transcript.add(Message::ClientHello(&hello));
        assert_eq!(transcript.last(), Some(Seen { number: 3, place: Place::First }));
        assert_eq!(transcript.bytes(), (hello.as_slice(), 0));
    }

    #[test]
    fn a_message_hash_stands_for_a_hello() {
        let hashed = sha256(b"hello");
        assert_eq!(message_hash(&hashed), [0xfe, 0, 0, 0x20]);
    }
}
