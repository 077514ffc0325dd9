//! What an operator may ask of the supervised policies.

use std::{
    mem,
    sync::mpsc::{Receiver, SyncSender, sync_channel},
};

use reprise_session::lock::Mutex;

use super::PolicyReport;

/// Why an operator's wish was not fulfilled. Nothing has changed then.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ControlError {
    /// There is no directory of policies, or it is not watched in this process.
    #[error("no directory of policies is watched in this process: {0}")]
    NotWatched(&'static str),
    /// No policy of this name is live.
    #[error("no policy named `{name}` is live; {}", listed(.live))]
    Unknown {
        /// The name asked for.
        name: String,
        /// The names of those that are.
        live: Vec<String>,
    },
    /// There is no generation to go back to.
    #[error(
        "policy `{name}`: generation {generation} is live, and no generation before it is kept; put the module that you want \
         into the directory"
    )]
    NothingBefore {
        /// The policy's name.
        name: String,
        /// Its generation.
        generation: u64,
    },
    /// The generation to go back to does not start any more.
    #[error("policy `{name}`: generation {generation} cannot take over: {reason}")]
    DoesNotStart {
        /// The policy's name.
        name: String,
        /// The generation that was to take over.
        generation: u64,
        /// What it does instead.
        reason: String,
    },
    /// The directory cannot be read.
    #[error("{0}; what is live stays live")]
    DirectoryLost(String),
}

/// What every wish ends in: how the policies are afterwards.
pub(super) type Reply = Result<Vec<PolicyReport>, ControlError>;

/// A wish on its way to the thread that supervises.
pub(super) struct Request {
    pub wish: Wish,
    pub reply: SyncSender<Reply>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    Reload,
    Rollback(String),
    Quarantine(String),
}

impl Request {
    pub fn new(wish: Wish) -> (Self, Receiver<Reply>) {
        let (reply, answer) = sync_channel(1);
        (Self { wish, reply }, answer)
    }
}

/// What operators wish, and nobody has seen to yet. None where nobody will.
#[derive(Default)]
pub(super) struct Requests(Mutex<Option<Vec<Request>>>);

/// While it lives, requests are seen to.
pub(super) struct Open<'a>(&'a Requests);

impl Requests {
    pub fn open(&self) -> Open<'_> {
        *self.0.lock() = Some(Vec::new());
        Open(self)
    }

    /// Adds a request; it is dropped, and its asker told so, where nobody will see to it.
    pub fn push(&self, request: Request) {
        if let Some(requests) = self.0.lock().as_mut() {
            requests.push(request);
        }
    }

    pub fn take(&self) -> Vec<Request> {
        self.0.lock().as_mut().map(mem::take).unwrap_or_default()
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        *self.0.0.lock() = None;
    }
}

fn listed(names: &[String]) -> String {
    if names.is_empty() { "no policy is live".into() } else { format!("expected one of: {}", names.join(", ")) }
}
