//! As much of a client's address as is kept: who has it may not have all of it for as long as it lies here.

use std::{
    fmt,
    hash::{BuildHasher, RandomState},
    net::IpAddr,
    str::FromStr,
};

use ipnet::IpNet;

use super::QueryError;

/// What is kept of clients' addresses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Clients {
    /// All of it.
    #[default]
    Whole,
    /// The network: 24 bits of an IPv4 address, 48 of an IPv6 one.
    Network,
    /// A hash with a key of this process: the same client is known again, and an address can be asked for.
    Hash,
}

impl Clients {
    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Whole => "whole",
            Self::Network => "network",
            Self::Hash => "hash",
        }
    }
}

impl FromStr for Clients {
    type Err = &'static str;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let found = [Self::Whole, Self::Network, Self::Hash].into_iter().find(|clients| clients.as_str() == name);
        found.ok_or("expected `whole`, `network` or `hash`")
    }
}

/// A client, as it is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Client {
    /// By its network, which may be that of one address.
    Network(IpNet),
    /// By a hash.
    Hash(u64),
}

impl fmt::Display for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Network(network) if network.prefix_len() == network.max_prefix_len() => network.addr().fmt(f),
            Self::Network(network) => network.fmt(f),
            Self::Hash(hash) => write!(f, "#{hash:016x}"),
        }
    }
}

/// What makes clients of addresses.
pub struct Keeper {
    clients: Clients,
    hash: RandomState,
}

impl Keeper {
    pub fn new(clients: Clients) -> Self {
        Self { clients, hash: RandomState::new() }
    }

    pub fn clients(&self) -> Clients {
        self.clients
    }

    /// What is kept of this address.
    pub fn keep(&self, address: IpAddr) -> Client {
        let address = address.to_canonical();
        match self.clients {
            Clients::Whole => Client::Network(address.into()),
            Clients::Network => {
                let bits = if address.is_ipv4() { 24 } else { 48 };
                Client::Network(IpNet::new(address, bits).map_or(address.into(), |network| network.trunc()))
            }
            Clients::Hash => Client::Hash(self.hash.hash_one(address)),
        }
    }

    /// What is kept of those who are asked for.
    ///
    /// # Errors
    /// It is a network, and hashes do not say which clients are in it.
    pub fn asked(&self, network: Option<IpNet>) -> Result<Option<Client>, QueryError> {
        let Some(network) = network else { return Ok(None) };
        match self.clients {
            Clients::Hash if network.prefix_len() < network.max_prefix_len() => Err(QueryError::Hashed),
            Clients::Hash => Ok(Some(self.keep(network.addr()))),
            _ => Ok(Some(Client::Network(network))),
        }
    }
}

impl Client {
    /// Whether this may be one that is asked for: of a network that is kept, any address may have been.
    pub fn may_be(&self, asked: &Self) -> bool {
        match (self, asked) {
            (Self::Network(kept), Self::Network(asked)) => kept.contains(asked) || asked.contains(kept),
            _ => self == asked,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(clients: Clients, address: &str) -> Client {
        Keeper::new(clients).keep(address.parse().unwrap())
    }

    #[test]
    fn as_much_is_kept_as_is_said() {
        for (clients, address, shown) in [
            (Clients::Whole, "192.0.2.77", "192.0.2.77"),
            (Clients::Whole, "::ffff:192.0.2.77", "192.0.2.77"),
            (Clients::Whole, "2001:db8:1:2::3", "2001:db8:1:2::3"),
            (Clients::Network, "192.0.2.77", "192.0.2.0/24"),
            (Clients::Network, "2001:db8:1:2::3", "2001:db8:1::/48"),
        ] {
            assert_eq!(kept(clients, address).to_string(), shown);
        }
        let (hashed, again) = (kept(Clients::Hash, "192.0.2.77"), kept(Clients::Hash, "192.0.2.77"));
        assert!(hashed != again, "another process has another key");
        assert!(hashed.to_string().starts_with('#') && !hashed.to_string().contains("192"));
    }

    #[test]
    fn a_client_is_found_by_its_address_and_by_its_network() {
        let asked = |clients, asked: &str| {
            let keeper = Keeper::new(clients);
            let asked = keeper.asked(Some(asked.parse().unwrap()));
            asked.map(|asked| keeper.keep("192.0.2.77".parse().unwrap()).may_be(&asked.unwrap()))
        };
        for clients in [Clients::Whole, Clients::Network, Clients::Hash] {
            assert_eq!(asked(clients, "192.0.2.77/32"), Ok(true));
            assert_eq!(asked(clients, "198.51.100.1/32"), Ok(false));
        }
        for clients in [Clients::Whole, Clients::Network] {
            assert_eq!((asked(clients, "192.0.2.0/25"), asked(clients, "192.0.0.0/16")), (Ok(true), Ok(true)));
        }
        assert_eq!(asked(Clients::Hash, "192.0.2.0/24"), Err(QueryError::Hashed));
    }
}
