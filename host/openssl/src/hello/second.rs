//! The ClientHello with which a client answers a HelloRetryRequest. It must be the first one but for what RFC 8446 section 4.1.2 lists,
//! and OpenSSL compares neither. What was judged by the first would otherwise be handed out under the second: a session, or a
//! policy's consent, of another server name.
//!
//! Compared are facts, not bytes, and those facts only that somebody decides by: the host, its policies, or a client-hello callback.
//! Go's TLS server compares all of these and more, so that no client in use changes one.

use super::{
    Hello, Reader,
    extension::{ENCRYPTED_CLIENT_HELLO, PRE_SHARED_KEY, SERVER_NAME},
    server_name,
};

/// Extensions whose lists stay as they are.
const LISTS: [(u16, List, &str); 6] = [
    (10, List::Pairs { length: 2 }, "supported_groups"),
    (13, List::Pairs { length: 2 }, "signature_algorithms"),
    (16, List::Names, "the ALPN protocols"),
    (43, List::Pairs { length: 1 }, "supported_versions"),
    (45, List::Bytes, "psk_key_exchange_modes"),
    (50, List::Pairs { length: 2 }, "signature_algorithms_cert"),
];

/// The first fact in which `second` is another than `first` and must not be; none if there is none. Both are handshake messages, from
/// their type on.
///
/// `ours` tells a session id of this host's. In an outer ClientHello (RFC 9849) other identities are random bytes, made anew for
/// each.
pub fn changed(first: &[u8], second: &[u8], ours: impl Fn(&[u8]) -> bool) -> Option<&'static str> {
    let (Some(first), Some(second)) = (ClientHello::read(first), ClientHello::read(second)) else {
        return Some("its structure");
    };
    let name = |hello: &ClientHello<'_>| hello.extension(SERVER_NAME).and_then(server_name);
    let facts = [
        ("legacy_version", first.version == second.version),
        ("the random", first.random == second.random),
        ("legacy_session_id", first.session_id == second.session_id),
        ("the cipher suites", List::same_pairs(first.ciphers, second.ciphers)),
        ("legacy_compression_methods", first.compression == second.compression),
        ("the server name", name(&first) == name(&second)),
        ("the PSK identities", narrows(&first, &second, ours)),
    ];
    let lists = LISTS.iter().map(|(kind, list, fact)| {
        let same = match (first.extension(*kind), second.extension(*kind)) {
            (Some(first), Some(second)) => list.same(first, second),
            (first, second) => first == second,
        };
        (*fact, same)
    });
    facts.into_iter().chain(lists).find_map(|(fact, same)| (!same).then_some(fact))
}

/// The same of what the host knows of each, its random and its facts, where the messages are not there.
pub fn changed_facts(first: (&[u8; 32], &Hello), second: (&[u8; 32], &Hello)) -> Option<&'static str> {
    let ((first_random, first), (second_random, second)) = (first, second);
    let facts = [
        ("the random", first_random == second_random),
        ("the cipher suites", List::same_pairs(&first.ciphers, &second.ciphers)),
        ("the server name", first.server_name == second.server_name),
    ];
    facts.into_iter().find_map(|(fact, same)| (!same).then_some(fact))
}

/// Whether a number is one that clients make up (RFC 8701): 0x0a0a, 0x1a1a and so on.
pub fn is_grease(pair: &[u8]) -> bool {
    matches!(pair, &[high, low] if high == low && low & 0x0f == 0x0a)
}

/// Whether the identities of the second are some of the first's, in their order.
fn narrows(first: &ClientHello<'_>, second: &ClientHello<'_>, ours: impl Fn(&[u8]) -> bool) -> bool {
    let outer = [first, second].iter().all(|hello| hello.extension(ENCRYPTED_CLIENT_HELLO).is_some());
    let mut offered = first.identities();
    second
        .identities()
        .filter(|identity| !outer || ours(identity))
        .all(|identity| offered.any(|before| before == identity))
}

/// A ClientHello's parts (RFC 8446 section 4.1.2).
struct ClientHello<'a> {
    version: &'a [u8],
    random: &'a [u8],
    session_id: &'a [u8],
    ciphers: &'a [u8],
    compression: &'a [u8],
    extensions: &'a [u8],
}

