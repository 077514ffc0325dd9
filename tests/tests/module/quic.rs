//! QUIC, which OpenSSL serves itself from 3.5 on.

use reprise_tests::{
    modules::{Guests, openssl_serves_quic, quic, visit_over_quic},
    until,
};

use crate::{own, site};

/// Whatever asks such a connection for more than what it speaks, in the middle of its handshake, waits for its lock for ever.
#[test]
fn quic_of_openssl_is_left_alone() {
    if !openssl_serves_quic() {
        eprintln!("not tested: the system's OpenSSL serves no QUIC");
        return;
    }
    for more in ["", "observe = yes"] {
        let (guests, identity) = (Guests::with(more), own("a.example"));
        let _agent = guests.agent();
        let server = quic(&guests, &site("a.example", &identity));
        assert!(server.has_module(server.process()), "it loads the module: {}", server.log());
        let session = guests.place().path("session.pem");
        let visit = || visit_over_quic(server.address(), "a.example", &session);
        assert_eq!(visit(), "full");
        for _ in 0..2 {
            assert_eq!(visit(), "resumed", "by itself, as it always did");
        }
        until("the module says why", || {
            let status = guests.status();
            let counted = &status["programs"][0]["counted"];
            let asked = ["full", "resumed", "contexts"].map(|what| counted[what].as_u64());
            assert!(asked.iter().all(|asked| asked.unwrap_or_default() == 0), "the agent is asked nothing: {counted}");
            counted["left_alone"]["quic"].as_u64() == Some(1)
        });
    }
}
