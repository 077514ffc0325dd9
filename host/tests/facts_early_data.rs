//! Facts of OpenSSL about 0-RTT, each as it shows through the host.

use crate::support;

use std::{io::Write, os::unix::net::UnixStream, thread};

use openssl::ssl::{Ssl, SslContext, SslSession, SslStream, SslVersion};
use reprise::Host;
use support::{
    early::{accepting, offering},
    policies::lied_to,
    spy::Spy,
    *,
};

/// What a server made of a ClientHello with 0-RTT.
#[derive(Debug, PartialEq)]
struct Seen {
    early: Vec<u8>,
    resumed: bool,
    miss: String,
}

/// One handshake whose client sends `early` before it is complete.
fn zero_rtt(host: &Host, context: &SslContext, session: &SslSession, early: &'static [u8]) -> Seen {
    let (near, far) = UnixStream::pair().unwrap();
    let session = SslSession::from_der(&session.to_der().unwrap()).unwrap();
    let client = thread::spawn(move || {
        let mut stream = offering(&session, far);
        stream.write_early_data(early).unwrap();
        stream.connect().unwrap();
        stream.write_all(b"!").unwrap();
        let _ = stream.shutdown();
    });
    let mut stream = SslStream::new(Ssl::new(context).unwrap(), near).unwrap();
    let mut buffer = [0; 64];
    let length = stream.read_early_data(&mut buffer).unwrap();
    stream.accept().unwrap();
    std::io::Read::read_exact(&mut stream, &mut [0]).unwrap();
    client.join().unwrap();
    let report = host.connection(stream.ssl()).unwrap();
    let miss = report.miss.map_or("none".into(), |miss| miss.to_string());
    Seen { early: buffer[..length].to_vec(), resumed: report.resumed, miss }
}

#[test]
fn fact_21_early_data_is_accepted_once_for_each_session() {
    let host = lied_to().build().unwrap();
    let context = accepting(&host);
    let first = handshake(&host, &context, &Client::of(SslVersion::TLS1_3));
    let accepted = Seen { early: b"once".to_vec(), resumed: true, miss: "none".into() };
    assert_eq!(zero_rtt(&host, &context, first.session(), b"once"), accepted);
    let refused = Seen { early: vec![], resumed: false, miss: "not-found".into() };
    assert_eq!(zero_rtt(&host, &context, first.session(), b"once"), refused);
}

#[test]
fn fact_21_a_resumption_that_asks_for_no_early_data_consumes_nothing() {
    let spy = Spy::default();
    let host = Host::builder().store(spy.clone()).build().unwrap();
    let context = accepting(&host);
    let first = handshake(&host, &context, &Client::of(SslVersion::TLS1_3));
    let again = Client::of(SslVersion::TLS1_3).offering(first.session());
    for _ in 0..2 {
        assert!(handshake(&host, &context, &again).resumed);
    }
    let accepted = zero_rtt(&host, &context, first.session(), b"after");
    assert_eq!(accepted.early, b"after", "{accepted:?}");
}

/// A client may ask a server that accepts none; its session is then used like any other.
#[test]
fn fact_21_a_server_without_early_data_consumes_nothing_for_it() {
    let host = Host::builder().build().unwrap();
    let (with, without) = (accepting(&host), installed(&host));
    let first = handshake(&host, &with, &Client::of(SslVersion::TLS1_3));
    for _ in 0..2 {
        let refused = zero_rtt(&host, &without, first.session(), b"ignored");
        assert_eq!(refused, Seen { early: vec![], resumed: true, miss: "none".into() });
    }
}
