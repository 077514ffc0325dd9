//! Which handshakes are asked for.

use ipnet::IpNet;

use super::{Client, Handshake};

/// Which handshakes are asked for: those of which all of this holds.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Query {
    /// Their clients: an address, or a network.
    pub client: Option<IpNet>,
    /// The name that was asked for, in lower case.
    pub server_name: Option<String>,
    /// Why they came no further: a reason as the funnel names it.
    pub reason: Option<String>,
    /// Those that came after this one, by their numbers.
    pub after: u64,
    /// How many, the last ones.
    pub last: usize,
}

/// What cannot be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum QueryError {
    /// A network, where clients are kept as hashes.
    #[error("clients are kept as hashes (--recent-clients hash), which do not say their networks: ask for one address")]
    Hashed,
}

impl Default for Query {
    fn default() -> Self {
        Self { client: None, server_name: None, reason: None, after: 0, last: usize::MAX }
    }
}

impl Query {
    /// Whether it is one of those; `client` is what is kept of the clients asked for.
    pub(super) fn wants(&self, handshake: &Handshake, client: Option<&Client>) -> bool {
        client.is_none_or(|asked| handshake.client.is_some_and(|client| client.may_be(asked)))
            && self.server_name.as_deref().is_none_or(|name| handshake.server_name.as_deref() == Some(name))
            && self.reason.as_deref().is_none_or(|reason| handshake.reason.as_str() == reason)
    }
}
