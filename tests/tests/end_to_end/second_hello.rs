//! No client in use is taken for one that changes its mind after a HelloRetryRequest.

use reprise_tests::{Place, Server, Version, relay::Relay, s_client, visitors::Make};

/// A server that takes P-384 only: whoever sends a share of another group is asked to try again.
fn asking_again(place: &Place) -> Server {
    let configuration = "openssl_conf = start\n[start]\nssl_conf = ssl\n[ssl]\nsystem_default = defaults\n\
                         [defaults]\nGroups = P-384\n";
    place.write("openssl.cnf", configuration);
    place.serve_in(&[], &[("OPENSSL_CONF", &place.arg("openssl.cnf"))])
}

#[test]
fn clients_of_every_make_resume_over_a_retry() {
    let place = Place::new();
    let server = asking_again(&place);
    for make in Make::ALL {
        let relay = Relay::before(server.address());
        let [first, second] = make.visits_twice(relay.address(), Version::Tls13);
        assert_eq!(relay.hellos(), [2, 2], "{make:?} was asked to try again");
        assert!(!first.resumed && first.not_kept_reason.is_none(), "{make:?}: {first:?}");
        assert!(second.resumed, "{make:?}: {second:?}");
        assert_eq!(second.server_name.as_deref(), Some("a.example"), "{make:?}");
    }
}

#[test]
fn openssl_s_client_resumes_over_a_retry() {
    let place = Place::new();
    let server = asking_again(&place);
    let relay = Relay::before(server.address());
    let session = place.arg("session");
    let visit = |arguments: &[&str]| {
        let all = [&["-servername", "a.example"], arguments].concat();
        s_client::run(relay.address(), Version::Tls13, &all)
    };
    assert!(!visit(&["-sess_out", &session]).answered().resumed);
    assert!(visit(&["-sess_in", &session]).answered().resumed);
    assert_eq!(relay.hellos(), [2, 2]);
}
