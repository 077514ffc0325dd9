//! Networks: which peers belong together.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use crate::settings::Setting;

/// An IP network: an address whose bits beyond the prefix are zero. Written `192.0.2.0/24`; without a prefix length, one
/// address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Network {
    address: IpAddr,
    prefix: u8,
}

impl Network {
    /// The network of `prefix` bits that `address` belongs to; `None` if the address has fewer bits than that. An IPv4-mapped
    /// IPv6 address counts as the IPv4 address.
    pub fn of(address: IpAddr, prefix: u8) -> Option<Self> {
        let address = match canonical(address) {
            IpAddr::V4(v4) if prefix <= 32 => {
                let mask = u32::MAX.checked_shl(32 - u32::from(prefix)).unwrap_or(0);
                IpAddr::V4(Ipv4Addr::from_bits(v4.to_bits() & mask))
            }
            IpAddr::V6(v6) if prefix <= 128 => {
                let mask = u128::MAX.checked_shl(128 - u32::from(prefix)).unwrap_or(0);
                IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & mask))
            }
            _ => return None,
        };
        Some(Self { address, prefix })
    }

    /// How many leading bits its addresses share.
    pub fn prefix(&self) -> u8 {
        self.prefix
    }

    /// Whether `address` belongs to it.
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = canonical(address);
        address.is_ipv4() == self.address.is_ipv4()
            && Network::of(address, self.prefix).is_some_and(|other| other == *self)
    }

    /// The prefix length and the address in network order: 5 bytes for IPv4, 17 for IPv6. For a session's note.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = vec![self.prefix];
        match self.address {
            IpAddr::V4(v4) => bytes.extend(v4.octets()),
            IpAddr::V6(v6) => bytes.extend(v6.octets()),
        }
        bytes
    }

    /// `None` for what [`to_bytes`](Self::to_bytes) did not write.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (prefix, address) = bytes.split_first()?;
        let address = match address.len() {
            4 => IpAddr::from(<[u8; 4]>::try_from(address).ok()?),
            _ => IpAddr::from(<[u8; 16]>::try_from(address).ok()?),
        };
        Network::of(address, *prefix).filter(|network| network.address == address)
    }
}

impl Setting for Network {
    const EXPECTED: &'static str = "a network such as 192.0.2.0/24 or 2001:db8::/32, or an IP address";

    /// Bits beyond the prefix must be zero: `192.0.2.1/24` is more likely a slip than meant.
    fn parse(text: &str) -> Option<Self> {
        let Some((address, prefix)) = text.split_once('/') else {
            let address = text.parse::<IpAddr>().ok()?;
            return Network::of(address, if canonical(address).is_ipv4() { 32 } else { 128 });
        };
        let address: IpAddr = address.parse().ok()?;
        Network::of(address, prefix.parse().ok()?).filter(|network| network.address == address)
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

/// An IPv4-mapped IPv6 address as IPv4; any other as it is.
pub(crate) fn canonical(address: IpAddr) -> IpAddr {
    address.to_canonical()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(text: &str) -> Network {
        Network::parse(text).unwrap()
    }

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn addresses_belong_together_that_share_the_prefix() {
        assert_eq!(Network::of(address("192.0.2.99"), 24), Some(network("192.0.2.0/24")));
        assert_eq!(Network::of(address("2001:db8:0:12ff::1"), 56), Some(network("2001:db8:0:1200::/56")));
        assert!(network("192.0.2.0/24").contains(address("192.0.2.255")));
        assert!(!network("192.0.2.0/24").contains(address("192.0.3.0")));
    }

    #[test]
    fn the_widest_and_the_narrowest_prefix_work() {
        assert!(network("0.0.0.0/0").contains(address("255.255.255.255")));
        assert!(network("::/0").contains(address("ffff::")));
        assert_eq!(network("192.0.2.1"), network("192.0.2.1/32"));
        assert_eq!(network("2001:db8::1"), network("2001:db8::1/128"));
        assert!(!network("192.0.2.1").contains(address("192.0.2.0")));
    }

    #[test]
    fn an_ipv4_mapped_address_is_ipv4() {
        assert!(network("192.0.2.0/24").contains(address("::ffff:192.0.2.7")));
        assert!(!network("::/0").contains(address("::ffff:192.0.2.7")));
    }

    #[test]
    fn what_is_not_a_network_is_refused() {
        for wrong in ["", "a", "192.0.2.0/33", "::/129", "192.0.2.1/24", "192.0.2.0/", "192.0.2.0/-1", "192.0.2.0/24/1"]
        {
            assert_eq!(Network::parse(wrong), None, "{wrong}");
        }
        assert_eq!(Network::of(address("192.0.2.1"), 33), None);
    }

    #[test]
    fn a_network_is_read_back_from_its_bytes_and_from_nothing_else() {
        for text in ["192.0.2.0/24", "0.0.0.0/0", "2001:db8::/32", "::/0"] {
            assert_eq!(Network::from_bytes(&network(text).to_bytes()), Some(network(text)));
        }
        for wrong in [&[][..], &[24], &[24, 192, 0, 2], &[24, 192, 0, 2, 1], &[33, 192, 0, 2, 0], &[0; 18]] {
            assert_eq!(Network::from_bytes(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn a_network_is_shown_as_it_is_written() {
        for text in ["192.0.2.0/24", "2001:db8::/32"] {
            assert_eq!(network(text).to_string(), text);
        }
    }
}