impl<'a> ClientHello<'a> {
    fn read(message: &'a [u8]) -> Option<Self> {
        const TYPE_AND_LENGTH: usize = 4;
        let mut message = Reader(message.get(TYPE_AND_LENGTH..)?);
        Some(Self {
            version: message.take(2)?,
            random: message.take(32)?,
            session_id: message.vector8()?,
            ciphers: message.vector16()?,
            compression: message.vector8()?,
            extensions: message.vector16()?,
        })
    }

    fn identities(&self) -> Identities<'a> {
        Identities(Reader(Reader(self.extension(PRE_SHARED_KEY).unwrap_or_default()).vector16().unwrap_or_default()))
    }

    /// The content of an extension. Of those looked for here, OpenSSL lets none occur twice.
    fn extension(&self, kind: u16) -> Option<&'a [u8]> {
        let mut extensions = Reader(self.extensions);
        loop {
            let found = extensions.take(2)?;
            let content = extensions.vector16()?;
            if found == kind.to_be_bytes() {
                return Some(content);
            }
        }
    }
}

/// The identities of a `pre_shared_key` extension.
struct Identities<'a>(Reader<'a>);

impl<'a> Iterator for Identities<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        const TICKET_AGE: usize = 4;
        let identity = self.0.vector16()?;
        self.0.take(TICKET_AGE)?;
        Some(identity)
    }
}

/// How an extension's content is a list.
#[derive(Clone, Copy)]
enum List {
    /// Numbers of two bytes, behind a length of one byte or two.
    Pairs { length: usize },
    /// Numbers of one byte, behind a length of one.
    Bytes,
    /// Names behind a length of one byte each, all behind one of two (RFC 7301).
    Names,
}

impl List {
    /// Whether two contents are the same list, but for made-up values.
    fn same(self, first: &[u8], second: &[u8]) -> bool {
        if first == second {
            return true;
        }
        match self {
            List::Pairs { length } => match (first.get(length..), second.get(length..)) {
                (Some(first), Some(second)) => Self::same_pairs(first, second),
                _ => false,
            },
            List::Bytes => {
                let modes =
                    |list: &'_ [u8]| list.iter().skip(1).copied().filter(|mode| !is_grease_mode(*mode)).collect();
                let (first, second): (Vec<u8>, Vec<u8>) = (modes(first), modes(second));
                first == second
            }
            List::Names => Self::names(first) == Self::names(second),
        }
    }

    fn same_pairs(first: &[u8], second: &[u8]) -> bool {
        fn real(list: &[u8]) -> impl Iterator<Item = &[u8]> {
            list.chunks(2).filter(|pair| !is_grease(pair))
        }
        real(first).eq(real(second))
    }

    fn names(list: &[u8]) -> Vec<&[u8]> {
        let mut list = Reader(Reader(list).vector16().unwrap_or_default());
        std::iter::from_fn(|| list.vector8()).filter(|name| !is_grease(name)).collect()
    }
}

