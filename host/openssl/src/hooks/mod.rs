//! The callbacks that OpenSSL calls, and what hangs on its objects. What a callback answers is decided behind the
//! [`Handler`](crate::Handler); what is done about the answer is done here.
//!
//! - `install`: registers the callbacks on an `SSL_CTX`, and refuses one that is not ours to register on
//! - `site`: what an embedder says about a context, and its own client-hello callback and id generator
//! - `places`: where a context is, by its configuration, where nobody says so
//! - `switches`: where handshakes end up that are switched to another context late
//! - `trampolines`: the C functions; no panic leaves them
//! - `ex_data`: what hangs on an `SSL_CTX` and an `SSL`
//! - `connection`: what of a connection's handshakes OpenSSL's side has to remember
//! - `client_hello`, `offer`, `session`, `done`: the callbacks in safe code, in the order of a handshake
//! - `message`: OpenSSL's message callback, which has the ClientHello as it was sent
//! - `info`: OpenSSL's info callback, which tells that a handshake is complete
//! - `live`: which connections use which session now, to tell why OpenSSL gave one up
//!
//! The callbacks are raw ones with the handler's pointer in ex_data. rust-openssl's safe ones look up the context that the
//! connection was switched to, while OpenSSL calls those of the first; and they panic on an `SSL` made by C.

pub(crate) mod client_hello;
pub(crate) mod connection;
mod done;
pub(crate) mod ex_data;
mod info;
mod install;
mod live;
mod message;
mod offer;
pub(crate) mod places;
mod session;
pub(crate) mod site;
pub(crate) mod switches;
pub(crate) mod trampolines;

pub use self::{
    client_hello::{on_client_hello, read_hello},
    connection::{allows_early_data, attach, hello_seen, pending_lookup, proof, wake_by, with_handshakes},
    install::{InstallError, Owner, SessionCallbacks, Settings, install, session_callbacks},
    message::on_message,
    site::{Alert, ClientHello, Listener},
};
