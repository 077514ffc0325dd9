//! Arguments that have forms: `PORT|ADDR`, a name, `USER|NUMBER`.

use std::{
    net::{Ipv4Addr, SocketAddr},
    str::FromStr,
};

use reprise::recent::Clients;
use reprise_session::session::{ServerName, ServerNameError};
use reprise_store::store::Redis;

use super::text::value_of_the_file;

/// Where metrics and status are served: an address, or a port on the loopback interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AdminAddress(pub(crate) SocketAddr);

/// A name under which metrics and status are asked for, in lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HostName(pub(crate) String);

/// The name of what shares sessions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Namespace(pub(crate) String);

/// What is kept of clients' addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RecentClients(pub(crate) Clients);

/// What stands where one of these arguments should.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct ArgumentError(String);

impl ArgumentError {
    /// What was found, what was expected, and how to write it.
    pub(crate) fn new(message: String) -> Self {
        Self(message)
    }
}

impl FromStr for AdminAddress {
    type Err = ArgumentError;

    fn from_str(text: &str) -> Result<Self, ArgumentError> {
        let port = text.parse().map(|port: u16| SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
        port.or_else(|_| text.parse()).map(Self).map_err(|_| {
            ArgumentError(format!(
                "`{text}` is neither a port nor an address and port: write `9090` for 127.0.0.1:9090, or `10.0.0.1:9090`"
            ))
        })
    }
}

impl FromStr for HostName {
    type Err = ArgumentError;

    fn from_str(text: &str) -> Result<Self, ArgumentError> {
        let name: ServerName = text.parse().map_err(|error: ServerNameError| ArgumentError(error.to_string()))?;
        Ok(Self(name.as_str().to_owned()))
    }
}

impl FromStr for Namespace {
    type Err = ArgumentError;

    fn from_str(text: &str) -> Result<Self, ArgumentError> {
        Redis::check_namespace(text).map_err(|error| ArgumentError(error.to_string()))?;
        Ok(Self(text.to_owned()))
    }
}

impl FromStr for RecentClients {
    type Err = ArgumentError;

    fn from_str(text: &str) -> Result<Self, ArgumentError> {
        text.parse().map(Self).map_err(|expected| ArgumentError(format!("invalid value `{text}`: {expected}")))
    }
}

value_of_the_file!(AdminAddress, HostName, Namespace, RecentClients);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_alone_is_on_the_loopback_interface_and_no_other_address_is_without_being_written() {
        let address = |text: &str| text.parse::<AdminAddress>().map(|address| address.0.to_string());
        assert_eq!(address("9090").unwrap(), "127.0.0.1:9090");
        assert_eq!(address("0.0.0.0:9090").unwrap(), "0.0.0.0:9090");
        assert_eq!(address("[::1]:0").unwrap(), "[::1]:0");
        for text in ["", ":9090", "*:9090", "localhost:9090", "99999", "10.0.0.1"] {
            assert!(address(text).expect_err(text).to_string().contains("write `9090`"), "{text}");
        }
    }

    #[test]
    fn a_host_name_is_neither_an_address_nor_a_pattern() {
        assert_eq!("Metrics.Example.".parse::<HostName>().unwrap().0, "metrics.example");
        for text in ["", "127.0.0.1", "*.example", "a.example:9090", "http://a.example"] {
            assert!(text.parse::<HostName>().expect_err(text).to_string().contains("the name alone"), "{text}");
        }
    }
}
