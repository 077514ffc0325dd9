//! Under which names `--admin` answers.
//!
//! A page that somebody opens in a browser may ask whatever its own name leads to, and its owner decides where that is: to this server
//! too (DNS rebinding). The browser then sends that name (RFC 9110 section 7.2), and no name that is this server's.

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::http::request::Host;

/// Whether a request for this host is meant for a server that has these names, in lower case. An address is never somebody else's
/// name, and neither is `localhost`. A request without a host is no browser's.
pub(super) fn answers(names: &[String], host: &Host) -> bool {
    match host {
        Host::None => true,
        Host::Several => false,
        Host::One(authority) => without_port(authority).is_some_and(|host| is_own(names, host)),
    }
}

fn is_own(names: &[String], host: &str) -> bool {
    if let Some(address) = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        return address.parse::<Ipv6Addr>().is_ok();
    }
    let name = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    host.parse::<Ipv4Addr>().is_ok() || name == "localhost" || names.contains(&name)
}

/// The host of `HOST[:PORT]`.
fn without_port(authority: &str) -> Option<&str> {
    let (host, port) = match authority.rsplit_once(':') {
        // Within brackets it is an address's.
        Some((host, port)) if !port.contains(']') => (host, port),
        _ => (authority, ""),
    };
    port.bytes().all(|byte| byte.is_ascii_digit()).then_some(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_localhost_and_given_names_are_answered() {
        let names = ["metrics.example".to_owned()];
        let answered = |host: &str| answers(&names, &Host::One(host.into()));
        for host in [
            "127.0.0.1",
            "127.0.0.1:9090",
            "10.1.2.3:80",
            "[::1]",
            "[2001:db8::1]:9090",
            "localhost",
            "LocalHost:9090",
            "localhost.",
            "metrics.example",
            "METRICS.example.:9090",
        ] {
            assert!(answered(host), "{host}");
        }
        for host in [
            "evil.example",
            "evil.example:9090",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "127.1",
            "0x7f.0.0.1",
            "2130706433",
            "metrics.example.evil.example",
            "evil.example:metrics.example",
            "metrics.example:evil.example",
            "metrics.example@evil.example",
            "[::1].evil.example",
            "[evil.example]",
            "::1",
            "localhost..",
            ":9090",
            "metrics.example:90:90",
            "*",
        ] {
            assert!(!answered(host), "{host}");
        }
        assert!(answers(&names, &Host::None) && !answers(&names, &Host::Several));
    }
}
