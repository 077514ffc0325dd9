//! How the module stands to a program: it looks and no more, it stands down, it reaches the agent out of a chroot.

use reprise_fixtures::policies;
use reprise_tests::{
    Client, Version,
    modules::{Guests, Running, Site, haproxy_in_chroot, nginx},
    until,
};
use serde_json::Value;

use crate::{learned, own, sessions_resume, visit};

/// What the agent says of the program.
fn program(guests: &Guests) -> Value {
    guests.status()["programs"][0].clone()
}

/// An nginx that resumes by itself, and an agent that has nothing kept.
fn by_itself(guests: &Guests, sees: impl FnOnce(&Running)) {
    let identity = own("a.example");
    let more = "ssl_session_cache shared:own:1m; ssl_session_tickets off;";
    sees(&nginx(guests, &[Site { name: "a.example", identity: &identity, more }]));
}

/// Whether a client that comes back resumes, in TLS 1.2 and 1.3.
fn resumes(server: &Running) -> [bool; 2] {
    Version::BOTH.map(|version| {
        let client = Client::new(version);
        let session = visit(&client, server, None).session;
        visit(&client, server, Some(&session)).reused
    })
}

#[test]
fn a_program_that_is_observed_is_as_it_was_and_its_handshakes_are_counted() {
    let guests = Guests::with("observe = yes");
    guests.place().policy("keeps-nothing.wasm", policies::refuse_new());
    let _agent = guests.agent();
    by_itself(&guests, |nginx| {
        assert_eq!(resumes(nginx), [true; 2]);
        // A session that nobody has any more.
        let client = Client::new(Version::Tls12);
        let session = visit(&client, nginx, None).session;
        nginx.reload("-HUP");
        let survived = visit(&client, nginx, Some(&session)).reused;
        let expected = if survived { (3, 0) } else { (2, 1) };
        until("all of it is counted", || {
            let program = program(&guests);
            let counted = &program["counted"];
            let refused = counted["refused"]["session-id"].as_u64().unwrap_or(0);
            program["observes"] == true && (counted["resumed"].as_u64().unwrap(), refused) == expected
        });
        let counted = &program(&guests)["counted"];
        assert_eq!((&counted["contexts"], counted["full"].as_u64().unwrap()), (&Value::from(0), 3 + expected.1));
    });
}

#[test]
fn a_program_that_stands_down_is_as_it_was_until_that_is_taken_back() {
    let guests = Guests::new();
    guests.place().policy("keeps-nothing.wasm", policies::refuse_new());
    let agent = guests.agent();
    by_itself(&guests, |nginx| {
        assert_eq!(resumes(nginx), [false; 2], "a policy decides");
        assert_eq!(program(&guests)["counted"]["displaced"]["get-callback"], 1);
        let said = guests.reprise(&["module", "stand-down", "tested"]);
        assert!(said.contains("tested: ") && said.contains("stands down"), "{said}");
        // Its first handshake after that is a full one.
        visit(&Client::new(Version::Tls12), nginx, None);
        assert_eq!(resumes(nginx), [true; 2], "its own cache is back");
        // Of an agent that starts again, too.
        drop(agent);
        let _agent = guests.agent();
        nginx.reload("-HUP");
        until("the new worker hears of it", || resumes(nginx) == [true; 2]);
        guests.reprise(&["module", "stand-down", "--undo"]);
        until("a policy decides again", || resumes(nginx) == [false; 2]);
    });
}

#[test]
fn in_its_chroot_haproxy_reaches_the_agent_by_its_name() {
    let (guests, identity) = (Guests::new(), own("a.example"));
    let agent = guests.agent();
    let server = haproxy_in_chroot(&guests, &[Site { name: "a.example", identity: &identity, more: "" }]);
    sessions_resume(&server);
    // Another agent has the same secret.
    drop(agent);
    let client = Client::new(Version::Tls13);
    let session = visit(&client, &server, None).session;
    assert!(!visit(&client, &server, Some(&session)).reused);
    let _agent = guests.agent();
    until("sessions resume", || {
        let session = visit(&client, &server, None).session;
        visit(&client, &server, Some(&session)).reused
    });
}

/// Whoever takes the name of an agent that is down, and runs as root even, gets nothing.
#[test]
fn who_has_taken_the_agents_name_is_shown_nothing() {
    use reprise_wire::{
        greeting::{Greeting, Welcome},
        socket::{Inbox, Listening},
    };
    let (guests, identity) = (Guests::new(), own("a.example"));
    drop(guests.agent());
    let server = haproxy_in_chroot(&guests, &[Site { name: "a.example", identity: &identity, more: "" }]);
    let squats = Listening::named(&guests.socket()).unwrap();
    let client = Client::new(Version::Tls12);
    let heard = std::thread::scope(|scope| {
        let heard = scope.spawn(|| {
            let mut line = None;
            until("the module comes", || {
                line = squats.accept().ok();
                line.is_some()
            });
            let (line, mut inbox) = (line.unwrap(), Inbox::new());
            assert!(line.receive(&mut inbox).unwrap());
            let greeting = Greeting::decode(inbox.message()).unwrap();
            assert!(greeting.challenge.is_some());
            let guessed = Welcome::Proves { proof: [0; 32], challenge: [0; 32] };
            line.send(&guessed.encode()).unwrap();
            line.receive(&mut inbox).unwrap_or(false)
        });
        learned(&client, &server);
        heard.join().unwrap()
    });
    assert!(!heard, "nothing is said after a wrong proof");
}
