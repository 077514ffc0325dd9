//! Why an offered session did not resume.

use std::{fmt, sync::Arc};

use super::{Step, Unsealable};
use crate::verdict::Failure;

/// The reason for a full handshake where a client offered a session. Every failure on the way to a
/// resumption ends in one of these, never in a failed handshake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Miss {
    /// The connection did not pass the client-hello hook: its callback was replaced, or the context
    /// switched to has none.
    NoHook,
    /// The context was switched after the hook ran; call `reprise::on_client_hello` again after the switch.
    SwitchedAfterHook,
    /// In a server that was not built for it: where handshakes under this server name end up is not known yet in this process. This
    /// one tells.
    PlaceUnknown,
    /// The host was dropped.
    HostGone,
    /// The process forked and the host is being rebuilt.
    Forked,
    /// The id was not made with this fleet's key, and may have been by another server like this
    /// one. An id of another length is no session, nor is one that clients make up at each visit:
    /// in TLS 1.2 that of a client with `supported_versions`, or with a ticket.
    ForeignId,
    /// More identities were offered than are looked up.
    TooManyIdentities,
    /// The store has no such session: expired, evicted, consumed or never kept.
    NotFound,
    /// The store could not be asked in time.
    StoreUnavailable,
    /// What the store has was sealed with a key that is not on the keyring, in an unknown version
    /// of the format, or not for this session, or it was changed since.
    Unsealable(Unsealable),
    /// The stored record does not decode, or OpenSSL does not take it.
    Undecodable,
    /// Another server name, or one where there was none.
    ServerName,
    /// Another listener.
    Listener,
    /// Another site.
    Site,
    /// Another verify mode.
    VerifyMode,
    /// Another epoch of the TLS configuration.
    Epoch,
    /// Another protocol version.
    Protocol,
    /// Its cipher suite is not offered by the client, or not enabled here any more.
    Cipher,
    /// Extended master secret (RFC 7627) is used now and was not then, or this server does without
    /// since. Where it was used then and the client does not offer it now, the handshake ends
    /// instead.
    ExtendedMasterSecret,
    /// It is for single use, and the client has not shown that it is its own (RFC 8446 section 4.2.11.2): its binder is
    /// wrong, and OpenSSL ends the handshake; or it could not be checked, for the ClientHello is very long or another
    /// message callback took the place of the host's (`reprise::on_message`), and the handshake goes on in full.
    Binder,
    /// Its lifetime has passed, or it was made at a time that is yet to come.
    Expired,
    /// The validity of a certificate of its client's chain has passed, or has not begun by a clock that was set back.
    CertificateExpired,
    /// A revocation list that its client's chain is looked up in is past its nextUpdate, or before its lastUpdate.
    CrlExpired,
    /// An operator revoked it, or what it descends from.
    Revoked,
    /// A policy answered `full-handshake`.
    Policy(Arc<str>),
    /// A policy's call failed, which counts as an objection.
    PolicyFailed(Arc<str>, Failure),
    /// OpenSSL was handed the session and did not resume it, e.g. because the hash of the cipher negotiated is another.
    NotTaken,
    /// A policy's code or OpenSSL's binding panicked; see the log.
    Internal,
}

/// Names the reasons, each once, and how far they let a handshake come: from here are [`Miss::REASONS`], [`Miss::STEPS`] and
/// what indexes them, so that none lacks a variant.
macro_rules! reasons {
    ($($variant:ident $(($($any:tt)*))? => $reason:literal at $step:ident,)*) => {
        /// The order of the reasons.
        enum Order { $($variant),* }

        impl Miss {
            /// The reasons by their names, in the order of the variants.
            pub const REASONS: [&'static str; [$($reason),*].len()] = [$($reason),*];

            /// How far what was offered came, by each of [`Miss::REASONS`].
            pub const STEPS: [Step; Self::REASONS.len()] = [$(Step::$step),*];

            /// The place of its name among [`Miss::REASONS`].
            pub fn index(&self) -> usize {
                match self {
                    $(Miss::$variant $(($($any)*))? => Order::$variant as usize,)*
                }
            }
        }
    };
}

reasons! {
    NoHook => "no-hook" at Offered,
    SwitchedAfterHook => "switched-after-hook" at Offered,
    PlaceUnknown => "place-unknown" at Offered,
    HostGone => "host-gone" at Offered,
    Forked => "forked" at Offered,
    ForeignId => "foreign-id" at Offered,
    TooManyIdentities => "too-many-identities" at Ours,
    NotFound => "not-found" at Ours,
    StoreUnavailable => "store-unavailable" at Ours,
    Unsealable(_) => "unsealable" at Ours,
    Undecodable => "undecodable" at Ours,
    ServerName => "server-name" at Found,
    Listener => "listener" at Found,
    Site => "site" at Found,
    VerifyMode => "verify-mode" at Found,
    Epoch => "epoch" at Found,
    Protocol => "protocol" at Found,
    Cipher => "cipher" at Found,
    ExtendedMasterSecret => "extended-master-secret" at Found,
    Binder => "binder" at Found,
    Expired => "expired" at Found,
    CertificateExpired => "certificate-expired" at Found,
    CrlExpired => "crl-expired" at Found,
    Revoked => "revoked" at Found,
    Policy(_) => "policy" at Fits,
    PolicyFailed(..) => "policy-failed" at Fits,
    NotTaken => "not-taken" at Agreed,
    Internal => "internal" at Ours,
}

impl Miss {
    /// A short, stable name for logs and metrics, without the policy's.
    pub fn as_str(&self) -> &'static str {
        Self::REASONS[self.index()]
    }
}

impl fmt::Display for Miss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Miss::Policy(policy) => write!(f, "policy: {policy}"),
            Miss::PolicyFailed(policy, failure) => write!(f, "policy-failed: {policy}: {}", failure.as_str()),
            Miss::Unsealable(why) => write!(f, "unsealable: {why}"),
            other => f.write_str(other.as_str()),
        }
    }
}
