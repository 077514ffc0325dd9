//! A policy held against vectors: settings, calls and the verdicts that are expected, in a file
//! that any language's author can read and write.
//!
//! The policy runs as it would in a server: in the sandbox, loaded, configured and probed, asked
//! through the chain. What differs is time, of which there is plenty. `reprise test POLICY VECTORS`
//! is this on the command line.
//!
//! # Layout
//!
//! - `text`: the file, and what is wrong with one
//! - `facts`: the connection, session and certificate that every call starts from
//! - `run`: asking the policy, and comparing

mod facts;
mod run;
mod text;

#[cfg(test)]
mod tests;

use reprise_session::session::SessionId;

use crate::policy::{
    Callback, Manifest,
    wit::types::{Connection, GetVerdict, Removal, RemoveVerdict, Session, Terms},
};

pub use self::{
    run::{Outcome, Subject},
    text::SuiteError,
};

/// Vectors, in the order of their file.
#[derive(Clone, Debug)]
pub struct Suite {
    vectors: Vec<Vector>,
}

/// One property of a policy, under settings of its own. Nothing is carried from one vector to the next.
#[derive(Clone, Debug)]
struct Vector {
    name: String,
    /// A NAME.toml with the vector's settings and nothing else.
    manifest: Manifest,
    expected: Expected,
}

#[derive(Clone, Debug)]
enum Expected {
    /// `configure` refuses the settings with a message that has this in it.
    Rejected(String),
    /// It takes them, and answers these calls, one after the other.
    Verdicts(Vec<Call>),
}

/// One call and what is expected of it.
#[derive(Clone, Debug)]
struct Call {
    question: Question,
    /// What the policy counts in this call, sorted by name; none where that does not matter.
    counts: Option<Vec<(String, u64)>>,
}

#[derive(Clone, Debug)]
enum Question {
    New { connection: Connection, session: Session, note: Note, expected: Kept },
    Get { connection: Connection, candidate: Session, note: Note, expected: GetVerdict },
    Remove { id: SessionId, session: Option<(Session, Note)>, why: Removal, expected: RemoveVerdict },
}

impl Question {
    fn callback(&self) -> Callback {
        match self {
            Question::New { .. } => Callback::New,
            Question::Get { .. } => Callback::Get,
            Question::Remove { .. } => Callback::Remove,
        }
    }
}

/// The note that a session is shown with.
#[derive(Clone, Debug)]
enum Note {
    /// None.
    Absent,
    /// These bytes.
    Bytes(Vec<u8>),
    /// The one that the vector's last `new-session` attached.
    Kept,
}

/// What is expected of `new-session`.
#[derive(Clone, Debug)]
enum Kept {
    Refused,
    On(Box<ExpectedTerms>),
}

/// The terms that are expected; what is not said is expected to be none.
#[derive(Clone, Debug)]
struct ExpectedTerms {
    terms: Terms,
    /// There is to be a note, whatever its bytes.
    any_note: bool,
}

impl Suite {
    /// How many vectors there are.
    pub fn len(&self) -> usize {
        self.vectors.len()
    }

    /// Whether there are none, which [`parse`](Self::parse) does not let through.
    pub fn is_empty(&self) -> bool {
        self.vectors.is_empty()
    }
}
