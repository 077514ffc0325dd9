//! A process, and an agent that a test plays.

use std::thread;

use reprise_openssl::facts::{Able, EarlyData, HelloFacts, Here, OfferFacts, Place, Turn};
use reprise_session::session::{Epoch, IdKey, RevocationLists};
use reprise_wire::{
    answer::Says,
    calls::{self, Call, Header},
    greeting::{Greeting, IdKeys, Welcome},
    socket::{Inbox, Line, Listening},
};
use zeroize::Zeroizing;

use super::*;

const DONE: Outcome = Outcome { version: 0x0303, resumed: true, sessions: 0, early_data: EarlyData::NotOffered };
const ID: [u8; 32] = [5; 32];

/// A module's side and an agent's.
struct Both {
    agent: Agent,
    asks: Line,
    tells: Line,
    inbox: Inbox,
    _folder: tempfile::TempDir,
}

fn connected_both() -> Both {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("agent.sock");
    let listening = Listening::at(&socket).unwrap();
    let settings = Settings::read(|key| match key {
        "program" => Some("nginx".into()),
        "socket" => Some(socket.display().to_string()),
        "deadline" => Some("1000ms".into()),
        _ => None,
    });
    let agent = Agent::new(settings.unwrap(), None);
    let (asks, tells) = thread::scope(|scope| {
        let ids = scope.spawn(|| agent.ids());
        let (asks, tells) = (accepted(&listening, false), accepted(&listening, true));
        let keys = IdKeys::new(0, &[IdKey::new(Zeroizing::new([1; IdKey::LENGTH]))]);
        asks.send(&Welcome::Keys(keys).encode()).unwrap();
        assert!(ids.join().unwrap().is_some());
        (asks, tells)
    });
    Both { agent, asks, tells, inbox: Inbox::new(), _folder: folder }
}

fn accepted(listening: &Listening, quiet: bool) -> Line {
    let line = loop {
        match listening.accept() {
            Ok(line) => break line,
            Err(_) => thread::yield_now(),
        }
    };
    let mut inbox = Inbox::new();
    assert!(line.receive(&mut inbox).unwrap());
    assert_eq!(Greeting::decode(inbox.message()).unwrap().quiet, quiet);
    line
}

impl Both {
    /// What an agent hears when this connection asks with this message.
    fn asked(&mut self, connection: u64, message: &mut Message) -> (Header, Vec<String>) {
        thread::scope(|scope| {
            let answered = scope.spawn(|| self.agent.ask(connection, message, |_| Some(())));
            assert!(self.asks.receive(&mut self.inbox).unwrap());
            let heard = read(self.inbox.message());
            let mut answer = Zeroizing::default();
            Answer { number: heard.0.answer, says: Says::Full }.encode(&mut answer);
            self.asks.send(&answer).unwrap();
            assert!(answered.join().unwrap().is_some());
            heard
        })
    }

    /// What was told by now, message by message.
    fn told(&mut self) -> Vec<Vec<String>> {
        let mut told = Vec::new();
        while self.tells.receive_now(&mut self.inbox).unwrap_or(false) {
            told.push(read(self.inbox.message()).1);
        }
        told
    }

    /// Many questions are asked, and the next is expected soon.
    fn is_busy(&self) {
        self.agent.here().get().unwrap().untold.lock().expect_more();
    }
}

fn read(message: &[u8]) -> (Header, Vec<String>) {
    let (header, calls) = calls::read(message).unwrap();
    (header, calls.map(|call| kind(&call.unwrap())).collect())
}

fn kind(call: &Call<'_>) -> String {
    match call {
        Call::Over(connection, outcome) => format!("Over {connection} {}", outcome.resumed),
        Call::Place(number, place) => format!("Place {number} {}", place.site),
        Call::Suites(number, suites) => format!("Suites {number} {suites:?}"),
        Call::HelloAt(hello) => format!("HelloAt {} {:?}", hello.hooked, hello.here),
        Call::OfferedWith(offer, suites, decoded) => {
            assert!(offer.able.ciphers.list().is_empty());
            format!("OfferedWith {suites} {decoded}")
        }
        Call::Noted(_, contexts) => format!("Noted {contexts}"),
        call => format!("{call:?}"),
    }
}

