//! An agent, asked by a module that is not ours: whatever that says, the agent goes on.

use std::{path::PathBuf, sync::Arc, time::Duration};

use reprise::{
    Host,
    agent::{Agent, AgentError, Options},
};
use reprise_openssl::{
    facts::{
        Able, ClientCertificate, Displaced, EarlyData, HelloFacts, Here, LeftAlone, Noted, Observed, OfferFacts,
        Offered, Outcome, Place, SessionFacts, Suites, Ticket, Turn,
    },
    hello::Hello,
};
use reprise_session::session::{Epoch, RevocationLists, SessionId};
use reprise_tests::{metrics::Exposition, until};
use reprise_wire::{
    answer::{Answer, Says},
    calls::{Calls, Header, HelloAt, Made, bytes},
    greeting::{Greeting, Ids, Welcome},
    secret::{Prover, Secret, challenge},
    socket::{Inbox, Line},
};

const TLS12: i32 = 0x0303;
const SUITE: u16 = 0xc02b;

/// An agent in a folder of its own.
struct Served {
    host: Arc<Host>,
    agent: Agent,
    folder: tempfile::TempDir,
}

fn served() -> Served {
    let (host, folder) = (Arc::new(Host::builder().build().unwrap()), tempfile::tempdir().unwrap());
    let agent = Agent::start(&host, options(&folder)).unwrap();
    Served { host, agent, folder }
}

fn options(folder: &tempfile::TempDir) -> Options {
    Options { socket: folder.path().join("agent.sock"), ..Options::default() }
}

impl Served {
    fn socket(&self) -> PathBuf {
        self.folder.path().join("agent.sock")
    }

    fn module(&self, program: &str) -> Module {
        self.another(program, std::process::id())
    }

    /// That of a process with this number.
    fn another(&self, program: &str, process: u32) -> Module {
        let greeting = |quiet| Greeting { process, ..Greeting::new(program, 1, quiet) };
        let (asks, tells) = [false, true].map(|quiet| self.line(&greeting(quiet))).into();
        let mut module = Module { asks, tells, inbox: Inbox::new(), ids: None, calls: Calls::default(), told: 0 };
        assert!(module.asks.receive(&mut module.inbox).unwrap());
        let Welcome::Keys(keys) = Welcome::decode(module.inbox.message()).unwrap() else { panic!("refused") };
        module.ids = keys.ready();
        module
    }

    fn line(&self, greeting: &Greeting) -> Line {
        let line = Line::connect(&self.socket(), Duration::from_secs(60)).unwrap();
        line.send(&greeting.encode()).unwrap();
        line
    }
}

struct Module {
    asks: Line,
    tells: Line,
    inbox: Inbox,
    ids: Option<Ids>,
    calls: Calls,
    /// Messages that were told.
    told: u32,
}

