//! DTLS, which the hooks leave alone in a program that they are in.

mod guests;

use std::{
    io::{self, Read, Write},
    os::unix::net::UnixDatagram,
    sync::atomic::Ordering::SeqCst,
    thread,
    time::Duration,
};

use openssl::ssl::{Ssl, SslContext, SslMethod, SslOptions, SslSession, SslStream};
use reprise_openssl::facts::LeftAlone;
use reprise_testing::certificates;

use guests::{KEEPS, joined};

const PATIENCE: Duration = Duration::from_secs(60);

/// What each side writes at once, the other reads at once.
struct Datagrams(UnixDatagram);

impl Read for Datagrams {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        self.0.recv(bytes)
    }
}

impl Write for Datagrams {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.send(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// One end of a DTLS connection.
fn over_datagrams(context: &SslContext, end: UnixDatagram, session: Option<&Vec<u8>>) -> SslStream<Datagrams> {
    end.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut ssl = Ssl::new(context).unwrap();
    ssl.set_mtu(1_400).unwrap();
    if let Some(session) = session {
        // SAFETY: it was made by this program, with a context of the same kind.
        unsafe { ssl.set_session(&SslSession::from_der(session).unwrap()) }.unwrap();
    }
    SslStream::new(ssl, Datagrams(end)).unwrap()
}

#[test]
fn dtls_is_its_own() {
    joined();
    let identity = certificates::server();
    let mut context = SslContext::builder(SslMethod::dtls()).unwrap();
    context.set_certificate(&identity.certificate).unwrap();
    context.set_private_key(&identity.key).unwrap();
    context.set_session_id_context(b"the program's").unwrap();
    context.set_options(SslOptions::NO_QUERY_MTU);
    let server = context.build();
    let mut client = SslContext::builder(SslMethod::dtls()).unwrap();
    client.set_options(SslOptions::NO_QUERY_MTU);
    let client = client.build();
    let heard = KEEPS.heard.load(SeqCst);
    let mut session: Option<Vec<u8>> = None;
    for again in [false, true] {
        let (near, far) = UnixDatagram::pair().unwrap();
        let mut serving = over_datagrams(&server, far, None);
        let serving = thread::spawn(move || {
            serving.accept().unwrap();
            serving.ssl_read(&mut [0; 1]).unwrap();
            serving.ssl_write(b"!").unwrap();
        });
        let mut stream = over_datagrams(&client, near, session.as_ref());
        stream.connect().unwrap();
        stream.ssl_write(b"?").unwrap();
        stream.ssl_read(&mut [0; 1]).unwrap();
        serving.join().unwrap();
        assert_eq!(stream.ssl().session_reused(), again, "it resumes by itself, as it always did");
        session = Some(stream.ssl().session().unwrap().to_der().unwrap());
    }
    assert_eq!(KEEPS.heard.load(SeqCst), heard, "nobody was asked");
    assert_eq!(*KEEPS.left_alone.lock().unwrap(), [LeftAlone::Dtls], "it is said once");
}
