//! `reprise agent` from outside: where modules ask, and what operators see of it.

use std::{
    fs,
    os::{
        linux::fs::MetadataExt,
        unix::{fs::PermissionsExt, net::UnixDatagram},
    },
    process::{Command, Output},
};

use reprise_fixtures::policies;
use reprise_tests::{Client, PATIENCE, Place, Server, Version, built, http, until};
use reprise_wire::{
    greeting::{Greeting, Welcome},
    socket::{Inbox, Line, Listening},
};
use serde_json::{Value, json};

/// The command that is an agent with the place's policies, state and socket.
fn command(place: &Place, arguments: &[&str]) -> Command {
    let mut command = Command::new(built::server());
    command.arg("agent").args(arguments).env_remove("RUST_LOG");
    for (option, file) in [("--socket", "run/agent.sock"), ("--policies", "policies"), ("--state-dir", "state")] {
        if !arguments.contains(&option) {
            command.args([option, &place.arg(file)]);
        }
    }
    command
}

/// An agent that modules may ask.
fn agent(place: &Place, arguments: &[&str]) -> Server {
    let agent = Server::start_command(&mut command(place, arguments));
    agent.log().line(&["modules ask at ", &place.arg("run/agent.sock")]);
    agent
}

/// How an agent that does not start ends.
fn refused(place: &Place, arguments: &[&str]) -> String {
    let Output { status, stderr, .. } = command(place, arguments).output().unwrap();
    assert!(!status.success());
    String::from_utf8_lossy(&stderr).into_owned()
}

/// A module that has greeted the agent, and what it was told.
fn module(place: &Place, program: &str) -> ([Line; 2], Welcome) {
    let lines = [false, true].map(|quiet| {
        let line = Line::connect(&place.path("run/agent.sock"), std::time::Duration::ZERO).expect("it listens");
        line.wait_at_most(PATIENCE).unwrap();
        line.send(&Greeting::new(program, 1, quiet).encode()).unwrap();
        line
    });
    let mut inbox = Inbox::new();
    assert!(lines[0].receive(&mut inbox).unwrap(), "the agent hung up");
    let welcome = Welcome::decode(inbox.message()).unwrap();
    (lines, welcome)
}

/// What `reprise status` says, of a server or an agent.
fn reprise(place: &Place, arguments: &[&str]) -> String {
    let state = place.arg("state");
    let all = [arguments, &["--state-dir", &state]].concat();
    let Output { status, stdout, stderr } = Command::new(built::server()).args(all).output().unwrap();
    assert!(status.success(), "{}", String::from_utf8_lossy(&stderr));
    String::from_utf8(stdout).unwrap()
}

fn status(place: &Place) -> Value {
    serde_json::from_str(&reprise(place, &["status", "--json"])).unwrap()
}

#[test]
fn a_module_that_asks_is_shown_by_its_program() {
    let place = Place::new();
    place.policy("10-calm.wasm", policies::no_opinion());
    let _agent = agent(&place, &[]);
    assert_eq!(status(&place)["processes"], json!([]));
    assert_eq!(status(&place)["policies"][0]["name"], "calm");
    let (line, welcome) = module(&place, "nginx");
    assert!(matches!(welcome, Welcome::Keys(_)), "it is told how ids are made");
    let processes = &status(&place)["processes"];
    let here = std::process::id();
    assert_eq!((&processes[0]["program"], &processes[0]["process"]), (&json!("nginx"), &json!(here)), "{processes}");
    let page = reprise(&place, &["status"]);
    assert!(page.contains("processes      1\n") && page.contains(&format!("nginx {here}: ")), "{page}");
    drop(line);
    until("a process that is gone is not shown", || status(&place)["processes"] == json!([]));
}

#[test]
fn an_agent_ends_when_it_is_told_to_and_takes_its_socket_with_it() {
    let place = Place::new();
    let mut agent = agent(&place, &[]);
    let (_line, _) = module(&place, "nginx");
    agent.terminate();
    assert!(agent.ended().success());
    agent.log().line(&["stopped"]);
    assert!(!place.path("run/agent.sock").exists());
}

