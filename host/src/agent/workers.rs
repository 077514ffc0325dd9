//! The agent's threads. One of them waits for whoever asks next, and leaves the waiting to another before it answers.

use std::{
    collections::HashMap,
    io,
    os::fd::{AsFd, AsRawFd},
    sync::{
        Arc, Weak,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    thread,
};

use mio::{Events, Interest, Poll, Registry, Token, Waker, unix::SourceFd};
use reprise_openssl::Handler;
use reprise_session::{
    lock::Mutex,
    vital::{Ended, guarded},
};
use reprise_wire::{
    VERSION,
    greeting::{Greeting, IdKeys, Welcome},
    socket::{Inbox, Line, Listening},
};

use super::{
    ProcessStatus,
    pair::{Buffers, LINGERS, Pair, Served},
    process::{Name, Process},
};
use crate::{Host, handshake::Resources};

/// Threads that answer, at the most. Those beyond the cores wait: for the next question of their module, or for a store.
const THREADS: usize = 64;

/// Lines that are connected, at the most.
const LINES: usize = 65_536;

const LISTENING: Token = Token(0);
const STOPS: Token = Token(1);
const FIRST: usize = 2;

/// What the threads share.
pub struct Shared {
    resources: Weak<Resources>,
    handler: Arc<dyn Handler>,
    listening: Listening,
    uids: Vec<u32>,
    /// Who this process is.
    own: u32,
    poll: Mutex<Poll>,
    registry: Registry,
    waker: Waker,
    stopped: AtomicBool,
    /// Threads there are, and those of them that wait.
    threads: AtomicUsize,
    waiting: AtomicUsize,
    lines: Mutex<Lines>,
}

/// Whoever is connected.
#[derive(Default)]
struct Lines {
    next: usize,
    by_token: HashMap<usize, Connected>,
    /// Lines that wait for the other of their pair, by the name that both have.
    halves: HashMap<(Name, u64), usize>,
    processes: HashMap<Name, Weak<Process>>,
}

enum Connected {
    /// It has not said who it is.
    Stranger(Line),
    /// Its pair is not complete: a line, and whether it is the quiet one.
    Half(Line, bool),
    Pair(Arc<Pair>),
}

impl Shared {
    pub fn new(host: &Arc<Host>, listening: Listening, uids: Vec<u32>) -> io::Result<Self> {
        let poll = Poll::new()?;
        let registry = poll.registry().try_clone()?;
        registry.register(&mut SourceFd(&listening.as_fd().as_raw_fd()), LISTENING, Interest::READABLE)?;
        let waker = Waker::new(&registry, STOPS)?;
        Ok(Self {
            resources: Arc::downgrade(&host.inner().resources),
            handler: host.handler().clone(),
            listening,
            uids,
            own: reprise_wire::socket::own_user(),
            poll: Mutex::new(poll),
            registry,
            waker,
            stopped: AtomicBool::new(false),
            threads: AtomicUsize::new(0),
            waiting: AtomicUsize::new(0),
            lines: Mutex::new(Lines { next: FIRST, ..Lines::default() }),
        })
    }

    pub fn processes(&self) -> Vec<ProcessStatus> {
        let lines = self.lines.lock();
        let mut processes: Vec<_> =
            lines.processes.values().filter_map(Weak::upgrade).map(|process| process.status()).collect();
        processes.sort_by(|a, b| (&a.program, a.process).cmp(&(&b.program, b.process)));
        processes
    }

    /// Tells the threads to end.
    pub fn stop(&self) {
        self.stopped.store(true, SeqCst);
        // Where it cannot be woken, the process is about to end.
        let _ = self.waker.wake();
    }
}

/// What a thread does, until the agent stops.
pub fn run(shared: &Arc<Shared>) -> Ended {
    shared.threads.fetch_add(1, SeqCst);
    let mut events = Events::with_capacity(1);
    let mut buffers = Buffers::default();
    while let Some(token) = next(shared, &mut events) {
        match token {
            LISTENING => accept(shared),
            Token(token) => shared.heard(token, &mut buffers),
        }
    }
    shared.threads.fetch_sub(1, SeqCst);
    Ended::told_if(shared.stopped.load(SeqCst))
}

/// Whoever asks next. None once the agent stops.
fn next(shared: &Arc<Shared>, events: &mut Events) -> Option<Token> {
    shared.waiting.fetch_add(1, SeqCst);
    let token = {
        let mut poll = shared.poll.lock();
        loop {
            if shared.stopped.load(SeqCst) {
                break None;
            }
            match poll.poll(events, None) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => break None,
                Ok(()) => match events.iter().next().map(mio::event::Event::token) {
                    Some(STOPS) | None => {}
                    token => break token,
                },
            }
        }
    };
    let waiting = shared.waiting.fetch_sub(1, SeqCst) - 1;
    if token.is_none() {
        // The next one ends, too.
        let _ = shared.waker.wake();
    } else if waiting == 0 && shared.threads.load(SeqCst) < THREADS {
        let another = Arc::clone(shared);
        // Without one more, whoever asks waits for this one.
        let _ = thread::Builder::new().name("reprise-answers".into()).spawn(move || run(&another));
    }
    token
}

