//! What the chain of policies answers, once every verdict is merged.

use std::{sync::Arc, time::Duration};

use reprise_session::verdict::wit::types::{Attributes, GetVerdict, NewVerdict, Priority, Reach, RemoveVerdict};

pub use reprise_session::verdict::{Failure, Notes};

use super::counts::{self, VERDICTS};

/// What all policies together ask for when a session is kept. `None`: no policy had an opinion.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Terms {
    /// The shortest lifetime asked for, in seconds from now; never 0 (that is a refusal).
    pub lifetime: Option<u32>,
    /// True if any policy says so.
    pub single_use: Option<bool>,
    /// The nearest asked for.
    pub reach: Option<Reach>,
    /// The first given, in file-name order.
    pub priority: Option<Priority>,
    /// Every policy's note, those carried over from the session resumed included.
    pub notes: Notes,
    /// Attributes asked for, in file-name order.
    pub attributes: Attributes,
}

/// Whether a new session is kept.
#[derive(Clone, Debug, PartialEq)]
pub enum NewDecision {
    /// No policy objects.
    Keep(Terms),
    /// At least one policy objects; this is the first of them.
    Refuse(Objection),
}

/// Whether a candidate resumes, as far as policies go.
#[derive(Clone, Debug, PartialEq)]
pub enum GetDecision {
    /// No policy objects.
    Resume {
        /// False if a policy answered `resume-without-early-data`.
        early_data: bool,
    },
    /// At least one policy objects; this is the first of them.
    FullHandshake(Objection),
}

/// The policy that stood in the way, and whether by its word or by its failure.
#[derive(Clone, Debug, PartialEq)]
pub struct Objection {
    /// The policy's name.
    pub policy: Arc<str>,
    /// Why its call failed, where it did.
    pub failure: Option<Failure>,
}

/// One of the callbacks that policies export, an interface each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Callback {
    /// `new-session`: a session was made.
    New,
    /// `get-session`: a client offers one.
    Get,
    /// `remove-session`: one was given up.
    Remove,
}

impl Callback {
    /// All three.
    pub const ALL: [Callback; 3] = [Callback::New, Callback::Get, Callback::Remove];

    /// The interface's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Callback::New => "new-session",
            Callback::Get => "get-session",
            Callback::Remove => "remove-session",
        }
    }
}

/// What an operator or the policy's author does about it.
pub(super) fn advice(failure: Failure) -> &'static str {
    match failure {
        Failure::Trap => "correct the policy; `reprise test` asks it the same without a server",
        Failure::Deadline => "make it faster, or give it more time: `budget-ms` in its .toml",
        Failure::Saturated => "make it faster, or give it more `instances` in its .toml",
        Failure::InvalidVerdict => "correct the policy: its verdict breaks a limit of wit/session-cache.wit",
        Failure::Retired => "nothing is to be done: its generation was replaced while the handshake went on",
        Failure::Quarantined => "correct the policy; `reprise policies reload` tries it again",
        Failure::NotLoaded => "fix it, or remove its module",
        Failure::NoStack => "call OpenSSL on threads with a larger stack",
    }
}

/// What one policy said on one call.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// Its verdict in `new-session`.
    New(NewVerdict),
    /// Its verdict in `get-session`.
    Get(GetVerdict),
    /// Its verdict in `remove-session`.
    Remove(RemoveVerdict),
    /// It does not export this callback, or the connection is outside its `share`.
    NoOpinion,
    /// The call failed and counts as an objection.
    FailedObjecting(Failure),
    /// The call failed and, by its NAME.toml, counts as no opinion.
    FailedAbstaining(Failure),
}

impl Answer {
    /// The verdict in the words of the interface, or what there is in its place.
    pub fn as_str(&self) -> &'static str {
        if let Some(at) = counts::verdict(self) {
            return VERDICTS[at].1;
        }
        match self {
            Answer::FailedObjecting(_) => "failed-objecting",
            Answer::FailedAbstaining(_) => "failed-abstaining",
            _ => "no-opinion",
        }
    }

    /// Why the call failed, if it did.
    pub fn failure(&self) -> Option<Failure> {
        match self {
            Answer::FailedObjecting(failure) | Answer::FailedAbstaining(failure) => Some(*failure),
            _ => None,
        }
    }
}

/// One policy's part in a decision.
#[derive(Clone, Debug, PartialEq)]
pub struct Asked {
    /// The policy's name: the file's stem without its number.
    pub policy: Arc<str>,
    /// The generation that was asked: 1 for the first module that went live under this name, then counting.
    pub generation: u64,
    /// What it said.
    pub answer: Answer,
    /// What it took of the handshake's time for policies: the call, and the wait for an instance.
    pub took: Duration,
}