impl Module {
    /// What is answered to the calls so far.
    fn asked<T>(&mut self, connection: u64, read: impl FnOnce(Says<'_>) -> T) -> T {
        self.asks.send(&self.calls.message(Header { answer: 9, told: self.told, connection })).unwrap();
        self.calls.clear();
        assert!(self.asks.receive(&mut self.inbox).unwrap());
        let answer = Answer::decode(self.inbox.message()).unwrap();
        assert_eq!(answer.number, 9);
        read(answer.says)
    }

    fn told(&mut self, connection: u64) {
        self.tells.send(&self.calls.message(Header { answer: 0, told: 0, connection })).unwrap();
        self.told += 1;
        self.calls.clear();
    }

    fn new_id(&self) -> SessionId {
        self.ids.as_ref().unwrap().id([3; 16])
    }

    /// A whole handshake, which keeps a session.
    fn keeps(&mut self, id: SessionId) {
        self.calls.hello(&hello(None));
        self.calls.ticket(&session(id));
        let kept = self.asked(1, |says| matches!(says, Says::Ticket(Ticket::Kept { .. })));
        assert!(kept);
        self.calls.made(&Made { id, encoding: Ok(bytes(b"what OpenSSL encodes")) });
        self.calls.done(&Outcome { version: TLS12, resumed: false, sessions: 1, early_data: EarlyData::NotOffered });
        self.calls.gone();
        self.told(1);
    }

    /// Whether it resumes.
    fn resumes(&mut self, id: SessionId) -> bool {
        self.calls.hello(&hello(Some(id)));
        let able = Able { ciphers: Suites::Listed(vec![SUITE]), extended_master_secret: true, early_data: false };
        let offer = OfferFacts { id: id.as_bytes(), version: TLS12, switched: false, able, proof: None };
        self.calls.offered(&offer, false);
        self.asked(2, |says| matches!(says, Says::Resumes(_)))
    }
}

fn hello(offered: Option<SessionId>) -> HelloFacts<'static> {
    let place = Arc::new(Place {
        listener: "127.0.0.1:443".into(),
        site: "dns:a.example".into(),
        epoch: Epoch::default(),
        revocation_lists: RevocationLists::default(),
    });
    HelloFacts {
        turn: Turn::First,
        hello: Arc::new(Hello {
            server_name: Some("a.example".into()),
            session_id: offered,
            extended_master_secret: true,
            ciphers: SUITE.to_be_bytes().to_vec().into(),
            ..Hello::default()
        }),
        peer: None,
        hooked: place.clone(),
        here: Some(Here { place, verify_mode: 0 }),
        learns: false,
        ahead: None,
    }
}

fn session(id: SessionId) -> SessionFacts {
    SessionFacts {
        id: id.as_bytes().to_vec(),
        version: TLS12,
        cipher_suite: Some(SUITE),
        extended_master_secret: true,
        alpn: None,
        resumed: false,
        switched: false,
        expected: 1,
        certificate: ClientCertificate::None,
        chain: None,
    }
}

#[test]
fn what_one_process_of_a_program_keeps_resumes_at_another() {
    let served = served();
    let mut one = served.module("nginx");
    let id = one.new_id();
    one.keeps(id);
    // What was told is heard before the next question of the same process, and by others soon.
    assert!(one.resumes(id));
    let status = served.agent.processes();
    assert_eq!(
        (status.len(), &*status[0].program, status[0].counted.full, status[0].counted.resumed),
        (1, "nginx", 1, 0)
    );
    drop(one);
    until("it is seen to be gone", || served.agent.processes().is_empty());
    assert!(served.module("nginx").resumes(id));
    drop(served.host);
}

/// The thread that has answered the one waits for its next question when the other asks.
#[test]
fn what_a_process_has_just_told_is_known_when_another_asks() {
    let served = served();
    let (mut one, mut other) = (served.module("nginx"), served.another("nginx", 2));
    for nonce in 0..200 {
        let id = one.ids.as_ref().unwrap().id([nonce; 16]);
        one.keeps(id);
        assert!(other.resumes(id));
    }
}

const PLACE: u32 = 5;
const LIST: u32 = 6;

/// A session of the module's is offered, with what has numbers by its numbers.
fn offered_by_number(module: &mut Module, id: SessionId) {
    let HelloFacts { turn, hello, .. } = hello(Some(id));
    module.calls.hello_at(&HelloAt { turn, hello, peer: None, hooked: PLACE, here: Some((PLACE, 0)), learns: false });
    let able = Able { extended_master_secret: true, ..Able::default() };
    let offer = OfferFacts { id: id.as_bytes(), version: TLS12, switched: false, able, proof: None };
    module.calls.offered_with(&offer, LIST, false);
}

