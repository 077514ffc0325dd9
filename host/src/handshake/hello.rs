//! A handshake begins.

use std::sync::Arc;

use reprise_openssl::facts::{HelloFacts, Turn};
use reprise_policy::policy::{Chain, wit::types};
use reprise_session::session::{Border, Miss};

use super::{Connection, Deciding, Handshake, Kept, Phase, Resources, Sought, Stage, in_text};

impl Connection {
    /// Takes the facts of a ClientHello; of one that begins a handshake, the policies in force too.
    pub(super) fn heard(&mut self, hello: &HelloFacts<'_>) {
        let mut handshake = match (hello.turn, std::mem::take(&mut self.phase)) {
            (Turn::Again | Turn::Second, Phase::Heard(handshake)) => handshake,
            _ => {
                self.counted = false;
                Box::new(Handshake::begins(self.resources.upgrade().as_deref(), hello))
            }
        };
        if hello.turn == Turn::Second {
            handshake.second = true;
            // OpenSSL looks anew for the session that it resumes. What was looked up and judged stays: all that it rests on does.
            handshake.found.handed = None;
            handshake.facts.server_name.clone_from(&hello.hello.server_name);
            handshake.facts.early_data = hello.hello.early_data;
            handshake.hello = hello.hello.clone();
        }
        handshake.settle(hello);
        self.phase = Phase::Heard(handshake);
    }
}

impl Handshake {
    fn begins(resources: Option<&Resources>, hello: &HelloFacts<'_>) -> Self {
        let policies = resources.map(|resources| resources.chain().map(|chain| (chain, resources.budget())));
        let (stage, border) = match policies {
            None => (Stage::Over, Err(Miss::HostGone)),
            Some(None) => (Stage::Over, Err(Miss::Forked)),
            Some(Some((chain, budget))) => (Stage::Deciding(Deciding::by(chain, budget)), Err(Miss::NoHook)),
        };
        let facts = types::Connection {
            server_name: hello.hello.server_name.clone(),
            peer: None,
            listener: String::new(),
            now: resources.map_or(0, Resources::now),
            early_data: hello.hello.early_data,
            attributes: Vec::new(),
        };
        Self {
            hello: hello.hello.clone(),
            second: false,
            facts,
            peer: None,
            here: None,
            border,
            stage,
            found: Sought::default(),
            kept: Kept::default(),
        }
    }

    /// Where it belongs, now that the context is chosen.
    fn settle(&mut self, hello: &HelloFacts<'_>) {
        (self.peer, self.facts.peer) = (hello.peer, hello.peer.map(in_text));
        let place = hello.here.as_ref().map_or(&hello.hooked, |here| &here.place);
        self.facts.listener.clone_from(&place.listener);
        if matches!(self.border, Err(Miss::HostGone | Miss::Forked)) {
            return;
        }
        self.here.clone_from(&hello.here);
        let border = hello.here.as_ref().map(|here| here.border(self.hello.server_name.clone()));
        self.border = border.ok_or(if hello.learns { Miss::PlaceUnknown } else { Miss::NoHook });
        if let (Ok(border), Stage::Deciding(Deciding { policies, .. })) = (&self.border, &self.stage) {
            self.facts.attributes = attributes(policies, border);
        }
    }
}

/// What policies ask for beyond the records' fields.
fn attributes(policies: &Arc<Chain>, border: &Border) -> types::Attributes {
    if policies.asks_for("site") { vec![("site".into(), border.site.clone())] } else { Vec::new() }
}
