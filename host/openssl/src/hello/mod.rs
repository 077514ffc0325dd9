//! A ClientHello's bytes (RFC 8446 section 4.1.2), before OpenSSL has parsed its extensions. No connection is needed here.
//!
//! - [`Hello`]: the facts in it
//! - [`transcript`]: the ClientHellos counted, and as they were sent; [`binder`]: whether who offers a session is its owner
//! - [`second`]: what a client may not change when it is asked to try again
//!
//! The bytes are a stranger's. What is malformed is read as absent: OpenSSL, which parses them again, ends the handshake
//! where it must.

pub mod binder;
mod ciphers;
pub mod second;
pub mod transcript;

use reprise_session::session::{ID_LENGTH, ServerName, SessionId};
use serde::{Deserialize, Serialize};

pub use self::{binder::Proof, ciphers::Ciphers};

/// At most this many PSK identities are looked at; more are not looked up.
pub const IDENTITIES: usize = 2;

/// Numbers of extensions (IANA's "TLS ExtensionType Values").
pub mod extension {
    /// RFC 6066 section 3
    pub const SERVER_NAME: u16 = 0;
    /// RFC 7627
    pub const EXTENDED_MASTER_SECRET: u16 = 23;
    /// RFC 5077
    pub const SESSION_TICKET: u16 = 35;
    /// RFC 8446 section 4.2.11
    pub const PRE_SHARED_KEY: u16 = 41;
    /// RFC 8446 section 4.2.10
    pub const EARLY_DATA: u16 = 42;
    /// RFC 8446 section 4.2.1
    pub const SUPPORTED_VERSIONS: u16 = 43;
    /// RFC 8446 section 4.2.9
    pub const PSK_KEY_EXCHANGE_MODES: u16 = 45;
    /// RFC 9849
    pub const ENCRYPTED_CLIENT_HELLO: u16 = 0xfe0d;
}

/// What a ClientHello says that sessions depend on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// SNI, in the spelling of [`ServerName::of_client`].
    pub server_name: Option<String>,
    /// The `legacy_session_id`, if it is as long as a session's: one that is offered in TLS 1.2, or random bytes.
    pub session_id: Option<SessionId>,
    /// Whether that is no session of any server like this one, as far as can be told (`made_up`).
    pub made_up_session_id: bool,
    /// Whether a ticket is offered as TLS 1.2 has them (RFC 5077), which no server like this one makes.
    pub ticket: bool,
    /// The first PSK identities: sessions offered in TLS 1.3.
    pub identities: Vec<Vec<u8>>,
    /// Whether there are more identities than these.
    pub more_identities: bool,
    /// Whether TLS 1.3 is among the `supported_versions`.
    pub supports_tls13: bool,
    /// Whether a session may be resumed with a key exchange beside it, `psk_dhe_ke`.
    pub psk_with_key_exchange: bool,
    /// Whether 0-RTT is asked for.
    pub early_data: bool,
    /// Whether an extended master secret is offered (RFC 7627).
    pub extended_master_secret: bool,
    /// The cipher suites offered, two bytes each.
    #[serde(with = "ciphers")]
    pub ciphers: Ciphers,
}

impl Hello {
    /// Whether the client offers this cipher suite.
    pub fn offers_cipher(&self, suite: u16) -> bool {
        self.ciphers.chunks_exact(2).any(|offered| offered == suite.to_be_bytes())
    }

    /// Whether a session is offered that this protocol version would look at, and that may be one of a server like this one: who
    /// made it is told by its keyed half alone, so that another fleet's cannot be told from ours.
    pub fn offers_session(&self, tls13: bool) -> bool {
        if tls13 {
            self.identities.iter().any(|identity| identity.len() == ID_LENGTH)
        } else {
            self.session_id.is_some() && !self.made_up_session_id
        }
    }
}

/// Whether a `legacy_session_id` is no session of any server like this one, as far as can be told: it has another length; or the
/// client sends one at each visit. Who knows `supported_versions` does, to look like a client of TLS 1.2 (RFC 8446 appendix D.4); who
/// offers a ticket does, to see whether it is taken (RFC 5077 section 3.4).
pub fn made_up<'a>(session_id: &[u8], versions: Option<&[u8]>, ticket: impl FnOnce() -> Option<&'a [u8]>) -> bool {
    session_id.len() != ID_LENGTH || versions.is_some() || ticket().is_some_and(|ticket| !ticket.is_empty())
}

/// The host name in a `server_name` extension (RFC 6066 section 3), in the spelling of [`ServerName::of_client`]. A name that is no
/// host's is not the same as none.
pub fn server_name(extension: &[u8]) -> Option<String> {
    const HOST_NAME: u8 = 0;
    let mut list = Reader(Reader(extension).vector16()?);
    let kind = list.byte()?;
    let name = list.vector16()?;
    (kind == HOST_NAME && !name.is_empty() && !name.contains(&0)).then(|| ServerName::of_client(name))
}

/// The first identities in a `pre_shared_key` extension (RFC 8446 section 4.2.11), and whether there are more.
pub fn psk_identities(extension: &[u8]) -> (Vec<Vec<u8>>, bool) {
    const TICKET_AGE: usize = 4;
    let mut identities = Vec::new();
    let mut list = Reader(Reader(extension).vector16().unwrap_or_default());
    while let Some(identity) = list.vector16() {
        if list.take(TICKET_AGE).is_none() {
            break;
        }
        if identities.len() == IDENTITIES {
            return (identities, true);
        }
        identities.push(identity.to_vec());
    }
    (identities, false)
}

