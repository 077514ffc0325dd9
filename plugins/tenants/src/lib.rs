//! Policy: a session belongs to the client certificate, and by setting to the network, that made it.
//!
//! When a session is kept, its owner is written into its note; when it is offered, the owner must be the same, and still be
//! welcome by the settings of today. See README.md for what that does and does not guard against, and for the settings.

#![deny(unsafe_code)]

mod owner;
mod tenant;

use reprise_sdk::{
    prelude::*,
    server_name::{Pattern, ServerNames},
};

use owner::{NetworkPrefixes, Owner};
use tenant::Tenant;

/// To whom sessions belong. By default to the certificate that made them; one made without a certificate belongs to whoever has
/// it.
#[derive(Default)]
pub struct Tenants {
    require_certificate: bool,
    prefixes: NetworkPrefixes,
    tenants: ServerNames<Tenant>,
}

/// Why a session is not kept or not resumed; the name of the counter that tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Objection {
    /// It has no client certificate, and the settings want one.
    NoCertificate,
    /// Its client certificate was not verified.
    Unverified,
    /// Its client certificate is not valid at this time.
    NotValidNow,
    /// Its client certificate is not one of this server name's tenant.
    NotOfTenant,
    /// The connection comes from nowhere, and sessions are bound to networks.
    NoPeer,
    /// Its note is missing, or is not one of ours.
    NoOwner,
    /// It belongs to another certificate, or to another network.
    OtherOwner,
}

impl Policy for Tenants {
    fn configure(settings: &mut Settings) -> Result<Self, SettingsError> {
        Ok(Self {
            require_certificate: settings.one("require-certificate")?.unwrap_or(false),
            prefixes: NetworkPrefixes {
                ipv4: settings.one_within("ipv4-prefix", 0..=32)?,
                ipv6: settings.one_within("ipv6-prefix", 0..=128)?,
            },
            tenants: settings.tables::<Pattern, _>("tenant", Tenant::read)?.into_iter().collect(),
        })
    }

    fn new_session(&self, connection: &Connection, session: &Session) -> NewVerdict {
        match self.owner(connection, session) {
            Ok(owner) => NewVerdict::Keep(Terms { note: Some(owner.to_note()), ..Terms::default() }),
            Err(objection) => {
                objection.count();
                NewVerdict::Refuse
            }
        }
    }

    fn get_session(&self, connection: &Connection, candidate: &Session) -> GetVerdict {
        match self.still_owned(connection, candidate) {
            Ok(()) => GetVerdict::Resume,
            Err(objection) => {
                objection.count();
                GetVerdict::FullHandshake
            }
        }
    }
}

impl Tenants {
    fn still_owned(&self, connection: &Connection, candidate: &Session) -> Result<(), Objection> {
        let wanted = self.owner(connection, candidate)?;
        let noted = candidate.note.as_deref().and_then(Owner::from_note).ok_or(Objection::NoOwner)?;
        if noted == wanted { Ok(()) } else { Err(Objection::OtherOwner) }
    }

    /// To whom `session` would belong on `connection`, by the settings of today.
    fn owner(&self, connection: &Connection, session: &Session) -> Result<Owner, Objection> {
        let tenant = connection.server_name.as_deref().and_then(|name| self.tenants.find(name));
        let certificate = match &session.peer_certificate {
            None if self.require_certificate || tenant.is_some() => return Err(Objection::NoCertificate),
            None => None,
            Some(certificate) if !certificate.verified => return Err(Objection::Unverified),
            Some(certificate) if !certificate.is_valid_at(connection.now) => return Err(Objection::NotValidNow),
            Some(certificate) if !tenant.is_none_or(|tenant| tenant.owns(certificate)) => {
                return Err(Objection::NotOfTenant);
            }
            Some(certificate) => Some(certificate.fingerprint().ok_or(Objection::Unverified)?),
        };
        let network = self.prefixes.network_of(connection).map_err(|owner::NoPeer| Objection::NoPeer)?;
        Ok(Owner { certificate, network })
    }
}

impl Objection {
    fn count(self) {
        let name = match self {
            Objection::NoCertificate => "no_certificate",
            Objection::Unverified => "unverified",
            Objection::NotValidNow => "not_valid_now",
            Objection::NotOfTenant => "not_of_tenant",
            Objection::NoPeer => "no_peer",
            Objection::NoOwner => "no_owner",
            Objection::OtherOwner => "other_owner",
        };
        observe::count(name, 1);
    }
}

reprise_sdk::export!(Tenants: new_session, get_session);

#[cfg(test)]
mod tests;
