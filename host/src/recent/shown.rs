//! A handshake, as it is shown.

use reprise_policy::policy::Callback;
use reprise_session::session::Step;
use serde::{Deserialize, Serialize};

use super::{
    Handshake,
    handshake::{self, Elsewhere},
};
use crate::{
    consultation::{About, LookUp},
    funnel::VERSIONS,
};

/// A handshake of late: why it resumed or not. Times are seconds since the Unix epoch, by the host's clock. There is no key material in
/// it, and of ids only the first eight bytes. Two labels are OpenTelemetry's.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Recent {
    /// Its number among all since the host was made.
    pub number: u64,
    /// When its ClientHello came.
    pub time: u64,
    /// Its client: an address, a network, or `#` and a hash, as was said when the host was made. None where the address is not known.
    pub client: Option<String>,
    /// The listener's name.
    pub listener: String,
    /// The site's; empty where none was settled on.
    pub site: String,
    /// The name that the client asked for.
    pub server_name: Option<String>,
    /// The version of TLS: `1.0` to `1.3`.
    #[serde(rename = "tls.protocol.version")]
    pub version: String,
    /// Whether it resumed.
    #[serde(rename = "tls.resumed")]
    pub resumed: bool,
    /// The last step that it came to.
    pub step: Option<Step>,
    /// Why no further: a reason as the funnel names it.
    pub reason: String,
    /// The same with the policy's name, or what else there is to say.
    pub detail: String,
    /// What the client offered.
    pub offered: Option<Offered>,
    /// The session that was offered, if it was found.
    pub session: Option<Session>,
    /// What looking it up took, if a store was asked.
    pub look_up: Option<LookedUp>,
    /// What each policy said: first of the session offered, then of the one made.
    pub policies: Vec<Said>,
    /// The session that was kept.
    pub kept: Option<Kept>,
    /// Why the session that was made was not kept.
    pub not_kept: Option<String>,
}

/// What a client offered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offered {
    /// `session-id`, `ticket` or `psk`.
    pub kind: String,
    /// The first 16 hexadecimal digits; empty where it is no session of a server like this one.
    pub session: String,
    /// Whether it asked for 0-RTT.
    pub early_data: bool,
}

/// A session that was offered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// When its client last proved itself in full.
    pub authenticated: u64,
    /// When it stops resuming.
    pub expires: u64,
    /// The listener that it was made at.
    pub listener: String,
    /// The site.
    pub site: String,
    /// The server name.
    pub server_name: Option<String>,
}

/// A look-up in the stores.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LookedUp {
    /// The tier that had it, 1 the nearest; none if nobody had.
    pub tier: Option<usize>,
    /// From the question to the answer.
    pub seconds: f64,
}

/// What a policy said.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Said {
    /// `get-session` of the session offered, `new-session` of the one made.
    pub callback: String,
    /// The policy's name.
    pub policy: String,
    /// Its generation.
    pub generation: u64,
    /// Its verdict in the words of the interface, or `no-opinion`, `failed-objecting`, `failed-abstaining`.
    pub verdict: String,
    /// Why its call failed.
    pub failure: Option<String>,
    /// What it took.
    pub seconds: f64,
}

impl Said {
    /// Whether that is why the session does not resume, or is not kept.
    pub fn objects(&self) -> bool {
        matches!(&*self.verdict, "full-handshake" | "refuse" | "failed-objecting")
    }

    /// Whether it was about the session offered.
    pub fn is_about_the_offer(&self) -> bool {
        self.callback == Callback::Get.as_str()
    }
}

/// A session that was kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// The first 16 hexadecimal digits of its id.
    pub session: String,
    /// When it stops resuming.
    pub until: u64,
}

impl Recent {
    pub(super) fn new(number: u64, handshake: &Handshake) -> Self {
        let Handshake { time, client, listener, site, server_name, version, .. } = handshake;
        let Handshake { offered, seen, said, reason, miss, kept, not_kept, .. } = handshake;
        let offered = offered.as_ref().map(|offer| Offered {
            kind: offer.kind.as_str().into(),
            session: seen.as_ref().map_or(&offer.session, |seen| &seen.session).clone(),
            early_data: offer.early_data,
        });
        let session = seen.as_ref().and_then(|seen| Some((seen.about?, &seen.elsewhere)));
        let here = || Elsewhere { listener: listener.clone(), site: site.clone(), server_name: server_name.clone() };
        let session = session.map(|(About { authenticated, expires, .. }, elsewhere)| {
            let here = here();
            let at = elsewhere.as_ref().unwrap_or(&here);
            let (listener, site) = (at.listener.to_string(), at.site.to_string());
            Session {
                authenticated,
                expires,
                listener,
                site,
                server_name: at.server_name.as_deref().map(str::to_owned),
            }
        });
        let look_up = seen.as_ref().and_then(|seen| seen.look_up);
        let looked_up =
            |LookUp { tier, took }| LookedUp { tier: tier.map(|tier| tier + 1), seconds: took.as_secs_f64() };
        let named = VERSIONS.iter().find(|(_, wire)| wire == version);
        Self {
            number,
            time: *time,
            client: client.map(|client| client.to_string()),
            listener: listener.to_string(),
            site: site.to_string(),
            server_name: server_name.as_deref().map(str::to_owned),
            version: named.map(|(name, _)| (*name).to_owned()).unwrap_or_default(),
            resumed: reason.step() == Step::Resumed,
            step: Some(reason.step()),
            reason: reason.as_str().into(),
            detail: miss.as_ref().map_or_else(|| reason.as_str().to_owned(), ToString::to_string),
            offered,
            session,
            look_up: look_up.map(looked_up),
            policies: said.iter().map(Said::of).collect(),
            kept: kept.as_ref().map(|(session, until)| Kept { session: session.clone(), until: *until }),
            not_kept: not_kept.as_ref().map(ToString::to_string),
        }
    }
}

impl Said {
    fn of(said: &handshake::Said) -> Self {
        Self {
            callback: said.callback.as_str().into(),
            policy: said.policy.to_string(),
            generation: said.generation,
            verdict: said.verdict.into(),
            failure: said.failure.map(str::to_owned),
            seconds: said.took.as_secs_f64(),
        }
    }
}
