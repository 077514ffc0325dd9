//! Who answers a HelloRetryRequest with another ClientHello than the first (RFC 8446 section 4.1.2) is not served, and whoever sends the
//! same one is.

use crate::support;

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use openssl::ssl::{ClientHelloResponse, SslAlert, SslContext};
use reprise::{Alert, HelloResponse, Host, Listener, policy::Callback};
use support::{
    policies::lied_to,
    raw::{Hello, identities, protocols, server_name},
    retry::{Retry, asks_again},
    spy::Spy,
    *,
};

const ILLEGAL_PARAMETER: u8 = Alert::ILLEGAL_PARAMETER.0;

fn asking_again(host: &Host) -> SslContext {
    installed_as(host, Listener::named("public"), asks_again)
}

/// A client, and one that offers the session which it was given.
fn with_session(context: &SslContext) -> (Client, Client) {
    let client = retry::client();
    let (resumed, session) = Retry::after(context, &client, |_| {}).end().complete();
    assert!(!resumed);
    (client.clone(), client.offering(&session))
}

#[test]
fn a_session_does_not_cross_to_another_name() {
    let spy = Spy::default();
    let host = lied_to().store(spy.clone()).build().unwrap();
    let context = asking_again(&host);
    for (made, then) in [(Some("a.example"), Some("b.example")), (Some("a.example"), None), (None, Some("a.example"))] {
        let client = retry::client().named(made);
        let (_, session) = Retry::after(&context, &client, |_| {}).end().complete();
        let client = client.offering(&session);
        let kept = spy.seen.puts();
        let ended = Retry::after(&context, &client, |ssl| ffi::set_server_name(ssl, then)).end();
        assert_eq!(ended.alert(), Some(ILLEGAL_PARAMETER), "{made:?} {then:?}");
        assert_eq!(spy.seen.puts(), kept, "{made:?} {then:?}");
        assert!(Retry::after(&context, &client, |_| {}).end().complete().0, "{made:?}: at home it resumes");
    }
}

#[test]
fn no_policy_is_asked_about_the_name_before() {
    let host = lied_to().build().unwrap();
    let context = asking_again(&host);
    let told = host.consultations();
    let ended = Retry::after(&context, &retry::client(), |ssl| ffi::set_server_name(ssl, Some("b.example"))).end();
    assert_eq!(ended.alert(), Some(ILLEGAL_PARAMETER));
    assert!(told.next_within(std::time::Duration::ZERO).is_err(), "nobody was asked");
    Retry::after(&context, &retry::client().named("b.example"), |_| {}).end().complete();
    let decision = told.next_within(std::time::Duration::from_secs(60)).unwrap();
    assert_eq!((decision.callback, decision.server_name.as_deref()), (Callback::New, Some("b.example")));
}

type Change = fn(Hello) -> Hello;

#[test]
fn each_fact_changed_ends_the_handshake() {
    let host = Host::builder().build().unwrap();
    let context = asking_again(&host);
    let client = retry::client().adjusted(|context| {
        context.set_groups_list("X25519:P-256").unwrap();
        context.set_alpn_protos(b"\x02h2\x08http/1.1").unwrap();
    });
    let changes: [(&str, Change); 14] = [
        ("another name", |hello| hello.with(0, &server_name("b.example"))),
        ("no name", |hello| hello.without(0)),
        ("another random", |hello| Hello { random: [7; 32], ..hello }),
        ("another session id", |hello| Hello { session_id: vec![7; 32], ..hello }),
        ("no session id", |hello| Hello { session_id: vec![], ..hello }),
        ("one more cipher", |mut hello| {
            hello.ciphers.extend([0x13, 4]);
            hello
        }),
        ("one cipher less", |mut hello| {
            let most = hello.ciphers.len() - 2;
            hello.ciphers.truncate(most);
            hello
        }),
        ("ciphers in another order", |mut hello| {
            hello.ciphers.rotate_left(2);
            hello
        }),
        ("one protocol less", |hello| hello.with(16, &protocols(&["h2"]))),
        ("protocols in another order", |hello| hello.with(16, &protocols(&["http/1.1", "h2"]))),
        ("no protocols", |hello| hello.without(16)),
        ("an identity", |hello| {
            let mut hello = hello.without(41);
            hello.extensions.push((41, identities(&[&[7; 32]])));
            hello
        }),
        ("other groups", |hello| hello.with(10, &[0, 2, 0, 0x17])),
        ("other signature algorithms", |hello| hello.with(13, &[0, 2, 4, 3])),
    ];
    for (what, change) in changes {
        let mut retry = Retry::after(&context, &client, |_| {});
        retry.rewrite(change);
        assert_eq!(retry.answered(), Some(ILLEGAL_PARAMETER), "{what}");
    }
    let mut retry = Retry::after(&context, &client, |_| {});
    retry.rewrite(|hello| hello);
    assert_eq!(retry.answered(), None, "taken apart and written again it is the same");
}