/// Whether TLS 1.3 is in a `supported_versions` extension (RFC 8446 section 4.2.1).
pub fn supports_tls13(extension: &[u8]) -> bool {
    let versions = Reader(extension).vector8().unwrap_or_default();
    versions.chunks_exact(2).any(|version| version == [3, 4])
}

/// Whether `psk_dhe_ke` is in a `psk_key_exchange_modes` extension (RFC 8446 section 4.2.9).
pub fn psk_with_key_exchange(extension: &[u8]) -> bool {
    const PSK_DHE_KE: u8 = 1;
    Reader(extension).vector8().unwrap_or_default().contains(&PSK_DHE_KE)
}

/// Reads the presentation language of RFC 8446 section 3.
pub struct Reader<'a>(pub &'a [u8]);

impl<'a> Reader<'a> {
    /// The next bytes, as many as `length`.
    pub fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn byte(&mut self) -> Option<u8> {
        self.take(1).map(|byte| byte[0])
    }

    /// A vector whose length is given in one byte.
    pub fn vector8(&mut self) -> Option<&'a [u8]> {
        let length = self.byte()?;
        self.take(usize::from(length))
    }

    /// A number of two bytes.
    pub fn number(&mut self) -> Option<u16> {
        self.take(2).map(|number| u16::from_be_bytes([number[0], number[1]]))
    }

    /// A vector whose length is given in two bytes.
    pub fn vector16(&mut self) -> Option<&'a [u8]> {
        let length = self.number()?;
        self.take(usize::from(length))
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub fn sni(name: &[u8]) -> Vec<u8> {
        let length = name.len() as u16;
        [&(length + 3).to_be_bytes()[..], &[0], &length.to_be_bytes(), name].concat()
    }

    pub fn psk(identities: &[&[u8]]) -> Vec<u8> {
        let list: Vec<u8> = identities
            .iter()
            .flat_map(|identity| [&(identity.len() as u16).to_be_bytes()[..], identity, &[0; 4]].concat())
            .collect();
        [&(list.len() as u16).to_be_bytes()[..], &list, &[0, 0]].concat()
    }

    #[test]
    fn a_server_name_is_read_in_lower_case() {
        for sent in ["A.Example", "a.example."] {
            assert_eq!(server_name(&sni(sent.as_bytes())), Some("a.example".into()), "{sent}");
        }
    }

    #[test]
    fn a_malformed_server_name_is_no_server_name() {
        for bad in [&[][..], &[0], &sni(b""), &sni(b"a\0.example"), &sni(b"a.example")[..5]] {
            assert_eq!(server_name(bad), None, "{bad:?}");
        }
    }

    /// OpenSSL takes any bytes but zeros, so a border must tell them from none, and from one another.
    #[test]
    fn a_server_name_that_is_no_text_is_a_name_of_its_own() {
        assert_eq!(server_name(&sni(b"\xffA.example")), Some("\\xffa.example".into()));
        assert_ne!(server_name(&sni(b"\xff")), server_name(&sni(b"\xfe")));
    }

    #[test]
    fn the_first_two_identities_are_read_and_more_are_noticed() {
        assert_eq!(psk_identities(&psk(&[b"one"])), (vec![b"one".to_vec()], false));
        let (identities, more) = psk_identities(&psk(&[b"one", b"two", b"three"]));
        assert_eq!((identities.len(), more), (2, true));
    }

    #[test]
    fn tls_1_3_and_its_key_exchange_are_found_where_they_are_and_nowhere_else() {
        assert!(supports_tls13(&[4, 3, 3, 3, 4]) && !supports_tls13(&[2, 3, 3]));
        assert!(!supports_tls13(&[4, 0, 3, 4, 0]), "versions are pairs of bytes");
        assert!(psk_with_key_exchange(&[2, 0, 1]) && !psk_with_key_exchange(&[1, 0]));
        for malformed in [&[][..], &[2], &[9, 3, 4]] {
            assert!(!supports_tls13(malformed) && !psk_with_key_exchange(malformed));
        }
    }

    #[test]
    fn an_id_that_clients_make_up_is_told_from_a_session() {
        let (tls12, tls13): (&[u8], &[u8]) = (&[2, 3, 3], &[4, 3, 4, 3, 3]);
        // Of a client that offers sessions by their ids, with the empty ticket that says that it knows tickets, or without.
        for ticket in [None, Some(&b""[..])] {
            assert!(!made_up(&[7; 32], None, || ticket));
        }
        for (id, versions, ticket) in [
            (&[7; 32][..], Some(tls13), None),
            (&[7; 32], Some(tls13), Some(&b""[..])),
            // Go, told to offer nothing later than TLS 1.2.
            (&[7; 32], Some(tls12), Some(b"")),
            (&[7; 32], None, Some(b"a ticket")),
            (&[7; 16], None, None),
            (&[], None, None),
        ] {
            assert!(made_up(id, versions, || ticket), "{id:?} {versions:?} {ticket:?}");
        }
    }

    #[test]
    fn an_identity_of_another_length_is_no_session() {
        let offering = |identities: &[&[u8]]| Hello {
            identities: identities.iter().map(|identity| identity.to_vec()).collect(),
            ..Hello::default()
        };
        assert!(offering(&[&[7; 32]]).offers_session(true) && offering(&[&[7; 160], &[7; 32]]).offers_session(true));
        assert!(!offering(&[&[7; 160]]).offers_session(true) && !offering(&[]).offers_session(true));
    }

    #[test]
    fn truncated_extensions_are_read_as_far_as_they_go() {
        let whole = psk(&[b"one", b"two"]);
        for length in 0..whole.len() {
            let (identities, _) = psk_identities(&whole[..length]);
            assert!(identities.len() <= 2);
            server_name(&whole[..length]);
        }
    }
}
