//! Which connections use which session now.
//!
//! remove_cb is given no `SSL` and no reason. This table ties a session's id to the connections that use it, so that the
//! cause can be told and a stranger's broken handshake is not taken for a fatal alert on an established connection.

use std::collections::HashMap;

use parking_lot::Mutex;
use reprise_session::{process, session::SessionId};

use super::ffi;

const SHARDS: usize = 16;

/// How many connections use a session, and how far they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Users {
    /// None that the host knows.
    None,
    /// One.
    One {
        /// Its handshake is complete: `SSL_get_state` is `TLS_ST_OK`, which an alert does not change.
        established: bool,
        /// An alert ended it: OpenSSL's state machine is back `SSL_in_init` before it sends one and when it has received one.
        failed: bool,
    },
    /// More than one; which of them gave the session up cannot be told.
    Several,
}

/// The table. An entry is an `SSL`'s address, there from when it takes up a session until its ex_data is freed.
///
/// It belongs to the process that made it. In a forked child its locks may be held for ever by threads that are not there:
/// connections that came over with the fork leave it alone.
pub struct Live {
    process: u32,
    shards: [Mutex<HashMap<SessionId, Vec<usize>>>; SHARDS],
}

impl Default for Live {
    fn default() -> Self {
        Self { process: process::id(), shards: Default::default() }
    }
}

impl Live {
    fn shard(&self, id: &SessionId) -> &Mutex<HashMap<SessionId, Vec<usize>>> {
        &self.shards[usize::from(id.as_bytes()[0]) % SHARDS]
    }

    /// The connection at `ssl` uses the session from now on.
    pub fn enter(&self, id: SessionId, ssl: usize) {
        let mut shard = self.shard(&id).lock();
        let users = shard.entry(id).or_default();
        if !users.contains(&ssl) {
            users.push(ssl);
        }
    }

    /// The connection at `ssl` is going.
    pub fn leave(&self, id: &SessionId, ssl: usize) {
        if self.process != process::id() {
            return;
        }
        let mut shard = self.shard(id).lock();
        if let Some(users) = shard.get_mut(id) {
            users.retain(|&user| user != ssl);
            if users.is_empty() {
                shard.remove(id);
            }
        }
    }

    /// Who uses the session now. For remove_cb, on the thread of the connection that gives it up, and only while that
    /// connection is in the table.
    pub fn users(&self, id: &SessionId) -> Users {
        let shard = self.shard(id).lock();
        match shard.get(id).map(Vec::as_slice) {
            None | Some([]) => Users::None,
            Some(&[ssl]) => {
                // SAFETY: the connection is alive: it is in the table until its ex_data is freed, which waits for this
                // shard's lock, and `SSL_free` frees ex_data before the memory of the connection. OpenSSL calls remove_cb on
                // the thread that works on the connection (there is no internal cache that another could flush), so nothing
                // writes its state meanwhile; these are plain field reads.
                let (state, in_init) = unsafe {
                    let ssl = ssl as *const ffi::SSL;
                    (ffi::SSL_get_state(ssl), ffi::SSL_in_init(ssl))
                };
                Users::One { established: state == ffi::TLS_ST_OK, failed: in_init == 1 }
            }
            Some(_) => Users::Several,
        }
    }
}