/// Whether a PSK key exchange mode is made up (RFC 8701 section 2).
fn is_grease_mode(mode: u8) -> bool {
    mode % 31 == 11
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hello::tests::{psk, sni};

    /// Extensions by their numbers.
    type Extensions = Vec<(u16, Vec<u8>)>;

    /// A hello before it is written.
    #[derive(Clone)]
    struct Draft {
        version: [u8; 2],
        random: [u8; 32],
        session_id: Vec<u8>,
        ciphers: Vec<u8>,
        compression: Vec<u8>,
        extensions: Extensions,
    }

    const OURS: &[u8] = b"a session of ours";

    /// As browsers send it, with GREASE (0x?a?a) in every list.
    fn first() -> Draft {
        Draft {
            version: [3, 3],
            random: [7; 32],
            session_id: vec![5; 32],
            ciphers: vec![0x3a, 0x3a, 0x13, 1, 0x13, 2],
            compression: vec![0],
            extensions: vec![
                (0x1a1a, vec![]),
                (0, sni(b"a.example")),
                (10, vec![0, 6, 0x4a, 0x4a, 0, 0x1d, 0, 0x17]),
                (13, vec![0, 4, 4, 3, 8, 4]),
                (16, b"\0\x0f\x02\x8a\x8a\x02h2\x08http/1.1"[..].to_vec()),
                (21, vec![0; 9]),
                (42, vec![]),
                (43, vec![6, 0x6a, 0x6a, 3, 4, 3, 3]),
                (45, vec![2, 0x0b, 1]),
                (50, vec![0, 2, 4, 3]),
                (51, vec![0, 5, 0, 0x1d, 0, 1, 9]),
                (0x2a2a, vec![0]),
                (41, psk(&[OURS, b"of another", b"a third"])),
            ],
        }
    }

    impl Draft {
        fn with(mut self, kind: u16, content: &[u8]) -> Self {
            match self.extensions.iter_mut().find(|(found, _)| *found == kind) {
                Some((_, there)) => *there = content.to_vec(),
                None => self.extensions.push((kind, content.to_vec())),
            }
            self
        }

        fn without(mut self, kind: u16) -> Self {
            self.extensions.retain(|(found, _)| *found != kind);
            self
        }

        fn write(&self) -> Vec<u8> {
            let vector16 = |content: &[u8]| [&(content.len() as u16).to_be_bytes()[..], content].concat();
            let vector8 = |content: &[u8]| [&[content.len() as u8][..], content].concat();
            let extensions: Vec<u8> = self
                .extensions
                .iter()
                .flat_map(|(kind, content)| [&kind.to_be_bytes()[..], &vector16(content)].concat())
                .collect();
            let body = [
                &self.version[..],
                &self.random,
                &vector8(&self.session_id),
                &vector16(&self.ciphers),
                &vector8(&self.compression),
                &vector16(&extensions),
            ]
            .concat();
            [&[1, 0][..], &vector16(&body)].concat()
        }
    }

    fn between(first: &Draft, second: &Draft) -> Option<&'static str> {
        changed(&first.write(), &second.write(), |identity| identity == OURS)
    }

    #[test]
    fn each_pinned_fact_is_held_to() {
        let hello = first();
        let alpn = |names: &[u8]| hello.clone().with(16, &[&[0, names.len() as u8][..], names].concat());
        for (fact, second) in [
            ("legacy_version", Draft { version: [3, 1], ..hello.clone() }),
            ("the random", Draft { random: [8; 32], ..hello.clone() }),
            ("legacy_session_id", Draft { session_id: vec![6; 32], ..hello.clone() }),
            ("legacy_session_id", Draft { session_id: vec![5; 31], ..hello.clone() }),
            ("legacy_session_id", Draft { session_id: vec![], ..hello.clone() }),
            ("the cipher suites", Draft { ciphers: vec![0x13, 1], ..hello.clone() }),
            ("the cipher suites", Draft { ciphers: vec![0x13, 2, 0x13, 1], ..hello.clone() }),
            ("the cipher suites", Draft { ciphers: vec![0x13, 1, 0x13, 2, 0x13, 3], ..hello.clone() }),
            ("legacy_compression_methods", Draft { compression: vec![0, 1], ..hello.clone() }),
            ("the server name", hello.clone().with(0, &sni(b"b.example"))),
            ("the server name", hello.clone().with(0, &sni(b"a.exampl"))),
            ("the server name", hello.clone().without(0)),
            ("the ALPN protocols", alpn(b"\x02h2")),
            ("the ALPN protocols", alpn(b"\x08http/1.1\x02h2")),
            ("the ALPN protocols", alpn(b"\x02h2\x08http/1.1\x02h3")),
            ("the ALPN protocols", hello.clone().without(16)),
            ("the PSK identities", hello.clone().with(41, &psk(&[OURS, b"one more"]))),
            ("the PSK identities", hello.clone().with(41, &psk(&[b"of another", OURS]))),
            ("the PSK identities", hello.clone().with(41, &psk(&[OURS, OURS]))),
            ("supported_groups", hello.clone().with(10, &[0, 2, 0, 0x17])),
            ("supported_groups", hello.clone().without(10)),
            ("signature_algorithms", hello.clone().with(13, &[0, 2, 8, 4])),
            ("signature_algorithms_cert", hello.clone().without(50)),
            ("supported_versions", hello.clone().with(43, &[2, 3, 4])),
            ("psk_key_exchange_modes", hello.clone().with(45, &[1, 0])),
            ("psk_key_exchange_modes", hello.clone().with(45, &[2, 0, 1])),
        ] {
            assert_eq!(between(&hello, &second), Some(fact), "{:02x?}", second.write());
        }
        // What is not there in the first is not there in the second.
        for (kind, fact) in [(0, "the server name"), (16, "the ALPN protocols"), (41, "the PSK identities")] {
            assert_eq!(between(&hello.clone().without(kind), &hello), Some(fact));
        }
    }

    #[test]
    fn what_a_retry_may_change_may_change() {
        let hello = first();
        let greased = Draft { ciphers: vec![0x13, 1, 0x13, 2, 0xca, 0xca], ..hello.clone() }
            .with(10, &[0, 4, 0, 0x1d, 0, 0x17])
            .with(16, b"\0\x0c\x02h2\x08http/1.1")
            .with(43, &[6, 3, 4, 0xfa, 0xfa, 3, 3])
            .with(45, &[2, 1, 0xe4])
            .without(0x1a1a)
            .with(0xbaba, b"!");
        let mut shuffled = hello.clone();
        shuffled.extensions.reverse();
        for second in [
            hello.clone(),
            greased,
            shuffled,
            hello.clone().with(51, &[0, 5, 0, 0x17, 0, 1, 9]),
            hello.clone().with(44, b"\0\x06cookie"),
            hello.clone().with(21, &[0; 80]),
            hello.clone().without(21),
            hello.clone().without(42),
            hello.clone().with(ENCRYPTED_CLIENT_HELLO, b"sealed"),
            hello.clone().with(0, &sni(b"A.Example")),
            hello.clone().with(41, &[&psk(&[OURS, b"of another", b"a third"])[..], b"other binders"].concat()),
            hello.clone().with(41, &psk(&[OURS])),
            hello.clone().with(41, &psk(&[b"a third"])),
            hello.clone().without(41),
            hello.clone().with(0x4321, b"something to come"),
        ] {
            assert_eq!(between(&hello, &second), None, "{:02x?}", second.write());
        }
    }

    /// RFC 9849 section 6.1.2: who offers a session inside offers random bytes outside.
    #[test]
    fn an_outer_hello_may_make_up_identities_anew() {
        let hello = first().with(ENCRYPTED_CLIENT_HELLO, b"sealed").with(41, &psk(&[b"random"]));
        let again = hello.clone().with(ENCRYPTED_CLIENT_HELLO, b"again").with(41, &psk(&[b"others"]));
        assert_eq!(between(&hello, &again), None);
        assert_eq!(between(&hello, &again.with(41, &psk(&[OURS]))), Some("the PSK identities"));
    }

    #[test]
    fn what_is_cut_off_is_another_hello() {
        let hello = first().write();
        for length in 0..hello.len() {
            let cut = &hello[..length];
            for (first, second) in [(cut, &hello[..]), (&hello, cut)] {
                assert_eq!(changed(first, second, |_| false), Some("its structure"), "{length}");
            }
        }
    }

    #[test]
    fn made_up_values_are_those_of_rfc_8701() {
        let pairs = (0..=u16::MAX).filter(|number| is_grease(&number.to_be_bytes()));
        assert_eq!(pairs.collect::<Vec<_>>(), (0..16).map(|n| 0x0a0a + n * 0x1010).collect::<Vec<_>>());
        let modes: Vec<u8> = (0..=255).filter(|mode| is_grease_mode(*mode)).collect();
        assert_eq!(modes, [0x0b, 0x2a, 0x49, 0x68, 0x87, 0xa6, 0xc5, 0xe4]);
        assert!(!is_grease(b"\x1a") && !is_grease(b"\x0a\x1a"));
    }
}