#[test]
fn another_identity_ends_the_handshake() {
    let host = lied_to().build().unwrap();
    let context = asking_again(&host);
    let (_, client) = with_session(&context);
    let mut retry = Retry::after(&context, &client, |_| {});
    // OpenSSL would know no such session, and go on in full.
    retry.rewrite(|hello| hello.with(41, &identities(&[&[7; 32]])));
    assert_eq!(retry.answered(), Some(ILLEGAL_PARAMETER));
    let mut retry = Retry::after(&context, &client, |_| {});
    retry.rewrite(|hello| hello.without(41));
    assert_eq!(retry.answered(), None, "one less is allowed");
}

#[test]
fn what_a_client_may_change_it_may() {
    let host = Host::builder().build().unwrap();
    let context = asking_again(&host);
    let changes: [(&str, Change); 6] = [
        ("padding", |hello| hello.with(21, &[0; 100])),
        ("a cookie", |hello| hello.with(44, b"\0\x06cookie")),
        ("GREASE in ciphers", |mut hello| {
            hello.ciphers.splice(..0, [0x2a, 0x2a]);
            hello
        }),
        ("a GREASE extension", |hello| hello.with(0x3a3a, b"!")),
        ("a GREASE group", |mut hello| {
            let (_, groups) = hello.extensions.iter_mut().find(|(kind, _)| *kind == 10).unwrap();
            groups[1] += 2;
            groups.extend([0x4a, 0x4a]);
            hello
        }),
        ("encrypted_client_hello", |hello| hello.with(0xfe0d, &[0; 200])),
    ];
    for (what, change) in changes {
        let mut retry = Retry::after(&context, &retry::client(), |_| {});
        retry.rewrite(change);
        assert_eq!(retry.answered(), None, "{what}");
    }
}

/// With made-up values in every list, extensions in a random order, and a made-up encrypted ClientHello.
fn as_chrome_sends_it(mut hello: Hello, sealed: u8) -> Hello {
    // encrypted_client_hello: outer, HKDF-SHA256, AES-128-GCM, an id, a key of 32 bytes, a payload of 144.
    let sealed = [&[0, 0, 1, 0, 1, 7, 0, 32][..], &[9; 32], &[0, 144], &[sealed; 144]].concat();
    hello.ciphers.splice(..0, [0xca, 0xca]);
    for (kind, content) in &mut hello.extensions {
        let at = match *kind {
            // supported_groups; key_share, in which the made-up one comes with a byte; supported_versions.
            10 => 2,
            51 if content.len() < 60 => 2,
            43 => 1,
            _ => continue,
        };
        let grease: &[u8] = if *kind == 51 { &[0x1a, 0x1a, 0, 1, 0] } else { &[0x1a, 0x1a] };
        content.splice(at..at, grease.iter().copied());
        content[at - 1] += grease.len() as u8;
    }
    hello.extensions.reverse();
    hello.extensions.insert(3, (0xfe0d, sealed));
    hello.extensions.insert(0, (0x8a8a, vec![]));
    hello.extensions.push((0xfafa, vec![0]));
    hello
}

#[test]
fn hellos_as_chrome_sends_them_are_served() {
    let host = Host::builder().build().unwrap();
    let server = retry::connection(&asking_again(&host));
    let first = |hello| as_chrome_sends_it(hello, 1);
    let mut retry = Retry::between(server, &retry::client(), first, |_| {});
    retry.rewrite(|hello| as_chrome_sends_it(hello, 2));
    assert_eq!(retry.answered(), None);
}

/// A listener whose hook asks for a retry at every other call.
fn hesitating(calls: &Arc<AtomicUsize>) -> Listener {
    let calls = calls.clone();
    Listener::named("public").on_client_hello(move |_| {
        let again = calls.fetch_add(1, Ordering::SeqCst).is_multiple_of(2);
        Ok(if again { HelloResponse::Retry } else { HelloResponse::Continue })
    })
}

