//! Arguments that have parts or forms: `[NAME=]ADDR`, `NAME=CERT,KEY[,CLIENT_CA]`, `NETWORK/PREFIX`.

use std::{
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    str::FromStr,
};

use clap::ValueEnum;
use ipnet::IpNet;
use reprise_session::session::ServerNamePattern;
use serde::Deserialize;

use crate::hosting::{argument::ArgumentError, text::value_of_the_file};

/// The name of a listener that was given none, and of the site that serves every name without one of its own.
pub(crate) const DEFAULT: &str = "default";

/// An address to listen on, and the name under which policies and the session border know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Listen {
    pub(crate) name: String,
    pub(crate) address: SocketAddr,
}

/// A site chosen by server name, as files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NamedSite {
    /// The server name (SNI) that chooses it, as a [`ServerNamePattern`] spells it; `*.` in front stands for exactly one label.
    pub(crate) name: String,
    pub(crate) cert: PathBuf,
    pub(crate) key: PathBuf,
    pub(crate) client_ca: SiteClientCa,
}

/// The third part of `--site`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SiteClientCa {
    /// Not given: what `--client-ca` says.
    Inherited,
    /// `none`: this site asks for no client certificate.
    None,
    /// The CAs that this site's clients are verified against.
    File(PathBuf),
}

/// A network, or one address, that connections come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Source(pub(crate) IpNet);

/// Whether a client is asked for a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ClientAuth {
    /// It is not asked.
    None,
    /// It is asked; without one it is served all the same, with a bad one it is not.
    Optional,
    /// Without a good one it is not served.
    Required,
}

/// A TLS version that is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum, Deserialize)]
pub(crate) enum TlsVersion {
    /// TLS 1.2 (RFC 5246).
    #[value(name = "1.2")]
    #[serde(rename = "1.2")]
    Tls12,
    /// TLS 1.3 (RFC 8446).
    #[value(name = "1.3")]
    #[serde(rename = "1.3")]
    Tls13,
}

impl FromStr for TlsVersion {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        <Self as ValueEnum>::from_str(text, false)
    }
}

impl FromStr for Listen {
    type Err = ArgumentError;

    fn from_str(text: &str) -> Result<Self, ArgumentError> {
        let (name, address) = text.split_once('=').unwrap_or((DEFAULT, text));
        if name.is_empty() || name.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return Err(ArgumentError::new(format!(
                "`{text}` has a name that is empty or has a space in it: write `public=127.0.0.1:8443`, or the address alone"
            )));
        }
        let address = address.parse().map_err(|_| {
            ArgumentError::new(format!(
                "`{address}` is not an address and port: write `127.0.0.1:8443`, `0.0.0.0:443` or `[::]:443`"
            ))
        })?;
        Ok(Self { name: name.to_owned(), address })
    }
}

impl FromStr for NamedSite {
    type Err = ArgumentError;

    fn from_str(text: &str) -> Result<Self, ArgumentError> {
        let malformed = || {
            ArgumentError::new(format!("`{text}` is not a site: write `NAME=CERT,KEY` or `NAME=CERT,KEY,CLIENT_CA`"))
        };
        let (name, files) = text.split_once('=').ok_or_else(malformed)?;
        let files: Vec<&str> = files.split(',').collect();
        if files.iter().any(|file| file.is_empty()) {
            return Err(malformed());
        }
        let (cert, key, client_ca) = match files[..] {
            [cert, key] => (cert, key, SiteClientCa::Inherited),
            [cert, key, "none"] => (cert, key, SiteClientCa::None),
            [cert, key, client_ca] => (cert, key, SiteClientCa::File(client_ca.into())),
            _ => return Err(malformed()),
        };
        let name = name.parse::<ServerNamePattern>().map_err(|error| ArgumentError::new(error.to_string()))?;
        Ok(Self { name: name.to_string(), cert: cert.into(), key: key.into(), client_ca })
    }
}

impl FromStr for Source {
    type Err = ArgumentError;

    fn from_str(text: &str) -> Result<Self, ArgumentError> {
        let address = || text.parse().map(|address: IpAddr| IpNet::from(address.to_canonical()));
        // Bits beyond the prefix are more likely a slip than meant.
        let exact = |network: &IpNet| network.trunc() == *network;
        // A mapped address is compared as the IPv4 address that it is, so a network of them would have none in it.
        let plain = |network: &IpNet| network.addr().to_canonical() == network.addr();
        text.parse().or_else(|_| address()).ok().filter(exact).filter(plain).map(Self).ok_or_else(|| {
            ArgumentError::new(format!(
                "`{text}` is not a network: write `192.0.2.7`, `10.0.0.0/8` or `2001:db8::/32`, without bits beyond the prefix"
            ))
        })
    }
}

value_of_the_file!(Listen, NamedSite, Source);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listener_has_a_name_of_its_own_or_the_default() {
        let listen: Listen = "public=[::]:443".parse().unwrap();
        assert_eq!(listen, Listen { name: "public".into(), address: "[::]:443".parse().unwrap() });
        assert_eq!("127.0.0.1:0".parse::<Listen>().unwrap().name, DEFAULT);
    }

    #[test]
    fn what_is_no_listener_is_refused_with_an_example() {
        for text in
            ["", "8443", "=127.0.0.1:1", "a b=127.0.0.1:1", "public=", "localhost:8443", "127.0.0.1", "127.0.0.1:99999"]
        {
            assert!(text.parse::<Listen>().expect_err(text).to_string().contains("write `"), "{text}");
        }
    }

    #[test]
    fn a_site_is_known_by_its_name_in_lower_case() {
        let site: NamedSite = "A.Example.=a.crt,a.key".parse().unwrap();
        assert_eq!((site.name.as_str(), site.client_ca), ("a.example", SiteClientCa::Inherited));
        let site: NamedSite = "*.b.example=b.crt,b.key,ca.pem".parse().unwrap();
        assert_eq!((site.name.as_str(), site.client_ca), ("*.b.example", SiteClientCa::File("ca.pem".into())));
        assert_eq!("c=c.crt,c.key,none".parse::<NamedSite>().unwrap().client_ca, SiteClientCa::None);
    }

    #[test]
    fn what_is_no_site_is_refused_with_an_example() {
        for text in [
            "",
            "a",
            "a=",
            "a=crt",
            "a=crt,",
            "a=crt,key,",
            "a=1,2,3,4",
            "=crt,key",
            "127.0.0.1=crt,key",
            "a..b=c,k",
            "*.=c,k",
            "a b=c,k",
        ] {
            let error = text.parse::<NamedSite>().expect_err(text).to_string();
            assert!(error.contains("write `NAME=") || error.contains("like `a.example`"), "{error}");
        }
    }

    #[test]
    fn a_source_is_a_network_or_one_address() {
        for (text, network) in
            [("192.0.2.7", "192.0.2.7/32"), ("10.0.0.0/8", "10.0.0.0/8"), ("::1", "::1/128"), ("::/0", "::/0")]
        {
            assert_eq!(text.parse::<Source>().unwrap().0.to_string(), network);
        }
        for text in ["", "a.example", "10.0.0.1/8", "10.0.0.0/33", "10.0.0.0/", "::ffff:10.0.0.0/104", "*"] {
            assert!(text.parse::<Source>().expect_err(text).to_string().contains("write `"), "{text}");
        }
    }
}
