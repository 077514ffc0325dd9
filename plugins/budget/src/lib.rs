//! Policy: of each network so many sessions a minute are kept, and no more.
//!
//! The example of a policy with a memory: what it counts is in the host's `state`, under the network's name, for a minute. See
//! README.md for what counts, and for the settings.

#![deny(unsafe_code)]

use std::net::IpAddr;

use reprise_sdk::{
    network::Network,
    observe::{self, Level},
    prelude::*,
};

/// Seconds after which a network's count begins anew.
const MINUTE: u32 = 60;
/// The key of connections from no address that is known. No network is called like it.
const NOWHERE: &str = "-";

/// How many sessions of which networks are kept.
pub struct Budget {
    per_minute: u32,
    ipv4_prefix: u8,
    ipv6_prefix: u8,
    /// Those with a budget of their own, the longest prefix first.
    own: Vec<(Network, u32)>,
}

impl Default for Budget {
    fn default() -> Self {
        Self { per_minute: 600, ipv4_prefix: 24, ipv6_prefix: 48, own: Vec::new() }
    }
}

impl Policy for Budget {
    fn configure(settings: &mut Settings) -> Result<Self, SettingsError> {
        let default = Self::default();
        let mut own: Vec<(Network, u32)> = settings.table("network")?;
        own.sort_by_key(|(network, _)| std::cmp::Reverse(network.prefix()));
        Ok(Self {
            per_minute: settings.one("per-minute")?.unwrap_or(default.per_minute),
            ipv4_prefix: settings.one_within("ipv4-prefix", 0..=32)?.unwrap_or(default.ipv4_prefix),
            ipv6_prefix: settings.one_within("ipv6-prefix", 0..=128)?.unwrap_or(default.ipv6_prefix),
            own,
        })
    }

    fn new_session(&self, connection: &Connection, _: &Session) -> NewVerdict {
        let (network, budget) = match connection.peer_address() {
            Some(peer) => self.network_of(peer),
            None => (NOWHERE.to_owned(), self.per_minute),
        };
        if is_within(&network, budget) { NewVerdict::no_opinion() } else { NewVerdict::Refuse }
    }
}

impl Budget {
    /// The network that `peer` counts as, and how many of its sessions are kept in a minute.
    fn network_of(&self, peer: IpAddr) -> (String, u32) {
        if let Some((network, budget)) = self.own.iter().find(|(network, _)| network.contains(peer)) {
            return (network.to_string(), *budget);
        }
        let prefix = if peer.is_ipv4() { self.ipv4_prefix } else { self.ipv6_prefix };
        // The prefix is within the address's bits, which `configure` has made sure of.
        let network = Network::of(peer, prefix).map_or_else(|| NOWHERE.to_owned(), |network| network.to_string());
        (network, self.per_minute)
    }
}

/// Counts a session of `network`; whether it is one of the first `budget` in this minute.
fn is_within(network: &str, budget: u32) -> bool {
    // The counter's time is not prolonged by counting on, so it is gone a minute after the network's first session.
    let Ok(count) = state::increment(network, 1, MINUTE) else {
        observe::count("state_full", 1);
        return false;
    };
    let budget = i64::from(budget);
    if count > budget {
        observe::count("over_budget", 1);
        if count == budget + 1 {
            observe::log(Level::Info, &format!("{network} is over its budget of {budget} sessions a minute"));
        }
    }
    count <= budget
}

reprise_sdk::export!(Budget: new_session);

#[cfg(test)]
mod tests;
