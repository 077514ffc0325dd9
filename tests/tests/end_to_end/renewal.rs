//! Certificates follow their files while the server serves. (Client CAs: `invariants`, since sessions depend on them.)

use std::net::SocketAddr;

use reprise_tests::{Client, Place, Version, certificates, s_client};

#[test]
fn a_renewed_certificate_is_served_and_sessions_go_on_resuming() {
    let place = Place::new();
    let server = place.serve(&[]);
    let sessions = Version::BOTH.map(|version| {
        let client = Client::new(version);
        let session = client.first_visit(server.address()).session;
        (client, session)
    });
    let before = served(server.address());
    let renewed = certificates::server();
    place.identity("server", &renewed);
    server.reloaded("default", 1);
    assert_ne!(served(server.address()), before);
    for (client, session) in sessions {
        assert!(client.revisit(server.address(), &session).reused);
    }
}

#[test]
fn a_certificate_that_cannot_be_used_leaves_the_previous_one_in_force() {
    let place = Place::new();
    let server = place.serve(&[]);
    let before = served(server.address());
    let client = Client::new(Version::Tls13);
    let session = client.first_visit(server.address()).session;
    for (content, reason) in [
        (b"no certificate".to_vec(), "holds no certificate"),
        // A certificate whose key is another one's.
        (certificates::server().certificate_pem(), "is not that of the certificate"),
    ] {
        place.write("server.crt", content);
        server.log().line(&["keeping the previous certificate", reason, "server.crt"]);
        assert_eq!(served(server.address()), before);
    }
    assert!(client.revisit(server.address(), &session).reused);
}

#[test]
fn a_connection_that_is_open_survives_a_renewal() {
    let place = Place::new();
    let server = place.serve(&[]);
    let open = Client::new(Version::Tls12).connect(server.address(), None).expect("the server is up");
    place.identity("server", &certificates::server());
    server.reloaded("default", 1);
    assert!(open.finish().is_ok());
}

/// The certificate that is served, as `openssl s_client` prints it.
fn served(address: SocketAddr) -> String {
    let shown = s_client::run(address, Version::Tls12, &["-servername", "a.example"]);
    let from = shown.output.find("-----BEGIN CERTIFICATE-----").expect("a certificate is shown");
    let to = shown.output.find("-----END CERTIFICATE-----").expect("a certificate is shown");
    shown.output[from..to].to_owned()
}
