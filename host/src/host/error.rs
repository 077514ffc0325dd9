//! Why there is no host.

use openssl::error::ErrorStack;
use reprise_store::store::TiersError;

use crate::living::StartError;

/// A host that cannot be built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The longest lifetime is none.
    #[error("max_lifetime is 0; expected at least a second, for nothing would ever resume")]
    NoMaxLifetime,
    /// The lifetime is none.
    #[error("lifetime is 0; expected at least a second: to refuse sessions, use a policy")]
    NoLifetime,
    /// The lifetime is longer than the longest.
    #[error("lifetime ({lifetime} s) is longer than max_lifetime ({max_lifetime} s); lower the one or raise the other")]
    LifetimeTooLong {
        /// In seconds.
        lifetime: u64,
        /// In seconds.
        max_lifetime: u64,
    },
    /// More tickets than a client keeps.
    #[error("tickets is {0}; expected at most 16: clients keep few, and each takes room in the store")]
    TooManyTickets(usize),
    /// Sessions would leave this process unsealed.
    #[error(
        "a store is given that others than this process can see, and no keyring to seal sessions with: make one with \
         `reprise keys new FILE`, and give it (HostBuilder::keyring, `--keyring FILE`) to every node that shares the store"
    )]
    NoKeyring,
    /// OpenSSL has no random numbers.
    #[error("no random key for session ids")]
    Random(#[source] ErrorStack),
    /// The stores are in the wrong order.
    #[error(transparent)]
    Stores(#[from] TiersError),
    /// What a host is made of in a process does not start.
    #[error(transparent)]
    Start(#[from] StartError),
}
