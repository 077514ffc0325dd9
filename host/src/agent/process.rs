//! A process with a module in it.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::Instant,
};

use reprise_openssl::{
    Handler, Handshakes,
    facts::{Encoded, HelloFacts, Here, Made, OfferFacts, Outcome, Place, Resumed, Suites, TLS13, Ticket},
};
use reprise_session::{lock::Mutex, session::Secret};
use reprise_wire::{
    Garbled,
    answer::{Answer, Resumes, Says},
    calls::{self, Call, Header, HelloAt},
    known::Heard,
};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{
    counts::{Counted, Counts},
    whole,
};

/// Handshakes of one process that are under way. The one that began first is forgotten for one more.
const CONNECTIONS: usize = 4_096;

/// How a process with a module in it is doing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessStatus {
    /// The program, as its configuration names it.
    pub program: String,
    /// Its number, as it knows itself.
    pub process: u32,
    /// Its user when it connected.
    pub user: Option<u32>,
    /// For how many seconds it has been connected.
    pub seconds: u64,
    /// Whether its handshakes are looked at, and nothing is decided about them.
    pub observes: bool,
    /// What it came to since it connected.
    pub counted: Counted,
}

/// What names a process.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Name {
    pub program: String,
    pub process: u32,
    pub user: Option<u32>,
}

/// A process, as the agent has it.
pub struct Process {
    name: Name,
    since: Instant,
    observes: bool,
    counts: Counts,
    /// Of all its program's processes.
    of_program: Arc<Counts>,
    under_way: Mutex<UnderWay>,
}

/// A connection whose handshake is under way.
struct Connection {
    handshakes: Box<dyn Handshakes>,
    /// Its client has offered a session.
    offered: bool,
}

/// What has numbers on a pair of lines.
#[derive(Default)]
pub struct Known {
    /// With the program in front of each listener.
    places: Heard<Place>,
    suites: Heard<Vec<u16>>,
}

#[derive(Default)]
struct UnderWay {
    connections: HashMap<u64, Connection>,
    order: VecDeque<u64>,
}

/// What is answered to the last of several calls.
pub struct Reply {
    number: u32,
    says: Owned,
}

enum Owned {
    Full,
    Resumes(Box<Resumed>, bool),
    Ticket(Ticket),
}

impl Process {
    pub fn new(name: Name, observes: bool, of_program: Arc<Counts>) -> Self {
        let (counts, under_way) = Default::default();
        Self { name, since: Instant::now(), observes, counts, of_program, under_way }
    }

    pub fn program(&self) -> &str {
        &self.name.program
    }

    pub fn status(&self) -> ProcessStatus {
        ProcessStatus {
            program: self.name.program.clone(),
            process: self.name.process,
            user: self.name.user,
            seconds: self.since.elapsed().as_secs(),
            observes: self.observes,
            counted: self.counts.read(),
        }
    }

    fn counts(&self) -> [&Counts; 2] {
        [&self.counts, &self.of_program]
    }

    /// Does what a message says; the answer, if one is wanted. `known` is what has numbers where it came from. Before a session is
    /// looked for, `catch_up` is called.
    ///
    /// # Errors
    /// It is none. What came before in it is done.
    pub fn hear(
        &self,
        handler: &dyn Handler,
        known: &Mutex<Known>,
        message: &[u8],
        mut catch_up: impl FnMut(),
    ) -> Result<Option<Reply>, Garbled> {
        let (Header { answer, connection: number, .. }, calls) = calls::read(message)?;
        let mut connection = self.take(handler, number);
        let (mut says, mut gone) = (None, false);
        for call in calls {
            match call? {
                Call::Hello(facts) => {
                    connection.handshakes.hello(&self.placed(facts), None);
                }
                Call::HelloAt(facts) => {
                    connection.handshakes.hello(&known.lock().placed(facts)?, None);
                }
                Call::Offered(facts, decoded) => {
                    catch_up();
                    says = Some(connection.offered(&facts, decoded));
                }
                Call::OfferedWith(mut facts, suites, decoded) => {
                    let suites = known.lock().suites.get(suites).ok_or(UNKNOWN)?;
                    facts.able.ciphers = Suites::Of(&*suites);
                    catch_up();
                    says = Some(connection.offered(&facts, decoded));
                }
                Call::Unusable => connection.handshakes.unusable(),
                Call::Ticket(facts) => says = Some(Owned::Ticket(connection.handshakes.ticket(&facts))),
                Call::Made(made) => {
                    let encoding = made.encoding.map(|der| Encoded { der: Secret::new(der.to_vec()), decoded: None });
                    connection.handshakes.made(Made { id: made.id, encoding });
                }
                Call::Done(outcome) => self.done(&mut connection, &outcome),
                Call::Gone => gone = true,
                Call::Over(other, outcome) if other != number => {
                    self.done(&mut self.take(handler, other), &outcome);
                }
                Call::Over(_, outcome) => {
                    self.done(&mut connection, &outcome);
                    gone = true;
                }
                Call::GivenUp(id, circumstances) => handler.given_up(id, circumstances),
                Call::Noted(noted, contexts) => {
                    self.counts().iter().for_each(|counts| counts.noted(noted, contexts.into()));
                }
                Call::Observed(observed) => self.counts().iter().for_each(|counts| counts.observed(observed)),
                Call::Place(number, mut place) => {
                    self.own(&mut place);
                    known.lock().places.hear(number, place);
                }
                Call::Suites(number, suites) => known.lock().suites.hear(number, suites),
            }
        }
        if !gone {
            self.under_way.lock().put(number, connection);
        }
        Ok(says.filter(|_| answer != 0).map(|says| Reply { number: answer, says }))
    }

