use std::{cell::RefCell, sync::LazyLock};

use openssl::ssl::{
    ClientHelloResponse, ErrorCode, NameType, Ssl, SslContext, SslMethod, SslOptions, SslSessionCacheMode,
};
use reprise::{
    fuzzing::{Hello, read_hello},
    session::ServerName,
};

use crate::wire::{Wire, records, server};

/// The ClientHello parser: what it reads is what OpenSSL acts on.
///
/// The bytes are a handshake message. A server reads it; the host's view of it is taken in the client-hello callback, OpenSSL's is
/// the server name it has afterwards and the sessions that it looks for. Where OpenSSL ends the handshake, nothing was acted on.
pub fn hello(message: &[u8]) {
    static SERVER: LazyLock<SslContext> = LazyLock::new(listening);
    let ssl = Ssl::new(&SERVER).expect("there is memory");
    SEEN.take();
    let mut stream = Wire::new(records(message)).accepting(ssl);
    let refused = stream.do_handshake().expect_err("a ClientHello is not all");
    let Seen { hello, looked_up } = SEEN.take();
    let Some(hello) = hello else { return assert!(looked_up.is_empty(), "nothing is looked up unseen") };
    for id in looked_up {
        let legacy = hello.session_id.is_some() && id == legacy_session_id(message);
        let seen = legacy || hello.identities.contains(&id);
        assert!(seen || hello.more_identities, "{id:02x?} was looked up, and is not in {hello:?}");
        // By these a look-up goes ahead of OpenSSL's.
        let foreseen = legacy || hello.supports_tls13 && hello.psk_with_key_exchange;
        assert!(foreseen, "{id:02x?} was looked up, and TLS 1.3 does not resume by {hello:?}");
    }
    assert!(hello.identities.len() <= 2);
    if refused.code() != ErrorCode::WANT_READ {
        return;
    }
    match stream.ssl().servername_raw(NameType::HOST_NAME).unwrap_or_default() {
        // To a client that names nobody, and to one that says so, the same applies.
        b"" => assert_eq!(hello.server_name, None),
        name => {
            assert_eq!(hello.server_name, Some(ServerName::of_client(name)));
        }
    }
}

/// The `legacy_session_id`, which comes after type, length, version and random (RFC 8446 section 4.1.2).
fn legacy_session_id(message: &[u8]) -> &[u8] {
    let Some((length, rest)) = message.get(4 + 2 + 32..).and_then(<[u8]>::split_first) else { return &[] };
    rest.get(..usize::from(*length)).unwrap_or_default()
}

/// What a handshake's callbacks were given.
#[derive(Default)]
struct Seen {
    hello: Option<Hello>,
    looked_up: Vec<Vec<u8>>,
}

thread_local! {
    static SEEN: RefCell<Seen> = RefCell::default();
}

/// A server that keeps what its callbacks are given.
fn listening() -> SslContext {
    let mut context = server(SslMethod::tls_server());
    context.set_options(SslOptions::NO_TICKET);
    context.set_session_cache_mode(SslSessionCacheMode::SERVER | SslSessionCacheMode::NO_INTERNAL);
    context.set_client_hello_callback(|ssl, _| {
        SEEN.with_borrow_mut(|seen| seen.hello = Some(read_hello(ssl)));
        Ok(ClientHelloResponse::SUCCESS)
    });
    // SAFETY: no session is returned, which could have been one of another context.
    unsafe {
        context.set_get_session_callback(|_, id| {
            SEEN.with_borrow_mut(|seen| seen.looked_up.push(id.to_vec()));
            None
        });
    }
    context.build()
}
