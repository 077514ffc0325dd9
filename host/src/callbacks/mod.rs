//! OpenSSL's side, and the only room with `unsafe`: the callbacks that OpenSSL calls, and safe access to what rust-openssl
//! does not offer. What a callback decides is decided in `handshake`, in safe code.
//!
//! - `install`: registers the callbacks on an `SSL_CTX`, and refuses one that is not ours to register on
//! - `site`: what an embedder says about a context, and its own client-hello callback and id generator
//! - `trampolines`: the C functions; no panic leaves them
//! - `ex_data`: what hangs on an `SSL_CTX` and an `SSL`
//! - `message`: OpenSSL's message callback, which has the ClientHello as it was sent
//! - `info`: OpenSSL's info callback, which tells that a handshake is complete
//! - `live`: which connections use which session now, to tell why OpenSSL gave one up
//! - `process`: watches for forks, and ends this process
//! - `tls`, `sessions`, `certificate`, `prototype`: `SSL`, `SSL_SESSION`, `X509` as the host needs them
//! - `ffi`: what openssl-sys does not declare
//!
//! The callbacks are raw ones with the host's pointer in ex_data. rust-openssl's safe ones look up the context that the
//! connection was switched to, while OpenSSL calls those of the first; and they panic on an `SSL` made by C.

#![allow(unsafe_code)]

pub mod certificate;
mod ex_data;
mod ffi;
mod info;
mod install;
pub mod live;
mod message;
pub mod process;
mod prototype;
pub mod sessions;
mod site;
pub mod tls;
mod trampolines;

pub(crate) use self::install::install;
pub use self::{
    info::Displaced,
    install::{InstallError, Owner, SessionCallbacks, session_callbacks},
    message::on_message,
    prototype::{LiveSession, prototype},
    site::{Alert, ClientHello, HelloResponse, Listener, Site},
};