fn hello(places: [&Arc<Place>; 2]) -> HelloFacts<'static> {
    let [hooked, place] = places.map(Arc::clone);
    let here = Some(Here { place, verify_mode: 3 });
    HelloFacts { turn: Turn::First, hello: Arc::default(), peer: None, hooked, here, learns: false, ahead: None }
}

fn place(site: &str) -> Arc<Place> {
    let (listener, revocation_lists) = ("127.0.0.1:443".into(), RevocationLists::default());
    Arc::new(Place { listener, site: site.into(), epoch: Epoch::default(), revocation_lists })
}

fn offers(agent: &Agent, places: [&Arc<Place>; 2], suites: &[u16]) -> Message {
    let mut message = Message::default();
    let hello = hello(places);
    message.hello(&hello, agent.places(&hello).unwrap());
    let able = Able { ciphers: Suites::Listed(suites.to_vec()), ..Able::default() };
    let offer = OfferFacts { id: &ID, version: 0x0303, switched: false, able, proof: None };
    message.offered(&offer, agent.suites(&offer.able.ciphers).unwrap(), true);
    message
}

#[test]
fn what_is_the_same_is_said_once_on_each_pair_of_lines() {
    let mut both = connected_both();
    let (one, equal, other) = (place("one"), place("one"), place("other"));
    let mut said = |places, suites: &[u16]| {
        let mut message = offers(&both.agent, places, suites);
        both.asked(1, &mut message).1
    };
    let first = ["Place 0 one", "Suites 0 [1, 2]", "HelloAt 0 Some((0, 3))", "OfferedWith 0 true"];
    assert_eq!(said([&one, &one], &[1, 2]), first);
    assert_eq!(said([&one, &equal], &[1, 2]), first[2..]);
    let switched = ["Place 1 other", "HelloAt 0 Some((1, 3))", "OfferedWith 0 true"];
    assert_eq!(said([&one, &other], &[1, 2]), switched);
    let other_suites = ["Suites 1 [2]", "HelloAt 1 Some((1, 3))", "OfferedWith 1 true"];
    assert_eq!(said([&other, &other], &[2]), other_suites);
}

#[test]
fn a_handshake_that_is_over_is_told_at_once_where_no_question_is_expected() {
    let mut both = connected_both();
    both.agent.over(7, DONE);
    assert_eq!(both.told(), [["Over 7 true"]]);
    let mut message = offers(&both.agent, [&place("one"); 2], &[1]);
    let (header, _) = both.asked(8, &mut message);
    assert_eq!(header.told, 1, "the agent knows how many to hear first");
}

#[test]
fn where_one_is_expected_it_waits_for_it() {
    let mut both = connected_both();
    both.is_busy();
    both.agent.over(7, DONE);
    both.agent.over(8, DONE);
    assert!(both.told().is_empty());
    let mut message = Message::default();
    message.calls.unusable();
    let (header, calls) = both.asked(9, &mut message);
    assert_eq!((header.told, &*calls), (0, &["Over 7 true", "Over 8 true", "Unusable"].map(str::to_owned)[..]));
    assert!(both.told().is_empty(), "it is told once");
    // What another connection tells goes no earlier.
    both.is_busy();
    both.agent.over(10, DONE);
    message.calls.gone();
    both.agent.tell(11, &mut message);
    assert_eq!(both.told(), [["Over 10 true", "Gone"]]);
}

#[test]
fn what_waits_is_told_when_it_is_too_much_or_too_late_or_the_process_ends() {
    let mut both = connected_both();
    both.is_busy();
    (0..33).for_each(|connection| both.agent.over(connection, DONE));
    let told = both.told();
    assert_eq!((told.len(), told[0].len()), (1, 33));

    both.agent.over(7, DONE);
    both.agent.tell_what_is_late();
    assert!(both.told().is_empty(), "not yet");
    both.agent.here().get().unwrap().untold.lock().be_late();
    both.agent.tell_what_is_late();
    assert_eq!(both.told(), [["Over 7 true", "Gone"]]);

    both.is_busy();
    both.agent.over(8, DONE);
    both.agent.noted(Noted::Hooked(Default::default()));
    both.agent.end();
    both.agent.end();
    assert_eq!(both.told(), [["Over 8 true", "Noted 1", "Gone"]]);
}
