//! Under which names `--admin` answers.
//!
//! A page that somebody opens in a browser may ask whatever its own name leads to, and its owner decides where that is: to this server
//! too (DNS rebinding). The browser then sends that name (RFC 9110 section 7.2), and no name that is this server's.

use std::net::{Ipv4Addr, Ipv6Addr};

use hyper::{header::HOST, http::request::Parts};

/// Whom a request is for: by its target, if that is in absolute form, and by its field Host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Host {
    /// It does not say.
    #[default]
    None,
    /// As it stands there, with a port if there is one.
    One(String),
    /// Different ones.
    Several,
}

impl Host {
    /// Whom this request is for.
    pub(super) fn of(request: &Parts) -> Self {
        let fields = request.headers.get_all(HOST).iter().map(|field| String::from_utf8_lossy(field.as_bytes()));
        let target = request.uri.authority().map(|authority| authority.as_str().into());
        let mut hosts: Vec<_> = fields.chain(target).filter(|host| !host.is_empty()).collect();
        hosts.dedup();
        match &hosts[..] {
            [] => Self::None,
            [one] => Self::One(one.clone().into_owned()),
            _ => Self::Several,
        }
    }
}

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
    use hyper::Request;

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

    #[test]
    fn whom_a_request_is_for_is_known() {
        let host = |target: &str, fields: &[&str]| {
            let request =
                fields.iter().fold(Request::builder().uri(target), |request, host| request.header(HOST, *host));
            Host::of(&request.body(()).unwrap().into_parts().0)
        };
        let one = |host: &str| Host::One(host.into());
        assert_eq!(host("/", &[]), Host::None);
        assert_eq!(host("/", &[""]), Host::None);
        assert_eq!(host("/", &["a.example:80"]), one("a.example:80"));
        assert_eq!(host("http://a.example/", &[]), one("a.example"));
        assert_eq!(host("http://a.example?x", &["a.example"]), one("a.example"));
        assert_eq!(host("http://a.example/", &["b.example"]), Host::Several);
        assert_eq!(host("/", &["a.example", "b.example"]), Host::Several);
        assert_eq!(host("/?to=http://b/", &["a.example"]), one("a.example"));
    }
}