#[test]
fn what_has_a_number_is_said_once() {
    let served = served();
    let (mut one, mut other) = (served.module("nginx"), served.module("apache2"));
    let id = one.new_id();
    one.keeps(id);
    for module in [&mut one, &mut other] {
        module.calls.place(PLACE, &hello(None).hooked);
        module.calls.suites(LIST, &[SUITE]);
    }
    for number in [2, 3] {
        offered_by_number(&mut one, id);
        assert!(one.asked(number, |says| matches!(says, Says::Resumes(_))));
        offered_by_number(&mut other, id);
        assert!(other.asked(number, |says| matches!(says, Says::Full)), "a place is its program's, by a number, too");
    }
    // Told, it holds as well.
    one.calls.suites(LIST, &[SUITE ^ 1]);
    one.told(7);
    offered_by_number(&mut one, id);
    assert!(one.asked(4, |says| matches!(says, Says::Full)), "the suite is not enabled any more");
}

#[test]
fn a_number_that_was_never_given_ends_the_line() {
    let served = served();
    let mut module = served.module("nginx");
    let id = module.new_id();
    offered_by_number(&mut module, id);
    module.asks.send(&module.calls.message(Header { answer: 9, told: 0, connection: 1 })).unwrap();
    assert!(!module.asks.receive(&mut module.inbox).unwrap());
}

#[test]
fn a_handshake_that_is_over_is_heard_with_the_next_question() {
    let served = served();
    let mut module = served.module("nginx");
    let id = module.new_id();
    module.keeps(id);
    assert!(module.resumes(id));
    module.calls.over(2, &Outcome { version: TLS12, resumed: true, sessions: 0, early_data: EarlyData::NotOffered });
    assert!(module.resumes(id));
    assert_eq!(served.agent.processes()[0].counted.resumed, 1);
    // By itself, and about the connection that the message is about.
    module.calls.over(2, &Outcome { version: TLS12, resumed: true, sessions: 0, early_data: EarlyData::NotOffered });
    module.told(2);
    until("it is heard", || served.agent.processes()[0].counted.resumed == 2);
}

#[test]
fn all_that_was_told_before_a_question_is_heard_before_it() {
    let served = served();
    let mut module = served.module("nginx");
    for nonce in 0..100 {
        let id = module.ids.as_ref().unwrap().id([nonce; 16]);
        module.keeps(id);
        for connection in 100..110 {
            module.calls.observed(Observed { tls13: false, offered: Offered::Nothing, resumed: false });
            module.told(connection);
        }
        assert!(module.resumes(id));
    }
    assert_eq!(served.agent.processes()[0].counted.full, 1_100);
}

#[test]
fn what_one_program_keeps_does_not_resume_at_another() {
    let served = served();
    let (mut nginx, mut httpd) = (served.module("nginx"), served.module("apache2"));
    let id = nginx.new_id();
    nginx.keeps(id);
    assert!(nginx.resumes(id));
    assert!(!httpd.resumes(id));
}

#[test]
fn another_version_is_told_so() {
    let served = served();
    let line = served.line(&Greeting { version: 2, ..Greeting::new("nginx", 1, false) });
    let mut inbox = Inbox::new();
    assert!(line.receive(&mut inbox).unwrap());
    assert!(matches!(Welcome::decode(inbox.message()).unwrap(), Welcome::Refused(why) if why.contains("version 1")));
    assert!(!line.receive(&mut inbox).unwrap());
}

#[test]
fn garbage_ends_the_line_that_it_came_on_and_no_other() {
    let served = served();
    let mut good = served.module("nginx");
    let id = good.new_id();
    good.keeps(id);
    let mut inbox = Inbox::new();
    let stranger = Line::connect(&served.socket(), Duration::ZERO).unwrap();
    stranger.wait_at_most(Duration::from_secs(60)).unwrap();
    stranger.send(b"\xff\xff\xff").unwrap();
    assert!(!stranger.receive(&mut inbox).unwrap(), "no greeting");
    let bad = served.module("bad");
    bad.asks.send(&[200; 40]).unwrap();
    assert!(!bad.asks.receive(&mut inbox).unwrap(), "no question");
    // What is told in vain is lost, and the question after it answered.
    good.tells.send(&[200; 40]).unwrap();
    good.told += 1;
    assert!(good.resumes(id));
}

