//! Which connections a policy with a `share` is asked about.

use std::{
    hash::Hasher,
    net::{IpAddr, Ipv6Addr},
};

use siphasher::sip::SipHasher13;

use super::{manifest::WHOLE, wit::types::Connection};

/// The part of an IPv6 address that stays the same for one client: hosts change the rest as they please (RFC 8981).
const NETWORK: u128 = !0 << 64;

/// Whether a connection falls into the `share`, in percent, of the policy `name`.
///
/// It goes by the peer's address, of an IPv6 one by its first 64 bits: all callbacks of a
/// connection agree, and so do the connections of a client that stays where it is, here, after a
/// restart and on other nodes. A larger share contains every smaller one. The name is part of the
/// hash, so that two policies do not fall on the same clients. Where the peer is not known
/// ([`Host::attach`](crate::Host::attach)), it goes by the second in which the handshake began.
///
/// It is no border: it has no key, so a client that chooses its address can choose its side.
pub(super) fn contains(share: u8, name: &str, connection: &Connection) -> bool {
    if share >= WHOLE {
        return true;
    }
    let mut hash = SipHasher13::new();
    hash.write(name.as_bytes());
    hash.write_u8(0xff);
    match connection.peer.as_deref().map(str::parse) {
        Some(Ok(IpAddr::V4(address))) => hash.write(&address.octets()),
        Some(Ok(IpAddr::V6(address))) => hash.write(&Ipv6Addr::from_bits(address.to_bits() & NETWORK).octets()),
        _ => hash.write(&connection.now.to_be_bytes()),
    }
    hash.finish() % u64::from(WHOLE) < u64::from(share)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(peer: Option<&str>, now: u64) -> Connection {
        Connection {
            server_name: None,
            peer: peer.map(str::to_owned),
            listener: String::new(),
            now,
            early_data: false,
            attributes: Vec::new(),
        }
    }

    fn clients(share: u8, name: &str) -> Vec<u32> {
        let inside = |n: &u32| contains(share, name, &from(Some(&std::net::Ipv4Addr::from_bits(*n).to_string()), 0));
        (0..10_000).filter(inside).collect()
    }

    #[test]
    fn a_share_is_about_that_part_of_the_clients_and_grows_by_adding_some() {
        let (tenth, half) = (clients(10, "a"), clients(50, "a"));
        assert!((900..1_100).contains(&tenth.len()) && (4_800..5_200).contains(&half.len()), "{}", tenth.len());
        assert!(tenth.iter().all(|client| half.contains(client)));
        assert_eq!(clients(100, "a").len(), 10_000);
    }

    #[test]
    fn two_policies_with_shares_fall_on_different_clients() {
        let (a, b) = (clients(10, "a"), clients(10, "b"));
        let both = a.iter().filter(|client| b.contains(client)).count();
        assert!((50..150).contains(&both), "{both}");
    }

    #[test]
    fn a_client_stays_on_its_side_whenever_it_comes_and_whatever_it_makes_of_its_ipv6_network() {
        for network in 0..100 {
            let sides: Vec<_> = (0..20)
                .map(|host| contains(50, "a", &from(Some(&format!("2001:db8:0:{network:x}::{host:x}")), host)))
                .collect();
            assert!(sides.iter().all(|side| *side == sides[0]), "{network}");
        }
    }

    #[test]
    fn the_same_clients_are_inside_on_every_node_and_after_every_restart() {
        assert_eq!(clients(1, "a")[..3], [94, 315, 446]);
    }

    #[test]
    fn without_a_peer_the_share_is_one_of_time() {
        let inside = (0..10_000).filter(|now| contains(10, "a", &from(None, *now))).count();
        assert!((900..1_100).contains(&inside), "{inside}");
    }
}
