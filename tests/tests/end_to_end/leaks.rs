//! Nothing leaks: what the server says, and what the kernel may write of it.

use std::fs;

use reprise_fixtures::policies;
use reprise_tests::{Client, Place, Version, certificates};

/// Part of the secret, as programs print bytes: eight in a row are no accident.
fn shown(text: &str, secret: &[u8]) -> bool {
    secret.windows(8).any(|part| {
        let list = |show: fn(&u8) -> String| part.iter().map(show).collect::<Vec<_>>();
        let hex = list(|byte| format!("{byte:02x}"));
        let decimal = list(|byte| byte.to_string());
        [hex.concat(), hex.concat().to_uppercase(), hex.join(", "), hex.join(":"), decimal.join(", ")]
            .iter()
            .any(|form| text.contains(form))
            || text.contains(&part.escape_ascii().to_string())
    })
}

#[test]
fn the_most_talkative_log_has_no_secret_and_no_whole_session_id_in_it() {
    let place = Place::new();
    let ca = certificates::client_ca("Client CA");
    place.write("clients.crt", ca.certificate_pem());
    place.policy("10-note.wasm", policies::note(b"a note"));
    place.policy("20-forget.wasm", policies::forget_on_remove());
    place.policy("30-trap.wasm", policies::trap_in(reprise_fixtures::Callback::Remove));
    let ca_file = place.arg("clients.crt");
    let mut server = place.serve(&["--log", "trace", "--client-ca", &ca_file, "--client-auth", "optional"]);
    let elsewhere = Place::new().serve(&[]);
    let mut sessions = Vec::new();
    for version in Version::BOTH {
        let identity = ca.issue_client("client 7");
        for client in [Client::new(version), Client::new(version).with(&identity)] {
            let first = client.first_visit(server.address());
            let second = client.revisit(server.address(), &first.session);
            assert!(second.reused, "{:?}", second.report);
            assert_eq!(second.report.session_id.as_ref().map(String::len), Some(16), "a part is shown, for the log");
            let foreign = client.first_visit(elsewhere.address());
            assert!(!client.revisit(server.address(), &foreign.session).reused);
            let other = Client::new(version).asking_for(Some("b.example"));
            assert!(!other.revisit(server.address(), &first.session).reused);
            // Closed without a goodbye, which gives the session up.
            drop(client.connect(server.address(), Some(&second.session)).expect("the server is up"));
            sessions.extend([first.session, second.session, foreign.session]);
        }
    }
    server.terminate();
    assert!(server.ended().success());
    server.log().line(&["stopped"]);
    let log = server.log().text();

    assert!(log.contains("DEBUG") && log.contains("does not resume"), "it is a talkative log:\n{log}");
    for session in sessions {
        let secret = session.secret();
        assert!(secret.len() >= 32 && !shown(&log, &secret), "a secret is in the log:\n{log}");
        // Found in part, its first eight bytes, it cannot be offered.
        assert!(!shown(&log, &session.id[8..]), "a whole session id is in the log:\n{log}");
        let hex: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
        assert!(shown(&format!("{log}{hex}"), &secret), "if it were there, it would be found");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn the_kernel_writes_no_core_dump_unless_it_is_allowed_to() {
    let limit = |process: &str| {
        let limits = fs::read_to_string(format!("/proc/{process}/limits")).unwrap();
        limits.lines().find(|line| line.starts_with("Max core file size")).unwrap().to_owned()
    };
    let place = Place::new();
    let server = place.serve(&[]);
    let fields: Vec<String> =
        limit(&server.process().to_string()).split_whitespace().skip(4).take(2).map(str::to_owned).collect();
    assert_eq!(fields, ["0", "0"]);
    drop(server);
    let allowed = place.serve(&["--core-dumps"]);
    assert_eq!(limit(&allowed.process().to_string()), limit("self"), "as it was inherited");
}
