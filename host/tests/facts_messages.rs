//! Facts of OpenSSL about the message callback, by which ClientHellos are counted and had as they were sent.

use crate::support;

use std::sync::{Arc, Mutex};

use openssl::ssl::{ErrorCode, Ssl, SslContext, SslContextBuilder, SslStream, SslVersion};
use reprise::{
    Alert, HelloResponse, Host, Listener,
    fuzzing::{Place, Seen, hello_seen},
};
use support::{raw::Offer, wire::Wire, *};

/// What a hook saw of the ClientHello that it is called with: in each call, in order.
type Hellos = Arc<Mutex<Vec<(u32, Place, Vec<u8>)>>>;

/// A listener whose hook notes what it sees, and asks for a retry every other time if it is to.
fn noting(hellos: &Hellos, retries: bool) -> Listener {
    let hellos = hellos.clone();
    Listener::named("public").on_client_hello(move |hello| {
        let (Seen { number, place }, bytes) = hello_seen(hello.ssl()).expect("the hello is seen before the hook");
        let mut hellos = hellos.lock().unwrap();
        hellos.push((number, place, bytes));
        let again = retries && hellos.len() % 2 == 1;
        Ok(if again { HelloResponse::Retry } else { HelloResponse::Continue })
    })
}

/// The numbers and places noted since this was asked last.
fn places(hellos: &Hellos) -> Vec<(u32, Place)> {
    std::mem::take(&mut *hellos.lock().unwrap()).into_iter().map(|(number, place, _)| (number, place)).collect()
}

/// A server that takes no key share of the tests' hellos, and asks for another.
fn picky(context: &mut SslContextBuilder) {
    context.set_groups_list("P-256").unwrap();
}

fn wrong_share(version: SslVersion) -> Client {
    Client::of(version).adjusted(|context| context.set_groups_list("X25519:P-256").unwrap())
}

fn accepting(context: &SslContext, hello: Vec<u8>) -> SslStream<Wire> {
    SslStream::new(Ssl::new(context).unwrap(), Wire::from_client(hello)).unwrap()
}

#[test]
fn fact_32_each_hello_is_seen_before_its_hook() {
    let (host, hellos) = (Host::builder().build().unwrap(), Hellos::default());
    let context = installed_as(&host, noting(&hellos, false), picky);
    handshake(&host, &context, &wrong_share(SslVersion::TLS1_2));
    assert_eq!(places(&hellos), [(1, Place::First)]);
    handshake(&host, &context, &wrong_share(SslVersion::TLS1_3));
    assert_eq!(places(&hellos), [(1, Place::First), (2, Place::Second)]);
}

#[test]
fn fact_32_a_hook_called_again_is_no_second_hello() {
    let (host, hellos) = (Host::builder().build().unwrap(), Hellos::default());
    let context = installed_as(&host, noting(&hellos, true), picky);
    for (version, seen) in VERSIONS.into_iter().zip([
        vec![(1, Place::First); 2],
        vec![(1, Place::First), (1, Place::First), (2, Place::Second), (2, Place::Second)],
    ]) {
        let serve = |stream: &mut SslStream<_>| {
            while let Err(error) = stream.accept() {
                if error.code() != ErrorCode::WANT_CLIENT_HELLO_CB {
                    return Err(error.to_string());
                }
            }
            serve(stream)
        };
        try_handshake_served(Ssl::new(&context).unwrap(), serve, |_| None, &wrong_share(version)).unwrap();
        assert_eq!(places(&hellos), seen, "{version:?}");
    }
}

#[test]
fn fact_32_a_renegotiation_begins_with_a_first_hello() {
    let (host, hellos) = (Host::builder().build().unwrap(), Hellos::default());
    let context = installed_as(&host, noting(&hellos, false), |_| {});
    let server = Ssl::new(&context).unwrap();
    ffi::allow_renegotiation(&server);
    let serve = |stream: &mut SslStream<_>| {
        stream.accept().map_err(|error| error.to_string())?;
        assert!(ffi::renegotiate(stream.ssl()));
        stream.do_handshake().map_err(|error| error.to_string())?;
        serve(stream)
    };
    try_handshake_served(server, serve, |_| None, &Client::of(SslVersion::TLS1_2)).unwrap();
    assert_eq!(places(&hellos), [(1, Place::First), (2, Place::First)]);
}

#[test]
fn fact_32_a_connection_used_again_begins_anew() {
    let (host, hellos) = (Host::builder().build().unwrap(), Hellos::default());
    let context = installed_as(&host, noting(&hellos, false), picky);
    let hello = raw::client_hello(Offer::Identities(&[]));
    let mut stream = accepting(&context, hello.clone());
    for number in [1, 2] {
        assert_eq!(stream.accept().unwrap_err().code(), ErrorCode::WANT_READ, "it asked for another key share");
        assert_eq!(places(&hellos), [(number, Place::First)]);
        ffi::clear(stream.ssl());
        stream.get_mut().receive(&hello);
    }
}

#[test]
fn fact_32_a_switched_connection_is_still_seen() {
    let (host, hellos) = (Host::builder().build().unwrap(), Hellos::default());
    let second = installed_as(&host, noting(&hellos, false).site("second"), picky);
    let first = Listener::named("public").on_client_hello({
        let hellos = hellos.clone();
        move |hello| {
            let (Seen { number, place }, bytes) = hello_seen(hello.ssl()).unwrap();
            hellos.lock().unwrap().push((number, place, bytes));
            hello.switch_to(&second).map_err(|_| Alert::INTERNAL_ERROR)?;
            Ok(HelloResponse::Continue)
        }
    });
    let context = installed_as(&host, first, picky);
    handshake(&host, &context, &wrong_share(SslVersion::TLS1_3));
    assert_eq!(places(&hellos), [(1, Place::First), (2, Place::Second)]);
}

#[test]
fn fact_32_the_hook_has_the_bytes_that_offer_a_psk() {
    let (host, hellos) = (Host::builder().build().unwrap(), Hellos::default());
    let context = installed_as(&host, noting(&hellos, false), |_| {});
    for (offer, kept) in
        [(Offer::Identities(&[&[7; 32]]), true), (Offer::Identities(&[]), false), (Offer::Id(&[7; 32]), false)]
    {
        const RECORD_HEADER: usize = 5;
        let hello = raw::client_hello(offer);
        let mut stream = accepting(&context, hello.clone());
        assert_eq!(stream.accept().unwrap_err().code(), ErrorCode::WANT_READ);
        let seen = hellos.lock().unwrap().pop().unwrap().2;
        assert_eq!(seen, if kept { &hello[RECORD_HEADER..] } else { b"" });
        let (_, after) = hello_seen(stream.ssl()).unwrap();
        assert_eq!(after, b"", "it was answered");
    }
}
