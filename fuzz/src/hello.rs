use std::sync::LazyLock;

use openssl::ssl::{ErrorCode, NameType, SslContext};
use reprise::session::ServerName;

use crate::watching::{Seen, watch, watching};

/// Of every id that a host here makes.
const ID_LENGTH: usize = 32;

/// The ClientHello parser: what it reads is what OpenSSL acts on.
///
/// The bytes are a handshake message. A server reads it; the host's view of it is taken in the client-hello callback, OpenSSL's is
/// the server name it has afterwards and the sessions that it looks for. Where OpenSSL ends the handshake, nothing was acted on.
pub fn hello(message: &[u8]) {
    static SERVER: LazyLock<SslContext> = LazyLock::new(|| watching(|| None).build());
    let (stream, refused, Seen { hello, looked_up }) = watch(&SERVER, message);
    let Some(hello) = hello else { return assert!(looked_up.is_empty(), "nothing is looked up unseen") };
    for id in looked_up {
        let short = id.len() != ID_LENGTH && id == legacy_session_id(message);
        if short {
            assert_eq!(hello.session_id, None, "{id:02x?} is as long as no session's here");
            continue;
        }
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
