//! A session that OpenSSL gives up.

use reprise_openssl::facts::Users;

use super::*;

/// Whether a session is still there once the worker has decided about it, given up like this.
fn retained(circumstances: Circumstances) -> bool {
    let desk = Desk::new();
    let [id, last] = [(); 2].map(|()| desk.made(TLS12, |_| {}));
    desk.given_up(id, circumstances);
    // One after the other: when the last one is gone, the first was decided about.
    let alert = Users::One { established: true, failed: true };
    desk.given_up(last, Circumstances { users: alert, freed: false, error: true, unexpected_eof: false });
    let lost = desk.store.seen.clone();
    // The first one too, if it was lost.
    lost.wait_for_removes(1);
    while desk.stored() > 1 {
        std::thread::yield_now();
    }
    desk.store.peek(&id).is_some()
}

#[test]
fn only_a_fatal_alert_on_an_established_connection_loses_a_session() {
    let circumstances = |users| Circumstances { users, freed: false, error: true, unexpected_eof: false };
    let one = |established, failed| circumstances(Users::One { established, failed });
    assert!(!retained(one(true, true)));
    for given_up in [
        one(false, true),
        one(true, false),
        circumstances(Users::Several),
        circumstances(Users::None),
        Circumstances { unexpected_eof: true, ..one(true, true) },
        Circumstances { freed: true, ..circumstances(Users::None) },
    ] {
        assert!(retained(given_up), "{given_up:?}");
    }
}

#[test]
fn a_foreign_id_is_not_even_queued() {
    let desk = Desk::new();
    let foreign = SessionId::from([7; 32]);
    for _ in 0..10_000 {
        let users = Users::One { established: true, failed: true };
        desk.given_up(foreign, Circumstances { users, freed: false, error: true, unexpected_eof: false });
    }
    assert_eq!(desk.resources.living.removals_dropped(), 0, "a queue of 4,096 would have been full");
}