    /// The connection with this number, which is in nobody's hands then but the caller's.
    fn take(&self, handler: &dyn Handler, number: u64) -> Connection {
        let new = || Connection { handshakes: handler.connection(), offered: false };
        self.under_way.lock().take(number).unwrap_or_else(new)
    }

    fn done(&self, connection: &mut Connection, outcome: &Outcome) {
        self.counts().iter().for_each(|counts| counts.done(outcome.resumed, connection.offered));
        connection.handshakes.done(outcome);
    }

    /// The same with the program in front of each listener: what two programs keep does not mix, whatever their modules say.
    fn placed<'a>(&self, mut facts: HelloFacts<'a>) -> HelloFacts<'a> {
        self.own(Arc::make_mut(&mut facts.hooked));
        if let Some(here) = &mut facts.here {
            self.own(Arc::make_mut(&mut here.place));
        }
        facts
    }

    fn own(&self, place: &mut Place) {
        place.listener.insert_str(0, &format!("{} ", self.name.program));
    }
}

/// A number of nothing.
const UNKNOWN: Garbled = Garbled { expected: "the number of something known" };

impl Known {
    fn placed(&self, facts: HelloAt) -> Result<HelloFacts<'static>, Garbled> {
        let HelloAt { turn, hello, peer, hooked, here, learns } = facts;
        let place = |number| self.places.get(number).ok_or(UNKNOWN);
        let here = here.map(|(number, verify_mode)| Ok(Here { place: place(number)?, verify_mode })).transpose()?;
        Ok(HelloFacts { turn, hello, peer, hooked: place(hooked)?, here, learns, ahead: None })
    }
}

impl Connection {
    fn offered(&mut self, facts: &OfferFacts<'_>, decoded: bool) -> Owned {
        self.offered = true;
        let Some(resumed) = self.handshakes.offered(facts, None) else { return Owned::Full };
        let Some((mut resumed, keeps)) = whole::encoded(resumed) else {
            self.handshakes.unusable();
            return Owned::Full;
        };
        if let Some(session) = keeps {
            self.handshakes.decoded(session);
        }
        if facts.version == TLS13 && !resumed.ends {
            resumed.renewal = self.handshakes.renewal().map(Box::new);
        }
        Owned::Resumes(Box::new(resumed), decoded)
    }
}

impl UnderWay {
    fn take(&mut self, number: u64) -> Option<Connection> {
        self.connections.remove(&number)
    }

    fn put(&mut self, number: u64, connection: Connection) {
        if self.connections.insert(number, connection).is_none() {
            self.order.push_back(number);
        }
        // Most of those in order are over, the oldest first.
        while self.order.len() > CONNECTIONS {
            if let Some(oldest) = self.order.pop_front() {
                self.connections.remove(&oldest);
            }
        }
    }
}

impl Reply {
    /// As bytes, which may hold secrets.
    pub fn encode(&self, bytes: &mut Zeroizing<Vec<u8>>) {
        let says = match &self.says {
            Owned::Full => Says::Full,
            Owned::Resumes(resumed, decoded) => Says::Resumes(Resumes::new(resumed, *decoded)),
            Owned::Ticket(ticket) => Says::Ticket(ticket.clone()),
        };
        Answer { number: self.number, says }.encode(bytes);
    }
}