#[test]
fn a_socket_that_was_left_behind_is_replaced_and_a_live_one_is_not() {
    let place = Place::new();
    fs::create_dir(place.path("run")).unwrap();
    drop(Listening::at(&place.path("run/agent.sock")).unwrap());
    let mut first = agent(&place, &[]);
    let socket = || fs::metadata(place.path("run/agent.sock")).unwrap();
    let inode = socket().st_ino();
    assert_eq!(socket().permissions().mode() & 0o777, 0o666);
    let said = refused(&place, &["--state-dir", &place.arg("other")]);
    assert!(said.contains("listens there already"), "{said}");
    assert_eq!(socket().st_ino(), inode);
    module(&place, "nginx");
    // What is killed leaves its socket behind.
    first.kill();
    assert!(place.path("run/agent.sock").exists());
    let _second = agent(&place, &[]);
    module(&place, "nginx");
}

#[test]
fn operators_reach_an_agent_as_they_do_a_server() {
    let place = Place::new();
    place.policy("10-calm.wasm", policies::no_opinion());
    let agent = agent(&place, &["--admin", "0"]);
    assert_eq!(http::get(agent.admin(), "/healthz").status, 200);
    assert_eq!(http::get(agent.admin(), "/readyz").status, 200);
    assert!(http::get(agent.admin(), "/metrics").body.contains("reprise_"));
    assert!(reprise(&place, &["policies", "quarantine", "calm"]).contains("quarantined"));
    reprise(&place, &["revoke", "--all"]);
    assert_eq!(status(&place)["revocations"]["in_force"], 1);
    place.policy("20-new.wasm", policies::no_opinion());
    agent.live("new", 1);
    agent.hang_up();
    agent.log().line(&["SIGHUP"]);
    agent.log().line(&["back from quarantine", "policy=\"calm\""]);
    let vitals = status(&place)["vitals"].as_array().unwrap().clone();
    assert!(vitals.iter().all(|vital| vital["sound"] == true), "{vitals:?}");
    assert!(vitals.iter().any(|vital| vital["name"].as_str().unwrap().contains("agent")), "{vitals:?}");
    assert!(refused(&place, &["--socket", &place.arg("other.sock")]).contains("--state-dir"));
}

#[test]
fn a_service_manager_is_told_of_an_agent_too() {
    let place = Place::new();
    let manager = UnixDatagram::bind(place.path("notify")).unwrap();
    manager.set_read_timeout(Some(PATIENCE)).unwrap();
    let told = || {
        let mut datagram = [0; 4096];
        let length = manager.recv(&mut datagram).expect("something is told in time");
        String::from_utf8_lossy(&datagram[..length]).into_owned()
    };
    let mut agent = Server::start_command(command(&place, &[]).env("NOTIFY_SOCKET", place.path("notify")));
    assert_eq!(told(), "READY=1\n");
    module(&place, "nginx");
    agent.terminate();
    assert_eq!(told(), "STOPPING=1\n");
    assert!(agent.ended().success());
}

#[test]
fn options_come_from_a_file_too() {
    let place = Place::new();
    place.write("agent.toml", format!("socket = '{}'\nlifetime = '5m'\nuid = ['root']\n", place.arg("other.sock")));
    let _agent = agent(&place, &["--config", &place.arg("agent.toml")]);
    assert!(!place.path("other.sock").exists(), "the command line wins");
    place.write("agent.toml", "listen = '127.0.0.1:0'\n");
    let said = refused(&place, &["--config", &place.arg("agent.toml")]);
    assert!(said.contains("`listen`") && said.contains("reprise agent --help"), "{said}");
}

#[test]
fn a_server_may_be_an_agent_beside_its_listeners() {
    let place = Place::new();
    fs::create_dir(place.path("run")).unwrap();
    let mut server = place.serve(&["--agent", &place.arg("run/agent.sock")]);
    server.log().line(&["modules ask at"]);
    let (_line, _) = module(&place, "haproxy");
    assert_eq!(status(&place)["processes"][0]["program"], "haproxy");
    Client::new(Version::Tls13).first_visit(server.address());
    server.terminate();
    assert!(server.ended().success());
    assert!(!place.path("run/agent.sock").exists());
    let _alone = place.serve(&[]);
    assert_eq!(status(&place).get("processes"), None, "a server that modules cannot ask says nothing of them");
}
