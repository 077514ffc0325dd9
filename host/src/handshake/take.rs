//! What is to be consumed is taken out of the store once it is known that its owner offers it.
//!
//! A session's id goes over the network in clear: in TLS 1.2 as the session id, in TLS 1.3 as the PSK identity. So the
//! store is asked what it has and keeps it; then come the host's invariants, which are not told about another site's
//! sessions, and in TLS 1.3 the binder, which only who has the session's secret can make; then the store is asked for
//! it, which is the one atomic step. What it gives has to be what was looked at.
//!
//! In TLS 1.2 the client proves itself in its Finished, when the server has said long since that it resumes: there, who
//! has seen the id of a session for single use can spend it at the site where it was made, and no more than that.

use openssl::ssl::SslRef;
use reprise_policy::policy::wit::types::TlsVersion;
use reprise_session::session::{Miss, SessionId};
use reprise_store::store::{Answer, Found};

use super::{
    Handshake,
    ahead::{Lookup, Question},
    binder,
    look_up::{self, Candidate, Examined},
    transcript::{Place, Seen},
};
use crate::{callbacks::tls, host::Inner};

/// Whether a session is offered by its owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Offered {
    ByOwner,
    ByStranger,
    /// The ClientHello was not seen as it was sent, or is too long.
    Unknown,
}

impl Handshake {
    /// Goes on with a look-up that the store has answered: if it found what is to be consumed, it is asked for that
    /// now, which is what true says. The version is none before it is known, if it is not TLS 1.3.
    pub(super) fn takes(&mut self, ssl: &SslRef, host: &Inner, id: SessionId, version: Option<TlsVersion>) -> bool {
        let Some(place) = self.lookups.iter().position(|(seen, _)| *seen == id) else { return false };
        // In its place, should anything below panic.
        let lookup = std::mem::replace(&mut self.lookups[place].1, Lookup::Judged(Err(Miss::Internal)));
        let next = match lookup {
            Lookup::Answered { asked, question: Question::Look, answer: Ok(Some(found)) }
                if self.is_to_be_taken(ssl, &id, &found, version) =>
            {
                self.looked(ssl, host, id, (asked, Ok(Some(found))), version)
            }
            Lookup::Answered { question: Question::Take(examined), answer, .. } => {
                taken(examined, answer).map_or_else(|miss| Lookup::Judged(Err(miss)), Lookup::Examined)
            }
            other => other,
        };
        let takes = matches!(
            next,
            Lookup::Pending { question: Question::Take(_), .. } | Lookup::Answered { question: Question::Take(_), .. }
        );
        self.lookups[place].1 = next;
        takes
    }

    fn is_to_be_taken(&self, ssl: &SslRef, id: &SessionId, found: &Found, version: Option<TlsVersion>) -> bool {
        !found.consumed && (found.single_use || self.asks_for_early_data(ssl, id, version))
    }

    /// Whether 0-RTT data may come by this session: it is sent for the first identity, and never after a
    /// HelloRetryRequest (RFC 8446 section 4.2.10).
    fn asks_for_early_data(&self, ssl: &SslRef, id: &SessionId, version: Option<TlsVersion>) -> bool {
        version == Some(TlsVersion::Tls13)
            && self.hello.early_data
            && tls::early_data_enabled(ssl)
            && self.hello.identities.first().is_some_and(|first| first == id.as_bytes())
            && tls::connection(ssl)
                .and_then(|connection| connection.hello_seen())
                .is_none_or(|Seen { place, .. }| place == Place::First)
    }

    /// What is to be consumed was found.
    fn looked(
        &self,
        ssl: &SslRef,
        host: &Inner,
        id: SessionId,
        answer: (u64, Answer),
        version: Option<TlsVersion>,
    ) -> Lookup {
        let examined = match look_up::examine(ssl, host, self, id, answer, version) {
            Ok(examined) => Box::new(examined),
            Err(miss) => return Lookup::Judged(Err(miss)),
        };
        // The handshake ends, and nothing is spent on that.
        if look_up::loses_extended_master_secret(ssl, self, &examined.record) {
            return Lookup::Examined(examined);
        }
        let tls13 = version == Some(TlsVersion::Tls13);
        let offered = if tls13 { self.offered(ssl, &examined) } else { Offered::ByOwner };
        match offered {
            Offered::ByOwner => Lookup::begin(host, &id, Question::Take(examined)),
            // It resumes without being consumed, then without 0-RTT; or not, for OpenSSL checks the binder too.
            _ if !examined.found.single_use => Lookup::Examined(examined),
            Offered::ByStranger => Lookup::Judged(Ok(Candidate::that_ends_it(*examined, Miss::Binder))),
            Offered::Unknown => Lookup::Judged(Err(Miss::Binder)),
        }
    }

    /// Whether a TLS 1.3 session is offered by its owner, as its binder says.
    fn offered(&self, ssl: &SslRef, examined: &Examined) -> Offered {
        match self.verifies(ssl, examined) {
            Some(true) => Offered::ByOwner,
            Some(false) => Offered::ByStranger,
            None => Offered::Unknown,
        }
    }

    fn verifies(&self, ssl: &SslRef, examined: &Examined) -> Option<bool> {
        let place = self.hello.identities.iter().position(|offered| offered == examined.id.as_bytes())?;
        let digest = binder::digest(examined.record.cipher_suite)?;
        let secret = examined.secret()?;
        tls::connection(ssl)?.transcript.lock().verifies(place, digest, &secret)
    }
}

/// What the store gave up, or not.
fn taken(mut examined: Box<Examined>, answer: Answer) -> Result<Box<Examined>, Miss> {
    let taken = look_up::found(&examined.id, answer)?;
    if *taken.record != *examined.found.record {
        // Another session came in the place of the one looked at. This handshake knows nothing of it.
        return Err(Miss::NotFound);
    }
    examined.found.consumed = taken.consumed;
    Ok(examined)
}
