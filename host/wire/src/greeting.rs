//! Who is there, and what a module needs to know.

use reprise_session::session::{IdKey, SessionId};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::{Garbled, VERSION, secret::Challenge};

/// What a module says first on each of its sockets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Greeting {
    /// [`VERSION`]. It stays the first field of every version.
    pub version: u16,
    /// The program, as its settings name it.
    pub program: String,
    /// Its process, as it knows itself.
    pub process: u32,
    /// A module has two lines at a time, which have this number in common.
    pub pair: u64,
    /// Whether calls come here that want no answer, and nothing else.
    pub quiet: bool,
    /// Whether it looks at handshakes, and wants no keys.
    pub observes: bool,
    /// Where it could not reach the socket's file: what the agent is to prove itself with.
    pub challenge: Option<Challenge>,
}

/// What an agent answers.
#[derive(Clone, Serialize, Deserialize)]
pub enum Welcome {
    /// It goes on.
    Keys(IdKeys),
    /// It does not, for this reason.
    Refused(String),
    /// An operator has its program left alone.
    StandsDown,
    /// It is heard, and gets no keys.
    Observes,
    /// Before any of these: the agent's proof, and what the module is to prove itself with.
    Proves {
        /// Of the module's challenge.
        proof: Challenge,
        /// The agent's.
        challenge: Challenge,
    },
}

/// The keys that session ids are made and recognised with. Of the ring, a module has no others.
#[derive(Clone, Serialize, Deserialize)]
pub struct IdKeys {
    /// Which of them makes ids.
    makes: usize,
    keys: Vec<Zeroizing<[u8; IdKey::LENGTH]>>,
}

impl IdKeys {
    /// These; the one at `makes` makes ids.
    pub fn new(makes: usize, keys: &[IdKey]) -> Self {
        Self { makes, keys: keys.iter().map(IdKey::to_bytes).collect() }
    }

    /// Ready for use. None without any.
    pub fn ready(self) -> Option<Ids> {
        let keys: Vec<_> = self.keys.into_iter().map(IdKey::new).collect();
        (self.makes < keys.len()).then_some(Ids { makes: self.makes, keys })
    }
}

/// Makes session ids, and recognises them.
pub struct Ids {
    makes: usize,
    keys: Vec<IdKey>,
}

impl Ids {
    /// The id with this nonce.
    pub fn id(&self, nonce: [u8; 16]) -> SessionId {
        self.keys[self.makes].id(nonce)
    }

    /// `offered` as a session id, if one of the keys made it.
    pub fn recognise(&self, offered: &[u8]) -> Option<SessionId> {
        self.keys.iter().rev().find_map(|key| key.recognise(offered))
    }
}

impl Greeting {
    /// Of this version.
    pub fn new(program: impl Into<String>, pair: u64, quiet: bool) -> Self {
        let (process, observes, challenge) = (std::process::id(), false, None);
        Self { version: VERSION, program: program.into(), process, pair, quiet, observes, challenge }
    }

    /// As bytes.
    pub fn encode(&self) -> Vec<u8> {
        postcard::to_stdvec(self).unwrap_or_default()
    }

    /// Of bytes.
    ///
    /// # Errors
    /// They are of no greeting.
    pub fn decode(bytes: &[u8]) -> Result<Self, Garbled> {
        postcard::from_bytes(bytes).map_err(|_| Garbled { expected: "a greeting" })
    }
}

impl Welcome {
    /// As bytes. They hold secrets.
    pub fn encode(&self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(postcard::to_stdvec(self).unwrap_or_default())
    }

    /// Of bytes.
    ///
    /// # Errors
    /// They are of no answer to a greeting.
    pub fn decode(bytes: &[u8]) -> Result<Self, Garbled> {
        postcard::from_bytes(bytes).map_err(|_| Garbled { expected: "an answer to a greeting" })
    }
}
