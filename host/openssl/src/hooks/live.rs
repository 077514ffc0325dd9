//! Which connections use which session now.
//!
//! remove_cb is given no `SSL` and no reason. This table ties a session's id to the connections that use it, so that the
//! cause can be told and a stranger's broken handshake is not taken for a fatal alert on an established connection.

use std::{collections::HashMap, convert::Infallible, sync::Arc};

use arc_swap::ArcSwapOption;
use reprise_session::lock::Mutex;
use reprise_session::{process::PerProcess, session::SessionId};

use crate::{facts::Users, ffi};

const SHARDS: usize = 16;

/// The table. An entry is an `SSL`'s address, there from when it takes up a session until its ex_data is freed.
///
/// It belongs to the process that made it: connections that came over with a fork leave it alone.
#[derive(Default)]
pub struct Live {
    shards: [Mutex<HashMap<SessionId, Vec<usize>>>; SHARDS],
}

static TABLE: ArcSwapOption<PerProcess<Live>> = ArcSwapOption::const_empty();

/// The table of this process.
pub fn table() -> Arc<PerProcess<Live>> {
    let Ok(table) = PerProcess::here(&TABLE, || Ok::<_, Infallible>(Live::default()));
    table
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
