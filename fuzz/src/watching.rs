//! A server that keeps what OpenSSL gives the callbacks, for one ClientHello.

use std::cell::RefCell;

use openssl::ssl::{
    ClientHelloResponse, Error, Ssl, SslContext, SslContextBuilder, SslMethod, SslOptions, SslSession,
    SslSessionCacheMode, SslStream,
};
use reprise::fuzzing::{Hello, read_hello};

use crate::wire::{Wire, records, server};

/// What a handshake's callbacks were given.
#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) hello: Option<Hello>,
    /// The sessions that were looked up, in this order.
    pub(crate) looked_up: Vec<Vec<u8>>,
}

thread_local! {
    static SEEN: RefCell<Seen> = RefCell::default();
}

/// A server whose cache has this under every id.
pub(crate) fn watching(session: fn() -> Option<SslSession>) -> SslContextBuilder {
    let mut context = server(SslMethod::tls_server());
    context.set_options(SslOptions::NO_TICKET);
    context.set_session_cache_mode(SslSessionCacheMode::SERVER | SslSessionCacheMode::NO_INTERNAL);
    context.set_client_hello_callback(|ssl, _| {
        SEEN.with_borrow_mut(|seen| seen.hello = Some(read_hello(ssl)));
        Ok(ClientHelloResponse::SUCCESS)
    });
    // SAFETY: a session that is returned was made by a context of the same shape.
    unsafe {
        context.set_get_session_callback(move |_, id| {
            SEEN.with_borrow_mut(|seen| seen.looked_up.push(id.to_vec()));
            session()
        });
    }
    context
}

/// What the server comes to with this handshake message, why it does not go on, and what was seen.
pub(crate) fn watch(server: &SslContext, message: &[u8]) -> (SslStream<Wire>, Error, Seen) {
    let ssl = Ssl::new(server).expect("there is memory");
    SEEN.take();
    let mut stream = Wire::new(records(message)).accepting(ssl);
    let refused = stream.do_handshake().expect_err("a ClientHello is not all");
    (stream, refused, SEEN.take())
}
