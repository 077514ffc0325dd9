//! A small server, which does what it is told to, however wrong.

use std::{
    net::{SocketAddr, TcpListener},
    thread,
};

use openssl::ssl::{
    NameType, Ssl, SslContext, SslContextBuilder, SslMethod, SslOptions, SslRef, SslSessionCacheMode, SslStream,
};
use reprise_tests::certificates::Identity;

/// A context with this certificate.
pub fn context(identity: &Identity, adjust: impl FnOnce(&mut SslContextBuilder)) -> SslContext {
    let mut context = SslContext::builder(SslMethod::tls_server()).unwrap();
    context.set_certificate(&identity.certificate).unwrap();
    context.set_private_key(&identity.key).unwrap();
    context.set_session_id_context(b"all of it").unwrap();
    context.set_session_cache_mode(SslSessionCacheMode::SERVER);
    adjust(&mut context);
    context.build()
}

/// Has `b.example` served by another context, which is chosen when OpenSSL has looked for a session
/// already.
pub fn with_b(context: &mut SslContextBuilder, b: SslContext, also: impl Fn(&mut SslRef) + Send + Sync + 'static) {
    context.set_servername_callback(move |ssl, _| {
        if ssl.servername(NameType::HOST_NAME) == Some("b.example") {
            ssl.set_ssl_context(&b).expect("a context can be switched");
            also(ssl);
        }
        Ok(())
    });
}

/// Accepts 0-RTT data, and leaves it to nobody to see whether it was there before.
pub fn early_data(context: &mut SslContextBuilder) {
    const NO_ANTI_REPLAY: u64 = 1 << 24;
    context.set_max_early_data(1_024).unwrap();
    context.set_options(SslOptions::from_bits_retain(NO_ANTI_REPLAY));
}

/// Serves until the process ends, each connection on a thread, and says nothing.
pub fn serve(context: SslContext) -> SocketAddr {
    serve_each(move || Ssl::new(&context).unwrap())
}

/// The same with this certificate in place of the context's.
pub fn serve_as(context: SslContext, identity: Identity) -> SocketAddr {
    serve_each(move || {
        let mut ssl = Ssl::new(&context).unwrap();
        ssl.set_certificate(&identity.certificate).unwrap();
        ssl.set_private_key(&identity.key).unwrap();
        ssl
    })
}

fn serve_each(connection: impl Fn() -> Ssl + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for tcp in listener.incoming() {
            let mut stream = SslStream::new(connection(), tcp.unwrap()).unwrap();
            thread::spawn(move || {
                let mut buffer = [0; 256];
                if stream.ssl().ssl_context().max_early_data() > 0 {
                    while stream.read_early_data(&mut buffer).is_ok_and(|length| length > 0) {}
                }
                if stream.accept().is_ok() {
                    while stream.ssl_read(&mut buffer).is_ok_and(|length| length > 0) {}
                    let _ = stream.shutdown();
                }
            });
        }
    });
    address
}
