//! A handshake that was cut, since it resumed where it should not have: what the program wrote to is the program's until the
//! connection is freed.

mod guests;

use std::{
    fs,
    os::{
        fd::{AsRawFd, IntoRawFd},
        unix::net::UnixStream,
    },
    path::PathBuf,
    sync::atomic::{AtomicBool, Ordering::SeqCst},
    thread,
    time::Duration,
};

use foreign_types::ForeignTypeRef;
use openssl::ssl::{Ssl, SslContext, SslMethod, SslSession, SslStream, SslVersion};

use guests::{BOTH, fickle, visit};

#[test]
fn what_was_cut_stays_until_its_connection_goes() {
    static SWITCHES: AtomicBool = AtomicBool::new(false);
    for version in BOTH {
        SWITCHES.store(false, SeqCst);
        let first = fickle(&SWITCHES);
        let session = visit(&first, version, "fickle.example", None).unwrap().session;
        SWITCHES.store(true, SeqCst);
        is_cut(&first, version, &session);
    }
}

/// A server that reads from one BIO and writes to another, which closes its descriptor when it is freed, as nobody may do but the
/// program.
fn is_cut(server: &SslContext, version: SslVersion, session: &[u8]) {
    let (near, far) = UnixStream::pair().unwrap();
    near.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    far.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let session = session.to_vec();
    let client = thread::spawn(move || {
        let mut context = SslContext::builder(SslMethod::tls_client()).unwrap();
        context.set_min_proto_version(Some(version)).unwrap();
        context.set_max_proto_version(Some(version)).unwrap();
        let mut ssl = Ssl::new(&context.build()).unwrap();
        ssl.set_hostname("fickle.example").unwrap();
        // SAFETY: it was made by this program, with a context of the same kind.
        unsafe { ssl.set_session(&SslSession::from_der(&session).unwrap()) }.unwrap();
        SslStream::new(ssl, near).unwrap().connect().is_ok()
    });
    let ssl = Ssl::new(server).unwrap();
    let writes = far.try_clone().unwrap().into_raw_fd();
    let what = |number: i32| fs::read_link(PathBuf::from(format!("/proc/self/fd/{number}"))).ok();
    let socket = what(writes).unwrap();
    // SAFETY: both BIOs are the connection's from here on, and their descriptors live longer; the connection is this thread's alone.
    let accepted = unsafe {
        let reading = openssl_sys::BIO_new_socket(far.as_raw_fd(), 0);
        let writing = openssl_sys::BIO_new_socket(writes, 1);
        openssl_sys::SSL_set_bio(ssl.as_ptr(), reading, writing);
        openssl_sys::SSL_accept(ssl.as_ptr())
    };
    assert_ne!(accepted, 1, "{version:?}: it was switched");
    assert_eq!(what(writes), Some(socket.clone()), "{version:?}: the program's BIO was freed");
    drop(ssl);
    assert_ne!(what(writes), Some(socket), "{version:?}: it goes with its connection");
    drop(far);
    assert!(!client.join().unwrap(), "{version:?}");
}
