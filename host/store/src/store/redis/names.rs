//! What the store's keys and its channel are called.

use reprise_session::session::SessionId;

/// Names that begin with the namespace and a colon, all of them.
pub struct Names {
    session: Vec<u8>,
    /// The version of the notices. In a Cluster in the same slot as the next two.
    pub version: Vec<u8>,
    /// The notices: a sorted set, by when they expire.
    pub notices: Vec<u8>,
    /// The nodes: a hash of what each has said last.
    pub nodes: Vec<u8>,
    /// Where nodes are told of sessions that are gone and of notices that are new.
    pub channel: Vec<u8>,
}

impl Names {
    pub fn new(namespace: &str) -> Self {
        let name = |rest: &str| format!("{namespace}:{rest}").into_bytes();
        Self {
            session: name("s:"),
            version: name("{notices}:version"),
            notices: name("{notices}"),
            nodes: name("{notices}:nodes"),
            channel: name("news"),
        }
    }

    /// The key of a session: its id as it is, in a Cluster in any slot.
    pub fn session(&self, id: &SessionId) -> Vec<u8> {
        [&self.session, id.as_bytes().as_slice()].concat()
    }
}
