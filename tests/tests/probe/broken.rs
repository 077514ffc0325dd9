//! Servers that are broken on purpose: that is found.

use openssl::{
    ssl::{SslOptions, SslVerifyMode},
    x509::store::X509StoreBuilder,
};
use reprise_tests::certificates;

use crate::{TICKETS, WAYS, own, place_with_a_client, probe, small};

const B: [&str; 2] = ["--also-name", "b.example"];

#[test]
fn a_border_that_leaks() {
    let address = small::serve(small::context(&own("a.example"), |context| {
        small::with_b(context, small::context(&own("b.example"), |_| {}), |_| {});
    }));
    let probed = probe(address, &B);
    assert_eq!(probed.status, Some(1), "{:#}", probed.said);
    assert_eq!(probed.each(WAYS, "other-name"), [("bad", "resumed"); 3]);
    assert_eq!(probed.came_to("tls13", "name-on-retry"), ("bad", "resumed"));
    assert!(probed.row("tls13", "other-name")["seen"].as_str().unwrap().contains("another certificate"));
    assert_eq!(probed.row("tls12-id", "other-name")["rfc"], "RFC 6066 section 3");
    // It is one server, without a name.
    assert_eq!(probed.each(WAYS, "no-name"), [("note", "resumed"); 3]);
}

#[test]
fn a_border_that_is_kept_though_the_look_up_is_early() {
    let apart =
        |name: &str| small::context(&own(name), |context| context.set_session_id_context(name.as_bytes()).unwrap());
    let [a, b] = ["a.example", "b.example"].map(|name| small::serve(apart(name)));
    let probed = probe(a, &["--also", &b.to_string()]);
    assert_eq!((probed.status, probed.with("bad")), (Some(0), vec![]), "{:#}", probed.said);
    assert_eq!(probed.each(WAYS, "other-address"), [("fine", "full-handshake"); 3]);
}

#[test]
fn a_session_that_goes_past_the_check_of_a_certificate() {
    let b = own("b.example");
    let address = small::serve(small::context(&own("a.example"), |context| {
        let ca = certificates::client_ca("clients");
        let mut store = X509StoreBuilder::new().unwrap();
        store.add_cert(ca.certificate.clone()).unwrap();
        let store = store.build();
        let b = small::context(&b, |context| context.set_cert_store(store));
        small::with_b(context, b, |ssl| ssl.set_verify(SslVerifyMode::PEER | SslVerifyMode::FAIL_IF_NO_PEER_CERT));
    }));
    let probed = probe(address, &B);
    assert_eq!(probed.status, Some(1), "{:#}", probed.said);
    for way in TICKETS {
        let seen = probed.row(way, "other-name")["seen"].as_str().unwrap();
        assert!(seen.starts_with("it resumed, where the server ends a full handshake ("), "{way}: {seen}");
    }
    // With a certificate, too, for a.example never asked for it.
    let place = place_with_a_client();
    let (cert, key) = (place.arg("client.crt"), place.arg("client.key"));
    let probed = probe(address, &[&B[..], &["--cert", &cert, "--key", &key]].concat());
    assert_eq!(probed.came_to("tls13", "other-name"), ("bad", "resumed"));
    assert_eq!(probed.came_to("tls13", "no-certificate"), ("note", "resumed"));
}

#[test]
fn sessions_that_two_servers_share() {
    let (a, b) = (own("a.example"), own("b.example"));
    let shared = small::context(&a, |_| {});
    let [here, there, same] = [&a, &b, &a].map(|identity| small::serve_as(shared.clone(), identity.clone()));
    let probed = probe(here, &["--also", &there.to_string()]);
    assert_eq!((probed.status, probed.each(WAYS, "other-address")), (Some(1), [("bad", "resumed"); 3]));
    // As two machines of one service do.
    let probed = probe(here, &["--also", &same.to_string()]);
    assert_eq!((probed.status, probed.each(WAYS, "other-address")), (Some(0), [("note", "resumed"); 3]));
}

#[test]
fn early_data_that_is_accepted_twice() {
    let address = small::serve(small::context(&own("a.example"), small::early_data));
    let probed = probe(address, &[]);
    assert_eq!(probed.came_to("tls13", "early-data"), ("fine", "accepted"));
    assert_eq!(probed.came_to("tls13", "early-data-twice"), ("bad", "accepted"));
    assert_eq!((probed.status, probed.with("bad").len()), (Some(1), 1), "{:#}", probed.said);
    // With OpenSSL's own filter it is once.
    let address = small::serve(small::context(&own("a.example"), |context| {
        context.set_max_early_data(1_024).unwrap();
    }));
    let probed = probe(address, &[]);
    assert_eq!(probed.came_to("tls13", "early-data"), ("fine", "accepted"), "{:#}", probed.said);
    assert_eq!(probed.came_to("tls13", "early-data-twice"), ("fine", "rejected"));
    assert_eq!(probed.came_to("tls13", "used-twice").0, "fine", "each session is for single use there");
    assert_eq!(probed.status, Some(0));
}

#[test]
fn a_server_that_resumes_in_no_way() {
    let address = small::serve(small::context(&own("a.example"), |context| {
        context.set_options(SslOptions::NO_TICKET);
        context.set_session_cache_mode(openssl::ssl::SslSessionCacheMode::OFF);
    }));
    let probed = probe(address, &["--timeout", "1s"]);
    assert_eq!(probed.status, Some(1));
    assert_eq!(probed.with("bad"), ["tls12-id resumes", "tls12-ticket resumes", "tls13 resumes"], "{:#}", probed.said);
}
