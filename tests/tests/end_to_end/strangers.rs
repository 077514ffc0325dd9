//! Whoever saw a TLS 1.2 session id, which goes over the wire in clear, cannot make its session go away.

use reprise_fixtures::{Callback, Fixture};
use reprise_tests::{Client, Place, Version, raw::Stranger};

/// A policy that has no opinion on sessions given up, but says so in the log: that is when the decision falls.
fn tells_of_removals() -> Vec<u8> {
    let said = "given up";
    // observe.log(warn, said), then host-default.
    let body = format!("(call $log (i32.const 2) (i32.const 1024) (i32.const {})) (i32.const 0)", said.len());
    Fixture::default().once_live(Callback::Remove, &body).data(said).build()
}

#[test]
fn a_stranger_who_saw_the_id_does_not_cost_the_owner_its_session() {
    let place = Place::new();
    place.policy("10-telling.wasm", tells_of_removals());
    let server = place.serve(&[]);
    server.live("telling", 1);
    let owner = Client::new(Version::Tls12).offering("ECDHE-ECDSA-AES256-GCM-SHA384");
    let session = owner.first_visit(server.address()).session;
    assert_eq!(session.id.len(), 32);
    assert!(owner.revisit(server.address(), &session).reused);

    let fatal_alert = [21, 3, 3, 0, 2, 2, 40];
    let change_cipher_spec_then_garbage = [&[20, 3, 3, 0, 1, 1, 22, 3, 3, 0, 40][..], &[0x5a; 40]].concat();
    let offences: [(&str, &[u8]); 4] = [
        ("nothing but a close", &[]),
        ("garbage", b"neither a record nor anything else"),
        ("a fatal alert", &fatal_alert),
        ("a Finished that does not decrypt", &change_cipher_spec_then_garbage),
    ];
    let mut given_up = 0;
    for (offence, bytes) in offences {
        let mut stranger = Stranger::offering(server.address(), &session.id);
        assert_eq!(stranger.hears_id(), session.id, "the server begins to resume before {offence}");
        if bytes.is_empty() {
            // OpenSSL is told not to take that for an error, and keeps quiet.
            stranger.close();
        } else {
            stranger.send(bytes);
            given_up += 1;
        }
        stranger.is_dropped();
        server.log().lines(&["given up", "telling"], given_up);
        assert!(owner.revisit(server.address(), &session).reused, "after {offence}");
    }
}

#[test]
fn a_stranger_gets_nothing_for_an_id_that_the_server_did_not_make() {
    let place = Place::new();
    let server = place.serve(&[]);
    let mut stranger = Stranger::offering(server.address(), &[0x5a; 32]);
    assert_ne!(stranger.hears_id(), [0x5a; 32]);
    stranger.close();
    stranger.is_dropped();
}
