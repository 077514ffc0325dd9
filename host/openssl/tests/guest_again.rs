//! A second handshake on a connection, as TLS 1.2 has it: what it is for, the hooks do not know.

mod guests;

use std::{
    ffi::c_int,
    io::{Read, Write},
    os::unix::net::UnixStream,
    sync::atomic::Ordering::SeqCst,
    thread,
    time::Duration,
};

use foreign_types::ForeignTypeRef;
use openssl::ssl::{Ssl, SslContext, SslMethod, SslOptions, SslStream, SslVersion};

use guests::{KEEPS, server, visit};

const PATIENCE: Duration = Duration::from_secs(60);

/// `SSL_OP_ALLOW_CLIENT_RENEGOTIATION`
const ALLOW_CLIENT_RENEGOTIATION: u64 = 1 << 8;

unsafe extern "C" {
    fn SSL_renegotiate_abbreviated(ssl: *mut openssl_sys::SSL) -> c_int;
}

#[test]
fn a_second_handshake_neither_resumes_nor_is_kept() {
    let context = server("again.example", |context| {
        context.set_options(SslOptions::from_bits_retain(ALLOW_CLIENT_RENEGOTIATION));
    });
    // Where it ends up is known.
    visit(&context, SslVersion::TLS1_2, "again.example", None).unwrap();
    let counts = || {
        let sessions = KEEPS.sessions.lock().unwrap().len();
        (KEEPS.heard.load(SeqCst), KEEPS.offered.load(SeqCst), sessions)
    };
    let (near, far) = UnixStream::pair().unwrap();
    near.set_read_timeout(Some(PATIENCE)).unwrap();
    far.set_read_timeout(Some(PATIENCE)).unwrap();
    let ssl = Ssl::new(&context).unwrap();
    let serving = thread::spawn(move || {
        let mut stream = SslStream::new(ssl, far).unwrap();
        stream.accept().unwrap();
        for _ in 0..2 {
            stream.read_exact(&mut [0; 1]).unwrap();
            stream.write_all(b"!").unwrap();
        }
    });
    let mut client = SslContext::builder(SslMethod::tls_client()).unwrap();
    client.set_max_proto_version(Some(SslVersion::TLS1_2)).unwrap();
    let mut ssl = Ssl::new(&client.build()).unwrap();
    ssl.set_hostname("again.example").unwrap();
    let mut stream = SslStream::new(ssl, near).unwrap();
    stream.connect().unwrap();
    stream.write_all(b"?").unwrap();
    stream.read_exact(&mut [0; 1]).unwrap();
    let first = stream.ssl().session().unwrap().id().to_vec();
    let before = counts();
    assert!(KEEPS.sessions.lock().unwrap().keys().any(|id| first == id.as_bytes()), "the first one's is kept");
    // It offers the session of the connection that it is on.
    // SAFETY: a live connection, used by this thread alone.
    let begun = unsafe { SSL_renegotiate_abbreviated(stream.ssl().as_ptr()) };
    assert_eq!(begun, 1);
    stream.do_handshake().unwrap();
    stream.write_all(b"?").unwrap();
    stream.read_exact(&mut [0; 1]).unwrap();
    serving.join().unwrap();
    assert!(!stream.ssl().session_reused(), "it was a full one");
    assert_ne!(stream.ssl().session().unwrap().id(), first);
    assert_eq!(counts(), before, "nobody was asked, and nothing kept");
}