#[test]
fn lines_of_a_pair_are_of_two_kinds() {
    let served = served();
    let lines = [true, true].map(|quiet| served.line(&Greeting::new("nginx", 1, quiet)));
    for line in lines {
        assert!(!line.receive(&mut Inbox::new()).unwrap_or(false));
    }
}

#[test]
fn a_handshake_that_is_never_over_is_forgotten_for_others() {
    let served = served();
    let mut module = served.module("nginx");
    for connection in 10..10_000 {
        module.calls.hello(&hello(None));
        module.told(connection);
    }
    // The agent has forgotten the first of them, and its hello: nothing is known of what it makes.
    let id = module.new_id();
    module.calls.ticket(&session(id));
    assert!(module.asked(10, |says| matches!(says, Says::Ticket(Ticket::Withheld))));
    module.calls.ticket(&session(id));
    assert!(module.asked(9_999, |says| matches!(says, Says::Ticket(Ticket::Kept { .. }))));
}

#[test]
fn a_socket_that_nobody_listens_at_is_replaced_and_another_is_not() {
    let served = served();
    let taken = Agent::start(&served.host, options(&served.folder)).unwrap_err();
    assert!(matches!(taken, AgentError::Taken(_)), "{taken}");
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("agent.sock");
    drop(reprise_wire::socket::Listening::at(&socket).unwrap());
    assert!(socket.exists(), "it was left behind");
    drop(Agent::start(&served.host, options(&folder)).unwrap());
    assert!(!socket.exists(), "the agent takes its own away");
    std::fs::write(&socket, "no socket").unwrap();
    let error = Agent::start(&served.host, options(&folder)).unwrap_err();
    assert!(matches!(error, AgentError::NoSocket(_)) && socket.exists(), "{error}");
}

#[test]
fn an_agent_that_ends_lets_go_of_its_threads_and_of_the_host() {
    let Served { host, agent, folder } = served();
    let there = Arc::downgrade(&host);
    drop(agent);
    drop(host);
    assert!(there.upgrade().is_none());
    assert!(Line::connect(&folder.path().join("agent.sock"), Duration::ZERO).is_err());
}

/// What a module that comes by the agent's name is told in the end, when it proves itself by `secret`.
fn by_name(served: &Served, secret: &Secret) -> Option<Welcome> {
    let mut inbox = Inbox::new();
    let mut lines = Vec::new();
    for quiet in [false, true] {
        let ours = challenge().unwrap();
        let line = Line::connect_named(&served.socket(), Duration::from_secs(60)).unwrap();
        line.send(&Greeting { challenge: Some(ours), ..Greeting::new("haproxy", 7, quiet) }.encode()).unwrap();
        assert!(line.receive(&mut inbox).unwrap());
        let Welcome::Proves { proof, challenge: theirs } = Welcome::decode(inbox.message()).unwrap() else {
            panic!("nothing is proven")
        };
        // The agent proves itself first, to whoever comes.
        let known = Secret::read(&served.folder.path().join("secret")).unwrap();
        assert!(known.proves(Prover::Agent, "haproxy", (&ours, &theirs), &proof));
        line.send(&secret.proof(Prover::Module, "haproxy", &theirs, &ours).unwrap()).unwrap();
        lines.push(line);
    }
    lines[0].receive(&mut inbox).unwrap_or(false).then(|| Welcome::decode(inbox.message()).unwrap())
}

