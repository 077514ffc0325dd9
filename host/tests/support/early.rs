//! Both ends of 0-RTT: a server that allows it, and a client that can send it.

use std::io::{Read, Write};

use openssl::ssl::{
    ErrorCode, Ssl, SslContext, SslMethod, SslOptions, SslSession, SslSessionCacheMode, SslStream, SslVerifyMode,
};
use reprise::{Host, Listener};

use super::wire::Wire;

/// What clients send as 0-RTT data.
pub const EARLY: &[u8] = b"GET /once HTTP/1.1\r\n\r\n";

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

/// Everything that a client sends before it hears anything: whoever sees it can send it again.
pub fn first_flight(session: &SslSession) -> Vec<u8> {
    let mut client = offering(session, Wire::from_client(Vec::new()));
    client.write_early_data(EARLY).unwrap();
    client.get_mut().take_sent()
}

/// What a server's connection accepts of a flight that somebody sends, taken up again for as long as it asks for that.
pub fn receive(server: Ssl, flight: &[u8]) -> (Vec<u8>, SslStream<Wire>) {
    let mut stream = SslStream::new(server, Wire::from_client(flight.to_vec())).unwrap();
    let (mut accepted, mut buffer) = (Vec::new(), [0; 64]);
    loop {
        match stream.read_early_data(&mut buffer) {
            Ok(0) => break,
            Ok(length) => accepted.extend(&buffer[..length]),
            Err(error) if error.code() == ErrorCode::WANT_CLIENT_HELLO_CB => {}
            Err(error) => {
                assert_eq!(error.code(), ErrorCode::WANT_READ, "{error}");
                break;
            }
        }
    }
    (accepted, stream)
}
