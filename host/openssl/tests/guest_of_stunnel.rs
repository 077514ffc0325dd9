//! A program that hangs data of its own on sessions, as stunnel and FreeRADIUS do, is left alone: what it says there is not in a
//! session's encoding.

use std::sync::Arc;

use openssl::ssl::{Ssl, SslContext, SslMethod, SslSession, SslStream, SslVersion};
use reprise_openssl::{
    Handler, Handshakes,
    facts::Circumstances,
    guest::{Guest, join},
};
use reprise_session::session::SessionId;
use reprise_testing::certificates;

/// Is asked nothing.
struct Never;

impl Handler for Never {
    fn connection(&self) -> Box<dyn Handshakes> {
        panic!("a connection of a program that is left alone")
    }

    fn new_id(&self, _: [u8; 16]) -> Option<SessionId> {
        panic!("a session of a program that is left alone")
    }

    fn recognises(&self, _: &[u8]) -> bool {
        panic!("an id of a program that is left alone")
    }

    fn given_up(&self, _: SessionId, _: Circumstances) {
        panic!("a session of a program that is left alone")
    }
}

#[test]
fn a_program_with_data_of_its_own_on_sessions_is_left_alone() {
    join(Guest { handler: Arc::new(Never), listener: "here".into(), observes: false }).unwrap();
    // The module is loaded first, and the program comes to this later.
    let index = own_index();
    assert!(index > 0);
    let identity = certificates::server();
    let mut context = SslContext::builder(SslMethod::tls_server()).unwrap();
    context.set_certificate(&identity.certificate).unwrap();
    context.set_private_key(&identity.key).unwrap();
    context.set_session_id_context(b"its own").unwrap();
    let context = context.build();
    let mut session: Option<Vec<u8>> = None;
    for visit in 0..2 {
        let (near, far) = std::os::unix::net::UnixStream::pair().unwrap();
        let ssl = Ssl::new(&context).unwrap();
        let serving = std::thread::spawn(move || SslStream::new(ssl, far).unwrap().accept().is_ok());
        let mut client = SslContext::builder(SslMethod::tls_client()).unwrap();
        client.set_max_proto_version(Some(SslVersion::TLS1_2)).unwrap();
        let mut ssl = Ssl::new(&client.build()).unwrap();
        if let Some(session) = &session {
            // SAFETY: it was made by this program, with a context of the same kind.
            unsafe { ssl.set_session(&SslSession::from_der(session).unwrap()) }.unwrap();
        }
        let mut stream = SslStream::new(ssl, near).unwrap();
        stream.connect().unwrap();
        assert!(serving.join().unwrap());
        assert_eq!(stream.ssl().session_reused(), visit == 1, "its own resumption is as it was");
        session = stream.ssl().session().map(|session| session.to_der().unwrap());
    }
}

/// `SSL_SESSION_get_ex_new_index`, as a program calls it.
fn own_index() -> i32 {
    // SAFETY: without callbacks and arguments.
    unsafe { openssl_sys::CRYPTO_get_ex_new_index(2, 0, std::ptr::null_mut(), None, None, None) }
}
