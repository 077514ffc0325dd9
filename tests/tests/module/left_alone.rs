//! Programs that turned resumption off on purpose; and what else leaves little to work with.

use std::process::Command;

use reprise_tests::{
    Client, Version,
    modules::{Guests, Python, postgres, python},
};

use crate::{own, sessions_resume};

#[test]
fn postgresql_is_left_alone() {
    let (guests, identity) = (Guests::new(), own("a.example"));
    let _agent = guests.agent();
    let postgres = postgres(&guests, &identity);
    let running = postgres.running();
    assert!(running.has_module(running.process()), "it loads the module: {}", running.log());
    for version in Version::BOTH {
        let client = Client::new(version);
        let mut session = None;
        for _ in 0..3 {
            let open = client.connect_over(postgres.connect(), session.as_ref()).expect("a handshake");
            assert!(!open.reused(), "{version:?}");
            session = Some(open.session().expect("a client has a session"));
        }
        assert_eq!(session.unwrap().id, b"", "{version:?}: there is nothing to resume by");
        let answer = postgres.query("select ssl from pg_stat_ssl where pid = pg_backend_pid()");
        assert_eq!(answer, "t", "it answers over TLS");
    }
    // A process for each connection, each of which says so once.
    let program = &guests.status()["programs"][0]["counted"];
    let asked = ["full", "resumed", "contexts"].map(|what| program[what].as_u64().unwrap());
    assert_eq!(asked, [0; 3], "the agent is asked nothing");
    assert!(program["left_alone"]["resumption-is-off"].as_u64().unwrap() > 0, "{program}");
}

/// With as much address space as a unit may be left (`LimitAS`).
#[test]
fn a_server_with_little_address_space_resumes() {
    const GIGABYTE: &str = "ulimit -v 1000000; exec python3 \"$@\"";
    let (guests, identity) = (Guests::new(), own("a.example"));
    let _agent = guests.agent();
    guests.place().identity("a.example", &identity);
    guests.place().write("server.py", crate::foreign_descriptors::SERVER);
    let server = guests.start("python3", |port| {
        let mut command = Command::new("sh");
        command.args(["-c", GIGABYTE, "sh"]).arg(guests.place().path("server.py")).arg(port.to_string());
        command.arg(guests.place().path("a.example.crt")).arg(guests.place().path("a.example.key"));
        command
    });
    sessions_resume(&server);
}

/// A file that a whole system reads may be meant for some of its programs.
#[test]
fn a_program_that_the_settings_do_not_name_is_left_alone() {
    let (guests, identity) = (Guests::with("only = nginx, apache2"), own("a.example"));
    let _agent = guests.agent();
    let server = python(&guests, Python::Threads, &crate::site("a.example", &identity));
    let client = Client::new(Version::Tls13);
    for _ in 0..3 {
        let session = crate::visit(&client, &server, None).session;
        assert!(crate::visit(&client, &server, Some(&session)).reused, "by Python's own tickets");
    }
    assert_eq!(guests.status()["processes"].as_array().map(Vec::len), Some(0), "the agent heard nothing of it");
}
