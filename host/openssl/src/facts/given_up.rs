//! OpenSSL gives a session up.

use serde::{Deserialize, Serialize};

/// What can be seen of the cause. remove_cb is given no `SSL` and no reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Circumstances {
    /// Who uses the session.
    pub users: Users,
    /// The connection that used it is being freed on this thread.
    pub freed: bool,
    /// OpenSSL's error queue is not empty.
    pub error: bool,
    /// Its last error is `SSL_R_UNEXPECTED_EOF_WHILE_READING`: an unclean close that OpenSSL 3 reports as an alert of ours.
    pub unexpected_eof: bool,
}

/// How many connections use a session, and how far they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Users {
    /// None that the hooks know.
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