#[test]
fn who_comes_by_its_name_proves_that_it_knows_the_secret() {
    let (host, folder) = (Arc::new(Host::builder().build().unwrap()), tempfile::tempdir().unwrap());
    let with = Options { secret: Some(folder.path().join("secret")), ..options(&folder) };
    let served = Served { agent: Agent::start(&host, with).unwrap(), host, folder };
    let known = Secret::read(&served.folder.path().join("secret")).unwrap();
    assert!(matches!(by_name(&served, &known), Some(Welcome::Keys(_))));
    let other = Secret::read_or_make(&served.folder.path().join("other")).unwrap();
    assert!(by_name(&served, &other).is_none());
    // Nor without a challenge: who asks for no proof is no module of ours.
    let line = Line::connect_named(&served.socket(), Duration::from_secs(60)).unwrap();
    line.send(&Greeting::new("haproxy", 8, false).encode()).unwrap();
    assert!(!line.receive(&mut Inbox::new()).unwrap());
}

#[test]
fn a_program_that_stands_down_is_told_so_and_gets_no_keys() {
    let served = served();
    let (mut nginx, mut httpd) = (served.module("nginx"), served.module("apache2"));
    served.agent.stand_down(Some("nginx"), true).unwrap();
    assert!(!nginx.asks.receive(&mut nginx.inbox).unwrap(), "its lines end");
    let id = httpd.new_id();
    httpd.keeps(id);
    assert!(httpd.resumes(id), "others are not concerned");
    let lines = [false, true].map(|quiet| served.line(&Greeting::new("nginx", 2, quiet)));
    let mut inbox = Inbox::new();
    assert!(lines[0].receive(&mut inbox).unwrap());
    assert!(matches!(Welcome::decode(inbox.message()).unwrap(), Welcome::StandsDown));
    served.agent.stand_down(Some("nginx"), false).unwrap();
    served.module("nginx");
}

#[test]
fn what_programs_come_to_is_counted_and_its_metrics_are_in_the_documentation() {
    let served = served();
    let mut nginx = served.module("nginx");
    let id = nginx.new_id();
    nginx.keeps(id);
    nginx.calls.noted(Noted::Hooked(Displaced { new: true, get: true, internal: false }), 2);
    nginx.calls.noted(Noted::Left(LeftAlone::ResumptionIsOff), 3);
    for (offered, resumed) in [(Offered::Nothing, false), (Offered::Ticket, false), (Offered::Psk, true)] {
        nginx.calls.observed(Observed { tls13: true, offered, resumed });
    }
    nginx.told(3);
    until("it is heard", || served.agent.programs()[0].counted.resumed == 1);
    let programs = served.agent.programs();
    let [program] = &programs[..] else { panic!("{programs:?}") };
    let counted = &program.counted;
    assert_eq!((&*program.program, program.processes, program.contexts), ("nginx", 1, 2));
    assert_eq!((counted.full, counted.missed, counted.resumed), (3, 1, 1));
    assert_eq!((counted.refused["ticket"], counted.left_alone["resumption-is-off"]), (1, 3));
    assert_eq!(counted.displaced.keys().collect::<Vec<_>>(), ["get-callback", "new-callback"]);

    let mut registry = prometheus_client::registry::Registry::default();
    registry.register_collector(Box::new(served.agent.metrics()));
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
    let metrics = Exposition::parse(&text);
    let full = [("program", "nginx"), ("handshake", "full")];
    assert_eq!(metrics.value("reprise_program_handshakes_total", &full), 3.0);
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/metrics.md")).unwrap();
    let documented = page.lines().filter(|line| line.starts_with("| `reprise_program_")).count();
    assert_eq!(metrics.0.len(), documented);
    for family in &metrics.0 {
        let labels: Vec<_> = family.labels().iter().map(|label| format!("`{label}`")).collect();
        let named = |line: &str| {
            let cells: Vec<_> = line.split('|').map(str::trim).collect();
            cells.len() > 3
                && cells[1].trim_matches('`').trim_end_matches("_total") == family.name
                && cells[2] == family.kind
                && labels.iter().all(|label| cells[3].contains(label))
        };
        assert!(page.lines().any(named), "{family:?}");
    }
    drop(nginx);
    until("its counts stay when its process is gone", || {
        let program = &served.agent.programs()[0];
        (program.processes, program.counted.full) == (0, 3)
    });
}