fn accept(shared: &Shared) {
    // Once for each event, and that is once for all that came meanwhile.
    while let Ok(line) = shared.listening.accept() {
        let user = line.user();
        if !shared.lets_in(user) {
            tracing::warn!(?user, "a module's process may not ask this agent: its user is not among those with --uid");
            continue;
        }
        let mut lines = shared.lines.lock();
        if lines.by_token.len() >= LINES || line.wait_at_most(LINGERS).is_err() {
            continue;
        }
        let token = lines.next;
        lines.next += 1;
        if shared.registered(&line, token).is_ok() {
            lines.by_token.insert(token, Connected::Stranger(line));
        }
    }
}

impl Shared {
    /// Whether this user may ask. One that the kernel does not name may not, where it matters who it is.
    fn lets_in(&self, user: Option<u32>) -> bool {
        self.uids.is_empty() || user.is_some_and(|user| user == 0 || user == self.own || self.uids.contains(&user))
    }

    fn registered(&self, line: &Line, token: usize) -> io::Result<()> {
        self.registry.register(&mut SourceFd(&line.as_fd().as_raw_fd()), Token(token), Interest::READABLE)
    }

    fn deregistered(&self, line: &Line) {
        // It was not, at worst.
        let _ = self.registry.deregister(&mut SourceFd(&line.as_fd().as_raw_fd()));
    }

    /// Something came from whoever has this token.
    fn heard(&self, token: usize, buffers: &mut Buffers) {
        let pair = {
            let mut lines = self.lines.lock();
            match lines.by_token.remove(&token) {
                Some(Connected::Pair(pair)) => {
                    lines.by_token.insert(token, Connected::Pair(pair.clone()));
                    pair
                }
                Some(Connected::Stranger(line)) => {
                    self.greeted(&mut lines, token, line, &mut buffers.inbox);
                    return;
                }
                // Before its other half it has nothing to say: it is gone.
                Some(Connected::Half(line, _)) => {
                    self.deregistered(&line);
                    lines.halves.retain(|_, half| *half != token);
                    return;
                }
                None => return,
            }
        };
        if pair.taken.swap(true, SeqCst) {
            return;
        }
        self.deregistered(&pair.asks);
        self.deregistered(&pair.tells);
        let served = guarded("agent", Served::Gone, || pair.serve(&*self.handler, buffers));
        pair.taken.store(false, SeqCst);
        // Whatever came since is an event at once.
        let stays = served == Served::Quiet
            && self.registered(&pair.asks, token).is_ok()
            && self.registered(&pair.tells, token).is_ok();
        if !stays {
            self.forget(token, &pair);
        }
    }

    fn forget(&self, token: usize, pair: &Pair) {
        self.deregistered(&pair.asks);
        self.deregistered(&pair.tells);
        let mut lines = self.lines.lock();
        lines.by_token.remove(&token);
        // Its own, and this one's that goes.
        lines.processes.retain(|_, process| process.strong_count() > 0);
    }

    /// A line says who it is. One that does not is closed.
    fn greeted(&self, lines: &mut Lines, token: usize, line: Line, inbox: &mut Inbox) {
        let greeting = match line.receive_now(inbox) {
            Ok(true) => Greeting::decode(inbox.message()),
            _ => return self.deregistered(&line),
        };
        inbox.clear();
        let Ok(greeting) = greeting else { return self.deregistered(&line) };
        if greeting.version != VERSION {
            tracing::warn!(
                program = greeting.program,
                "a module speaks version {}, and this agent {VERSION}: its sessions miss until both are of one release",
                greeting.version
            );
            let _ = line.send_now(&Welcome::Refused(format!("this agent speaks version {VERSION}")).encode());
            return self.deregistered(&line);
        }
        let name = Name { program: greeting.program, process: greeting.process, user: line.user() };
        let key = (name.clone(), greeting.pair);
        let Some(other) = lines.halves.remove(&key) else {
            lines.halves.insert(key, token);
            lines.by_token.insert(token, Connected::Half(line, greeting.quiet));
            return;
        };
        let Some(Connected::Half(half, quiet)) = lines.by_token.remove(&other) else {
            return self.deregistered(&line);
        };
        if quiet == greeting.quiet {
            self.deregistered(&half);
            return self.deregistered(&line);
        }
        let (asks, tells) = if quiet { (line, half) } else { (half, line) };
        let known = lines.processes.get(&name).and_then(Weak::upgrade);
        let process = known.unwrap_or_else(|| {
            let process = Arc::new(Process::new(name.clone()));
            lines.processes.insert(name, Arc::downgrade(&process));
            process
        });
        let Some(keys) = self.keys() else { return };
        if asks.send_now(&Welcome::Keys(keys).encode()).is_err() {
            self.deregistered(&asks);
            return self.deregistered(&tells);
        }
        // Both by one token.
        let pair = Arc::new(Pair { asks, tells, process, taken: AtomicBool::new(false) });
        self.deregistered(&pair.asks);
        self.deregistered(&pair.tells);
        if self.registered(&pair.asks, token).is_ok() && self.registered(&pair.tells, token).is_ok() {
            lines.by_token.insert(token, Connected::Pair(pair));
        }
    }

    fn keys(&self) -> Option<IdKeys> {
        let resources = self.resources.upgrade()?;
        let (makes, keys) = resources.keyring.id_keys(resources.now());
        Some(IdKeys::new(makes, &keys))
    }
}
