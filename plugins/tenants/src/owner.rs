//! Whom a session belongs to, and how that is written into its note.

use reprise_sdk::{Connection, certificate::Fingerprint, network::Network};

/// What a session belongs to. Each part that is there has to be the same when the session is offered.
#[derive(Debug, PartialEq, Eq)]
pub struct Owner {
    /// The client certificate that was shown in the full handshake.
    pub certificate: Option<Fingerprint>,
    /// The network that the client was in.
    pub network: Option<Network>,
}

/// The first byte of a note; another one when the format changes, so that notes of before are refused rather than misread.
const FORMAT: u8 = 1;

impl Owner {
    /// The format, a byte that says whether a fingerprint's 32 bytes follow, and the network, if there is one.
    pub fn to_note(&self) -> Vec<u8> {
        let mut note = vec![FORMAT, u8::from(self.certificate.is_some())];
        note.extend(self.certificate.iter().flat_map(|fingerprint| fingerprint.as_bytes()));
        note.extend(self.network.iter().flat_map(Network::to_bytes));
        note
    }

    /// `None` for what [`to_note`](Self::to_note) did not write.
    pub fn from_note(note: &[u8]) -> Option<Self> {
        let (certificate, network) = match note {
            [FORMAT, 0, network @ ..] => (None, network),
            [FORMAT, 1, rest @ ..] => {
                let (fingerprint, network) = rest.split_at_checked(32)?;
                (Some(Fingerprint::from_bytes(fingerprint)?), network)
            }
            _ => return None,
        };
        let network = match network {
            [] => None,
            bytes => Some(Network::from_bytes(bytes)?),
        };
        Some(Self { certificate, network })
    }
}

/// How long the prefix is that peers of one network share; `None` does not bind sessions to networks.
#[derive(Clone, Copy, Debug, Default)]
pub struct NetworkPrefixes {
    pub ipv4: Option<u8>,
    pub ipv6: Option<u8>,
}

/// Sessions are bound to networks, but nobody said where the connection comes from.
#[derive(Debug)]
pub struct NoPeer;

impl NetworkPrefixes {
    /// The network that a session made or offered on `connection` is bound to.
    pub fn network_of(&self, connection: &Connection) -> Result<Option<Network>, NoPeer> {
        if self.ipv4.is_none() && self.ipv6.is_none() {
            return Ok(None);
        }
        let peer = connection.peer_address().ok_or(NoPeer)?;
        let prefix = if peer.is_ipv4() { self.ipv4 } else { self.ipv6 };
        Ok(prefix.and_then(|prefix| Network::of(peer, prefix)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use reprise_sdk::settings::Setting;

    #[test]
    fn an_owner_is_read_back_from_its_note() {
        let certificate = Fingerprint::from_bytes(&[7; 32]);
        let network = Network::parse("2001:db8::/32");
        for certificate in [None, certificate] {
            for network in [None, network] {
                let owner = Owner { certificate, network };
                assert_eq!(Owner::from_note(&owner.to_note()), Some(owner));
            }
        }
    }

    #[test]
    fn what_is_not_a_note_of_ours_is_refused() {
        for note in [
            &b""[..],
            b"\x01",
            b"\x02\x00",
            b"\x01\x02",
            b"\x01\x01short",
            b"\x01\x00\x18\xc0\x00\x02\x01",
            b"\x01\x00\xff",
        ] {
            assert_eq!(Owner::from_note(note), None, "{note:?}");
        }
    }
}
