//! What `reprise revoke` asks of a server, and what it is answered.

use std::time::Duration;

use hyper::StatusCode;
use reprise::{Host, status::Revocation};
use reprise_session::{
    hex::{hex, unhex},
    printable::json,
};
use reprise_store::revocation::{Matcher, NotShared, Revoked};
use serde::{Deserialize, Serialize};
use tokio::time::timeout;

use crate::http::Answer;

/// The longest that other nodes are waited for: the command waits for its server a little longer.
pub(crate) const LONGEST_WAIT: Duration = Duration::from_secs(45);
/// How much longer than it was told to a store may take.
const GRACE: Duration = Duration::from_secs(5);

const PREFIX: &str = "/revoke/";

/// A revocation to be made. It goes to the server in a request's path, for a body is not read.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Wish {
    pub(crate) matcher: Matcher,
    /// As in [`Host::revoke`].
    pub(crate) until: Option<u64>,
    pub(crate) wait: Duration,
}

/// What became of it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Made {
    pub(crate) revoked: Revocation,
    /// Whether the server's store is one that nodes share.
    pub(crate) shared: bool,
    pub(crate) nodes: Vec<Node>,
    /// What may have been meant otherwise.
    pub(crate) doubt: Option<String>,
    /// Why no other node was told.
    pub(crate) error: Option<String>,
}

/// A node, and whether it has said that it knows.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Node {
    pub(crate) node: String,
    pub(crate) knows: bool,
    /// Seconds since it was last heard from.
    pub(crate) heard: u64,
}

impl Wish {
    /// The path of the request.
    pub(crate) fn path(&self) -> Result<String, postcard::Error> {
        Ok(format!("{PREFIX}{}", hex(&postcard::to_stdvec(self)?)))
    }

    /// The wish that a path is for.
    pub(super) fn of(path: &str) -> Option<Self> {
        match postcard::take_from_bytes(&unhex(path.strip_prefix(PREFIX)?)?) {
            Ok((wish, [])) => Some(wish),
            _ => None,
        }
    }

    /// A policy's name may have been typed wrong: notes of one that is gone are revoked as well, and those of none not.
    fn doubt(&self, host: &Host) -> Option<String> {
        let Matcher::Note { policy: Some(policy), .. } = &self.matcher else { return None };
        let live: Vec<String> = host.policies().list().into_iter().map(|report| report.name).collect();
        (!live.contains(policy)).then(|| {
            let live = if live.is_empty() { "none is".into() } else { format!("these are: {}", live.join(", ")) };
            format!(
                "no policy named {policy} is live at the server asked ({live}): only its sessions from before are meant"
            )
        })
    }

    /// Makes the revocation, and answers once it is known who knows.
    pub(super) async fn fulfil(self, host: &Host) -> Answer {
        let wait = self.wait.min(LONGEST_WAIT);
        let doubt = self.doubt(host);
        let mut revoking = host.revoke(self.matcher, self.until, wait);
        let revoked = Revocation::from(revoking.revocation());
        let made = match timeout(wait + GRACE, &mut revoking).await {
            Ok(Ok(Revoked { shared, nodes, .. })) => {
                let nodes =
                    nodes.into_iter().map(|known| Node { node: known.node, knows: known.knows, heard: known.heard });
                Made { revoked, shared, nodes: nodes.collect(), doubt, error: None }
            }
            Ok(Err(NotShared { cause, .. })) => {
                Made { revoked, shared: true, nodes: Vec::new(), doubt, error: Some(cause.to_string()) }
            }
            Err(_elapsed) => {
                let error = Some(format!("session store unavailable: no answer within {:?}", wait + GRACE));
                Made { revoked, shared: true, nodes: Vec::new(), doubt, error }
            }
        };
        match json(&made) {
            Ok(json) => Answer::new(StatusCode::OK, "application/json", json + "\n"),
            Err(error) => Answer::text(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
        }
    }
}
