//! A process with a module in it.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::Instant,
};

use reprise_openssl::{
    Handler, Handshakes,
    facts::{Encoded, HelloFacts, Made, Place, Resumed, TLS13, Ticket},
};
use reprise_session::{lock::Mutex, session::Secret};
use reprise_wire::{
    Garbled,
    answer::{Answer, Resumes, Says},
    calls::{self, Call, Header},
};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::counts::{Counted, Counts};

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

    /// Does what a message says; the answer, if one is wanted. Before a session is looked for, `catch_up` is called.
    ///
    /// # Errors
    /// It is none. What came before in it is done.
    pub fn hear(
        &self,
        handler: &dyn Handler,
        message: &[u8],
        mut catch_up: impl FnMut(),
    ) -> Result<Option<Reply>, Garbled> {
        let (Header { answer, connection: number }, calls) = calls::read(message)?;
        let new = || Connection { handshakes: handler.connection(), offered: false };
        let mut connection = self.under_way.lock().take(number).unwrap_or_else(new);
        let (mut says, mut gone) = (None, false);
        for call in calls {
            match call? {
                Call::Hello(facts) => {
                    connection.handshakes.hello(&self.placed(facts), None);
                }
                Call::Offered(facts, decoded) => {
                    connection.offered = true;
                    catch_up();
                    let mut resumed = connection.handshakes.offered(&facts, None);
                    if let Some(resumed) = resumed.as_mut().filter(|resumed| facts.version == TLS13 && !resumed.ends) {
                        resumed.renewal = connection.handshakes.renewal().map(Box::new);
                    }
                    says = Some(resumed.map_or(Owned::Full, |resumed| Owned::Resumes(Box::new(resumed), decoded)));
                }
                Call::Unusable => connection.handshakes.unusable(),
                Call::Ticket(facts) => says = Some(Owned::Ticket(connection.handshakes.ticket(&facts))),
                Call::Made(made) => {
                    let encoding = made.encoding.map(|der| Encoded { der: Secret::new(der.to_vec()), decoded: None });
                    connection.handshakes.made(Made { id: made.id, encoding });
                }
                Call::Done(outcome) => {
                    self.counts().iter().for_each(|counts| counts.done(outcome.resumed, connection.offered));
                    connection.handshakes.done(&outcome);
                }
                Call::Gone => gone = true,
                Call::GivenUp(id, circumstances) => {
                    handler.given_up(id, circumstances);
                    gone = true;
                }
                Call::Noted(noted, contexts) => {
                    self.counts().iter().for_each(|counts| counts.noted(noted, contexts.into()));
                }
                Call::Observed(observed) => self.counts().iter().for_each(|counts| counts.observed(observed)),
            }
        }
        if !gone {
            self.under_way.lock().put(number, connection);
        }
        Ok(says.filter(|_| answer != 0).map(|says| Reply { number: answer, says }))
    }

    /// The same with the program in front of each listener: what two programs keep does not mix, whatever their modules say.
    fn placed<'a>(&self, mut facts: HelloFacts<'a>) -> HelloFacts<'a> {
        let of_program = |place: &mut Arc<Place>| {
            Arc::make_mut(place).listener.insert_str(0, &format!("{} ", self.name.program));
        };
        of_program(&mut facts.hooked);
        if let Some(here) = &mut facts.here {
            of_program(&mut here.place);
        }
        facts
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
