//! What one module's process asks, and is answered.

use std::{
    collections::HashMap,
    io,
    sync::{Arc, Weak},
};

use reprise_openssl::{
    Handler, Handshakes,
    facts::{Encoded, Made, TLS13},
};
use reprise_session::{lock::Mutex, session::Secret};
use reprise_wire::{
    VERSION,
    answer::{Answer, Resumes, Says},
    calls::{self, Call, Header},
    greeting::{Greeting, IdKeys, Welcome},
    socket::{Inbox, Line},
};
use zeroize::Zeroizing;

use crate::{Host, handshake::Resources};

/// The processes that are connected.
pub type Processes = Arc<Mutex<HashMap<(String, u32), Weak<Process>>>>;

/// One process.
pub struct Process {
    connections: Mutex<HashMap<u64, Box<dyn Handshakes>>>,
    quiet: Mutex<Option<(Line, Inbox)>>,
}

/// Serves a module that has just connected, until it is gone.
pub fn serve(host: &Host, processes: &Processes, line: Line) {
    // It says why where that is of use to anybody.
    let _ = served(host, processes, line);
}

fn served(host: &Host, processes: &Processes, line: Line) -> io::Result<()> {
    let mut inbox = Inbox::new();
    if !line.receive(&mut inbox)? {
        return Ok(());
    }
    let greeting = Greeting::decode(inbox.message()).map_err(io::Error::other)?;
    if greeting.version != VERSION {
        return line.send(&Welcome::Refused(format!("this agent speaks version {VERSION}")).encode());
    }
    let key = (greeting.program, greeting.process);
    let process = {
        let mut processes = processes.lock();
        match processes.get(&key).and_then(Weak::upgrade) {
            Some(process) => process,
            None => {
                let process = Arc::new(Process { connections: Mutex::default(), quiet: Mutex::default() });
                processes.insert(key, Arc::downgrade(&process));
                process
            }
        }
    };
    if greeting.quiet {
        *process.quiet.lock() = Some((line, inbox));
        // It is looked at by whoever answers this process; which lets go of it when the process is gone.
        std::thread::park();
        return Ok(());
    }
    line.send(&Welcome::Keys(keys(&host.inner().resources)).encode())?;
    let handler = host.handler().clone();
    let mut out = Zeroizing::new(Vec::with_capacity(2048));
    while line.receive(&mut inbox)? {
        if let Some((quiet, inbox)) = &mut *process.quiet.lock() {
            while let Ok(true) = quiet.receive_now(inbox) {
                let _ = process.hear(&*handler, inbox.message());
                inbox.clear();
            }
        }
        let answer = process.hear(&*handler, inbox.message()).map_err(io::Error::other)?;
        if let Some(answer) = answer {
            answer.encode(&mut out);
            line.send(&out)?;
        }
    }
    Ok(())
}

fn keys(resources: &Resources) -> IdKeys {
    let (makes, keys) = resources.keyring.id_keys(resources.now());
    IdKeys::new(makes, &keys)
}

impl Process {
    fn hear(&self, handler: &dyn Handler, message: &[u8]) -> Result<Option<Owned>, reprise_wire::Garbled> {
        let (Header { answer, connection: number }, calls) = calls::read(message)?;
        let connection = self.connections.lock().remove(&number);
        let mut connection = connection.unwrap_or_else(|| handler.connection());
        let (mut says, mut gone) = (None, false);
        for call in calls {
            match call? {
                Call::Hello(facts) => {
                    connection.hello(&facts, None);
                }
                Call::Offered(facts, decoded) => {
                    let resumed = connection.offered(&facts, None).map(|mut resumed| {
                        if facts.version == TLS13 && !resumed.ends {
                            resumed.renewal = connection.renewal().map(Box::new);
                        }
                        resumed
                    });
                    says = Some(match resumed {
                        Some(resumed) => OwnedSays::Resumes(resumed, decoded),
                        None => OwnedSays::Full,
                    });
                }
                Call::Unusable => connection.unusable(),
                Call::Ticket(facts) => says = Some(OwnedSays::Ticket(connection.ticket(&facts))),
                Call::Made(made) => {
                    let encoding = made.encoding.map(|der| Encoded { der: Secret::new(der.to_vec()), decoded: None });
                    connection.made(Made { id: made.id, encoding });
                }
                Call::Done(outcome) => connection.done(&outcome),
                Call::Gone => gone = true,
                Call::GivenUp(id, circumstances) => handler.given_up(id, circumstances),
            }
        }
        if !gone {
            self.connections.lock().insert(number, connection);
        }
        Ok(says.filter(|_| answer != 0).map(|says| Owned { number: answer, says }))
    }
}

struct Owned {
    number: u32,
    says: OwnedSays,
}

enum OwnedSays {
    Full,
    Resumes(reprise_openssl::facts::Resumed, bool),
    Ticket(reprise_openssl::facts::Ticket),
}

impl Owned {
    fn encode(&self, out: &mut Zeroizing<Vec<u8>>) {
        let says = match &self.says {
            OwnedSays::Full => Says::Full,
            OwnedSays::Resumes(resumed, decoded) => Says::Resumes(Resumes::new(resumed, *decoded)),
            OwnedSays::Ticket(ticket) => Says::Ticket(ticket.clone()),
        };
        Answer { number: self.number, says }.encode(out);
    }
}
