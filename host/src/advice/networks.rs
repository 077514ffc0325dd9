//! Networks whose clients never offer a session: something in between may open each connection again.

use std::{collections::BTreeMap, net::IpAddr};

use ipnet::IpNet;

use super::{Advice, ENOUGH};
use crate::recent::Recent;

/// The most networks that are named.
const MOST: usize = 5;

/// Those among recent handshakes, the busiest first. Of clients that are kept as hashes nothing is known.
pub fn never_offer(recent: &[Recent]) -> Vec<Advice> {
    let mut networks: BTreeMap<IpNet, [u64; 2]> = BTreeMap::new();
    for handshake in recent {
        let Some(network) = handshake.client.as_deref().and_then(network) else { continue };
        let [came, offered] = networks.entry(network).or_default();
        *came += 1;
        *offered += u64::from(handshake.offered.is_some());
    }
    let mut never: Vec<_> =
        networks.into_iter().filter(|(_, [came, offered])| *came >= ENOUGH && *offered == 0).collect();
    never.sort_by_key(|(_, [came, _])| std::cmp::Reverse(*came));
    let all = recent.len() as u64;
    let advice = never.into_iter().take(MOST).map(|(network, [came, _])| {
        let says = format!(
            "clients of {network} never offer a session, in {came} of the last {all} handshakes: a proxy, a health check or a library that \
             keeps none opens new connections there"
        );
        Advice::new("network-never-offers", says, &[("handshakes", came), ("of_the_last", all)])
    });
    advice.collect()
}

/// The network of a client, as it is kept: 24 bits of an IPv4 address, 48 of an IPv6 one.
fn network(client: &str) -> Option<IpNet> {
    let kept: IpNet = client.parse().or_else(|_| client.parse::<IpAddr>().map(IpNet::from)).ok()?;
    let bits = if kept.addr().is_ipv4() { 24 } else { 48 };
    IpNet::new(kept.addr(), kept.prefix_len().min(bits)).ok().map(|network| network.trunc())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recent::Offered;

    #[test]
    fn a_network_of_which_nobody_offers_is_named() {
        let from = |client: String, offers: bool| Recent {
            client: Some(client),
            offered: offers.then(|| Offered { kind: "psk".into(), session: String::new(), early_data: false }),
            ..Recent::default()
        };
        let mut recent: Vec<_> = (0..30).map(|last| from(format!("192.0.2.{last}"), false)).collect();
        recent.extend((0..30).map(|last| from(format!("198.51.100.{last}"), last == 7)));
        recent.extend((0..30).map(|_| from("#0123456789abcdef".into(), false)));
        recent.extend((0..5).map(|_| from("2001:db8::1".into(), false)));
        let advice = never_offer(&recent);
        assert_eq!(advice.len(), 1, "{advice:?}");
        assert!(advice[0].says.contains("192.0.2.0/24") && advice[0].numbers["handshakes"] == 30, "{advice:?}");
    }
}
