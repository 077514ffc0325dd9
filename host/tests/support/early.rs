//! Both ends of 0-RTT: a server that allows it, and a client that can send it.

use std::io::{Read, Write};

use openssl::ssl::{Ssl, SslContext, SslMethod, SslOptions, SslSession, SslSessionCacheMode, SslStream, SslVerifyMode};
use reprise::{Host, Listener};

/// A context like that of `installed`, which allows 0-RTT data.
pub fn accepting(host: &Host) -> SslContext {
    super::installed_as(host, Listener::named("public"), |context| context.set_max_early_data(1024).unwrap())
}

/// A client that offers `session`, over `stream`, and has sent nothing yet.
pub fn offering<S: Read + Write>(session: &SslSession, stream: S) -> SslStream<S> {
    let mut context = SslContext::builder(SslMethod::tls_client()).unwrap();
    context.set_verify(SslVerifyMode::NONE);
    context.set_options(SslOptions::empty());
    context.set_session_cache_mode(SslSessionCacheMode::CLIENT | SslSessionCacheMode::NO_INTERNAL);
    let mut ssl = Ssl::new(&context.build()).unwrap();
    ssl.set_hostname("a.example").unwrap();
    let session = SslSession::from_der(&session.to_der().unwrap()).unwrap();
    // SAFETY: the session was made by a context of the same shape.
    unsafe { ssl.set_session(&session) }.unwrap();
    SslStream::new(ssl, stream).unwrap()
}
