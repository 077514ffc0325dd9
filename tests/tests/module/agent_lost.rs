//! The agent is gone, hangs, or is not one; the module is gone. Every handshake is a full one then, and none fails.

use std::{
    fs,
    path::Path,
    process::{Child, Command, Stdio},
};

use reprise_tests::{
    Client, Version,
    certificates::Identity,
    modules::{Guests, Running, Site, haproxy, httpd, nginx},
    until,
};

use crate::{load, own, sessions_outlive, site, visit, with_an_agent};

/// A short one, as a server is likely to have it.
const DEADLINE: &str = "deadline = 50ms";

/// Somebody else where the agent should be.
const IMPOSTOR: &str = r#"
import os, random, socket, sys, threading
kind, path, real = sys.argv[1:]
KIND = socket.SOCK_SEQPACKET
def garbage():
    return os.urandom(random.choice([1, 7, 64, 500, 4000]))
def line(near):
    if kind == "closes":
        near.close()
    elif kind == "says nothing":
        while near.recv(65536):
            pass
    elif kind == "says garbage":
        near.send(garbage())
        while near.recv(65536):
            near.send(garbage())
    elif kind == "begins well":
        far = socket.socket(socket.AF_UNIX, KIND)
        far.connect(real)
        far.send(near.recv(65536))
        threading.Thread(target=lambda: near.send(far.recv(65536)), daemon=True).start()
        while near.recv(65536):
            near.send(garbage())
def quiet(near):
    try:
        line(near)
    except OSError:
        pass
listening = socket.socket(socket.AF_UNIX, KIND)
listening.bind(path)
os.chmod(path, 0o666)
listening.listen(128)
print("listens", flush=True)
while True:
    near, _ = listening.accept()
    threading.Thread(target=quiet, args=(near,), daemon=True).start()
"#;

/// Ends when dropped, and leaves its socket behind.
struct Impostor(Child);

impl Impostor {
    fn listen(kind: &str, at: &Path, real: &Path) -> Self {
        use std::io::{BufRead, BufReader};
        let mut command = Command::new("python3");
        command.args(["-c", IMPOSTOR, kind]).arg(at).arg(real).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut process = command.spawn().expect("`python3` is there");
        let mut said = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut said).unwrap();
        assert_eq!(said, "listens\n", "{kind}");
        Self(process)
    }
}

impl Drop for Impostor {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts a server of one site.
type Start = fn(&Guests, &Identity) -> Running;

fn servers() -> [(&'static str, Start); 2] {
    [
        ("nginx", |guests, identity| nginx(guests, &[site("a.example", identity)])),
        ("HAProxy", |guests, identity| haproxy(guests, &[site("a.example", identity)])),
    ]
}

#[test]
fn an_agent_that_is_killed_or_stopped_fails_nobody() {
    for (name, start) in servers() {
        let (guests, identity) = (Guests::with(DEADLINE), own("a.example"));
        let agent = guests.agent();
        let server = start(&guests, &identity);
        load::none_fails(&server, |load| {
            load.resumes(50);
            agent.freeze();
            load.stops_resuming(30);
            agent.thaw();
            load.resumes(50);
            agent.kill();
            load.stops_resuming(30);
            let _next = guests.agent();
            load.resumes(50);
            println!("{name}: an agent was stopped and killed, and another took its place");
        });
    }
}

#[test]
fn whoever_listens_in_the_agents_place_fails_nobody() {
    for (name, start) in servers() {
        // By its name, the real one would be found.
        let (guests, identity) = (Guests::with(&format!("{DEADLINE}\nsecret =")), own("a.example"));
        let real = guests.place().path("run").join("real.sock");
        let agent = guests.agent();
        let server = start(&guests, &identity);
        load::none_fails(&server, |load| {
            load.resumes(50);
            fs::rename(guests.socket(), &real).unwrap();
            // Whoever is connected has to connect again.
            agent.freeze();
            load.stops_resuming(10);
            agent.thaw();
            for kind in ["closes", "says nothing", "says garbage", "begins well"] {
                let impostor = Impostor::listen(kind, &guests.socket(), &real);
                load.stops_resuming(30);
                println!("{name}: somebody who {kind}");
                drop(impostor);
                guests.clear_socket();
            }
            fs::rename(&real, guests.socket()).unwrap();
            load.resumes(50);
        });
    }
}

#[test]
fn a_worker_that_is_killed_leaves_its_sessions_to_the_next() {
    with_an_agent(
        |guests, identity| nginx(guests, &[site("a.example", identity)]),
        |nginx| sessions_outlive(nginx, || nginx.kill_workers()),
    );
}

#[test]
fn a_server_without_its_module_serves_as_before() {
    let identity = own("a.example");
    let cache = "ssl_session_cache shared:own:1m;";
    let without = |guests: &Guests| {
        let configuration = fs::read_to_string(guests.place().path("openssl.cnf")).unwrap();
        let missing = configuration.replace("libreprise_module.so", "no_such_module.so");
        assert_ne!(missing, configuration);
        guests.place().write("openssl.cnf", missing);
    };
    let servers: [fn(&Guests, &Identity, &str) -> Running; 3] = [
        |guests, identity, more| nginx(guests, &[Site { more, ..site("a.example", identity) }]),
        |guests, identity, _| haproxy(guests, &[site("a.example", identity)]),
        |guests, identity, _| httpd(guests, &[site("a.example", identity)]),
    ];
    for start in servers {
        let guests = Guests::new();
        without(&guests);
        let _agent = guests.agent();
        let server = start(&guests, &identity, cache);
        for version in Version::BOTH {
            let client = Client::new(version);
            until("it resumes by itself, as it always did", || {
                let session = visit(&client, &server, None).session;
                let again = visit(&client, &server, Some(&session));
                assert!(again.answer.contains("site a.example"), "{}", again.answer);
                again.reused
            });
        }
        assert_eq!(guests.status()["processes"].as_array().map(Vec::len), Some(0), "nobody asked the agent");
    }
}