#[test]
fn a_hook_called_again_is_no_second_hello() {
    let (spy, calls) = (Spy::default(), Arc::default());
    spy.rewriting(|_, entry| entry.single_use = true);
    let host = Host::builder().store(spy.clone()).build().unwrap();
    let context = installed_as(&host, hesitating(&calls), asks_again);
    let (_, client) = with_session(&context);
    calls.store(0, Ordering::SeqCst);
    let told = host.consultations();
    assert!(Retry::after(&context, &client, |_| {}).end().complete().0);
    assert_eq!(calls.load(Ordering::SeqCst), 4, "twice for each ClientHello");
    let decided = std::iter::from_fn(|| told.next_within(std::time::Duration::ZERO).ok());
    assert_eq!(decided.filter(|decision| decision.callback == Callback::Get).count(), 1, "policies are asked once");
}

/// OpenSSL has one message callback, and no getter for it.
#[test]
fn without_the_message_callback_a_name_is_held_to() {
    let host = lied_to().build().unwrap();
    let mut context = server_context(&certificates::server());
    asks_again(&mut context);
    host.install(&mut context, Listener::named("public")).unwrap();
    ffi::replace_message_callback(&mut context);
    let context = context.build();
    let (_, client) = with_session(&context);
    let ended = Retry::after(&context, &client, |ssl| ffi::set_server_name(ssl, Some("b.example"))).end();
    assert_eq!(ended.alert(), Some(ILLEGAL_PARAMETER));
    assert!(Retry::after(&context, &client, |_| {}).end().complete().0);
}

#[test]
fn a_hook_of_ones_own_is_told_the_alert() {
    let host = lied_to().build().unwrap();
    let mut context = server_context(&certificates::server());
    asks_again(&mut context);
    host.install(&mut context, Listener::named("public")).unwrap();
    let told = Arc::new(AtomicUsize::new(0));
    let tell = told.clone();
    context.set_client_hello_callback(move |ssl, alert| match reprise::on_client_hello(ssl) {
        Ok(_) => Ok(ClientHelloResponse::SUCCESS),
        Err(Alert(description)) => {
            tell.store(usize::from(description), Ordering::SeqCst);
            *alert = SslAlert::ILLEGAL_PARAMETER;
            Err(openssl::error::ErrorStack::get())
        }
    });
    let context = context.build();
    let (_, client) = with_session(&context);
    let ended = Retry::after(&context, &client, |ssl| ffi::set_server_name(ssl, Some("b.example"))).end();
    assert_eq!(ended.alert(), Some(ILLEGAL_PARAMETER));
    assert_eq!(told.load(Ordering::SeqCst), usize::from(ILLEGAL_PARAMETER));
}

/// What was judged at one site is not handed out at another that the embedder chooses for the second ClientHello.
#[test]
fn a_judgement_holds_inside_its_border_only() {
    let host = lied_to().build().unwrap();
    let b = installed_as(&host, Listener::named("public").site("b"), asks_again);
    let hellos = Arc::new(AtomicUsize::new(usize::MAX / 2));
    let counter = hellos.clone();
    let a = Listener::named("public").site("a").on_client_hello(move |hello| {
        if counter.fetch_add(1, Ordering::SeqCst) == 1 {
            hello.switch_to(&b).map_err(|_| Alert::INTERNAL_ERROR)?;
        }
        Ok(HelloResponse::Continue)
    });
    let context = installed_as(&host, a, asks_again);
    let (_, client) = with_session(&context);
    hellos.store(0, Ordering::SeqCst);
    let mut retry = Retry::after(&context, &client, |_| {});
    let (resumed, _) = retry.end().complete();
    let report = host.connection(retry.server.ssl()).unwrap();
    assert_eq!((resumed, report.site.as_deref()), (false, Some("b")));
    assert_eq!(report.miss.unwrap().to_string(), "site");
}

/// A connection that is used again has another client, whatever was cut off before.
#[test]
fn a_connection_used_again_begins_anew() {
    let host = lied_to().build().unwrap();
    let context = asking_again(&host);
    let (client, offering) = with_session(&context);
    let server = Retry::after(&context, &offering, |_| {}).server;
    ffi::clear(server.ssl());
    let mut retry = Retry::between(server, &client.named("b.example"), |hello| hello, |_| {});
    let (resumed, _) = retry.end().complete();
    let report = host.connection(retry.server.ssl()).unwrap();
    assert_eq!((resumed, report.server_name.as_deref(), report.miss), (false, Some("b.example"), None));
}
