//! The library alone, in the two programs under host/examples, with a client that is not ours.

use reprise_fixtures::policies;
use reprise_tests::{Place, Server, Version, built, s_client};

fn start(example: &str, place: &Place) -> Server {
    let arguments = ["127.0.0.1:0".to_owned(), place.arg("policies"), place.arg("server.crt"), place.arg("server.key")];
    Server::start_example(&built::example(example), &arguments.each_ref().map(String::as_str))
}

#[test]
fn a_server_on_threads_resumes_as_its_policies_say() {
    let place = Place::new();
    let server = start("blocking", &place);
    for version in Version::BOTH {
        let file = place.arg(version.name());
        let first = s_client::listen(server.address(), version, &["-servername", "a.example", "-sess_out", &file]);
        assert!(first.full() == 1 && first.output.contains("resumed: false"), "{first:?}");
        let second = s_client::listen(server.address(), version, &["-servername", "a.example", "-sess_in", &file]);
        assert!(second.resumed() == 1 && second.output.contains("resumed: true"), "{second:?}");
    }

    let place = Place::new();
    place.policy("10-not.wasm", policies::refuse_get());
    let server = start("blocking", &place);
    for version in Version::BOTH {
        let file = place.arg(version.name());
        s_client::listen(server.address(), version, &["-servername", "a.example", "-sess_out", &file]);
        let second = s_client::listen(server.address(), version, &["-servername", "a.example", "-sess_in", &file]);
        assert!(second.resumed() == 0 && second.output.contains("miss: policy: not"), "{second:?}");
    }
}

#[test]
fn a_server_on_tokio_keeps_its_sites_apart() {
    let place = Place::new();
    place.policy("10-lying.wasm", policies::lying());
    let server = start("tokio", &place);
    for version in Version::BOTH {
        let file = place.arg(version.name());
        let visit = |name: &str, option: &str| {
            s_client::listen(server.address(), version, &["-servername", name, option, &file])
        };
        assert_eq!(visit("a.example", "-sess_out").full(), 1);
        let again = visit("a.example", "-sess_in");
        assert!(again.resumed() == 1 && again.output.contains("site: Some(\"a.example\")\nresumed: true"), "{again:?}");
        let across = visit("b.example", "-sess_in");
        assert!(across.resumed() == 0 && across.output.contains("site: Some(\"b.example\")\nresumed: false"));
        let nobody = visit("c.example", "-sess_in");
        assert!(nobody.resumed() == 0 && !nobody.output.contains("resumed: "), "{nobody:?}");
    }
}
