//! The agent's threads. One of them waits for whoever asks next, and leaves the waiting to another before it answers.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, VecDeque},
    io,
    os::fd::{AsFd, AsRawFd},
    ptr,
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
    secret::Secret,
    socket::{Inbox, Line, Listening},
};

use super::{
    ProcessStatus, ProgramStatus,
    arriving::{self, Stranger},
    counts::Counts,
    leaving::Leaving,
    pair::{Buffers, Pair, Served},
    process::{Name, Process},
};
use crate::{Host, handshake::Resources};

/// Threads that answer, at the most. Those beyond the cores wait: for the next question of their module, or for a store.
const THREADS: usize = 64;

/// Threads that wait for the next question of their module for long. A thread that waits is found awake, which saves the module as much
/// time as the answer takes; and is missing to others.
const LINGERING: usize = THREADS / 4;

/// Programs that are told apart. A program's name is what its module says.
const PROGRAMS: usize = 1_024;
/// What the others are counted under.
const OTHERS: &str = "*";

const BY_FILE: Token = Token(0);
const BY_NAME: Token = Token(1);
const STOPS: Token = Token(2);
const FIRST: usize = 3;

/// What the threads share.
pub struct Shared {
    pub(super) resources: Weak<Resources>,
    handler: Arc<dyn Handler>,
    pub(super) doors: Doors,
    /// Who this process is.
    pub(super) own: u32,
    poll: Mutex<Poll>,
    registry: Registry,
    waker: Waker,
    stopped: AtomicBool,
    /// Threads there are, and those of them that wait.
    threads: AtomicUsize,
    waiting: AtomicUsize,
    pub(super) lines: Mutex<Lines>,
    served: Mutex<ServedPairs>,
}

/// Pairs that may have told what nobody has heard yet.
#[derive(Default)]
struct ServedPairs {
    /// A thread serves them, and waits for their next question.
    now: Vec<Arc<Pair>>,
    /// One did. That something came since may not have got about.
    before: VecDeque<Arc<Pair>>,
}

/// Where modules come in, and who.
pub struct Doors {
    pub by_file: Listening,
    /// Under a name, where both sides prove that they know a secret.
    pub by_name: Option<(Listening, Secret)>,
    pub uids: Vec<u32>,
}

/// Whoever is connected.
#[derive(Default)]
pub struct Lines {
    pub next: usize,
    pub by_token: HashMap<usize, Connected>,
    /// Lines that wait for the other of their pair, by the name that both have.
    pub halves: HashMap<(Name, u64), usize>,
    pub processes: HashMap<Name, Weak<Process>>,
    /// What programs came to, those included whose processes are gone.
    programs: BTreeMap<String, Arc<Counts>>,
    pub leaving: Leaving,
}

pub enum Connected {
    /// It has not said who it is, or not proven that it may ask.
    Stranger(Stranger),
    /// Its pair is not complete: a line, and whether it is the quiet one.
    Half(Line, bool),
    Pair(Arc<Pair>),
}

impl Shared {
    pub fn new(host: &Arc<Host>, doors: Doors, leaving: Leaving) -> io::Result<Self> {
        let poll = Poll::new()?;
        let registry = poll.registry().try_clone()?;
        let by_name = doors.by_name.as_ref().map(|(listening, _)| (listening, BY_NAME));
        for (listening, token) in [(&doors.by_file, BY_FILE)].into_iter().chain(by_name) {
            registry.register(&mut SourceFd(&listening.as_fd().as_raw_fd()), token, Interest::READABLE)?;
        }
        let waker = Waker::new(&registry, STOPS)?;
        Ok(Self {
            resources: Arc::downgrade(&host.inner().resources),
            handler: host.handler().clone(),
            doors,
            own: reprise_wire::socket::own_user(),
            poll: Mutex::new(poll),
            registry,
            waker,
            stopped: AtomicBool::new(false),
            threads: AtomicUsize::new(0),
            waiting: AtomicUsize::new(0),
            served: Mutex::default(),
            lines: Mutex::new(Lines { next: FIRST, leaving, ..Lines::default() }),
        })
    }

    pub fn processes(&self) -> Vec<ProcessStatus> {
        let lines = self.lines.lock();
        let mut processes: Vec<_> =
            lines.processes.values().filter_map(Weak::upgrade).map(|process| process.status()).collect();
        processes.sort_by(|a, b| (&a.program, a.process).cmp(&(&b.program, b.process)));
        processes
    }

    pub fn programs(&self) -> Vec<ProgramStatus> {
        let processes = self.processes();
        let lines = self.lines.lock();
        let status = |(program, counts): (&String, &Arc<Counts>)| {
            let its = || processes.iter().filter(|process| process.program == *program);
            ProgramStatus {
                program: program.clone(),
                processes: its().count(),
                contexts: its().map(|process| process.counted.contexts).sum(),
                observes: its().any(|process| process.observes),
                stands_down: lines.leaving.leaves(program),
                counted: counts.read(),
            }
        };
        lines.programs.iter().map(status).collect()
    }

    /// Programs that are left alone.
    pub fn stands_down(&self) -> BTreeSet<String> {
        self.lines.lock().leaving.programs().clone()
    }

    /// Has a program left alone, or not any more. Those that ask for it now hear of it by the end of their lines.
    pub fn stand_down(&self, program: Option<&str>, stands_down: bool) -> io::Result<()> {
        let mut lines = self.lines.lock();
        let written = lines.leaving.set(program, stands_down);
        for connected in lines.by_token.values() {
            if let Connected::Pair(pair) = connected
                && lines.leaving.leaves(pair.process.program())
            {
                pair.hang_up();
            }
        }
        written
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
            BY_FILE => arriving::accept(shared, true),
            BY_NAME => arriving::accept(shared, false),
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

impl ServedPairs {
    /// No thread serves this one any more.
    fn is_over(&mut self, pair: &Arc<Pair>) {
        self.now.retain(|now| !Arc::ptr_eq(now, pair));
        self.before.retain(|before| !Arc::ptr_eq(before, pair));
        if self.before.len() == LINGERING {
            self.before.pop_front();
        }
        self.before.push_back(pair.clone());
    }
}

impl Lines {
    /// What this program has come to.
    pub fn counts(&mut self, program: &str) -> Arc<Counts> {
        let known = self.programs.contains_key(program) || self.programs.len() < PROGRAMS;
        self.programs.entry(if known { program } else { OTHERS }.to_owned()).or_default().clone()
    }
}

impl Shared {
    pub(super) fn registered(&self, line: &Line, token: usize) -> io::Result<()> {
        self.registry.register(&mut SourceFd(&line.as_fd().as_raw_fd()), Token(token), Interest::READABLE)
    }

    pub(super) fn deregistered(&self, line: &Line) {
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
                Some(Connected::Stranger(stranger)) => {
                    arriving::heard(self, &mut lines, (token, stranger), &mut buffers.inbox);
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
        {
            // Whoever served it before may be about to register it.
            let _alone = pair.registering.lock();
            self.deregistered(&pair.asks);
            self.deregistered(&pair.tells);
        }
        let busy = {
            let mut served = self.served.lock();
            served.now.push(pair.clone());
            served.now.len()
        };
        pair.hurry(busy > LINGERING);
        let others = |inbox: &mut Inbox| self.hear_others(&pair, inbox);
        let served = guarded("agent", Served::Gone, || pair.serve(&*self.handler, buffers, &others));
        self.served.lock().is_over(&pair);
        let stays = served == Served::Quiet && {
            let _alone = pair.registering.lock();
            pair.taken.store(false, SeqCst);
            // Whatever came since is an event at once.
            self.registered(&pair.asks, token).is_ok() && self.registered(&pair.tells, token).is_ok()
        };
        if !stays {
            self.forget(token, &pair);
        }
    }

    /// Hears what other processes of a program, or other threads of the process, have told: a session that one of them made is asked
    /// for by another as soon as its client is back.
    fn hear_others(&self, pair: &Arc<Pair>, inbox: &mut Inbox) {
        let is_other =
            |other: &&Arc<Pair>| !Arc::ptr_eq(other, pair) && other.process.program() == pair.process.program();
        // Not held meanwhile: what is told takes as long as a store does.
        let others: Vec<_> = {
            let served = self.served.lock();
            served.now.iter().chain(&served.before).filter(is_other).cloned().collect()
        };
        others.iter().for_each(|other| other.listen(&*self.handler, inbox));
    }

    fn forget(&self, token: usize, pair: &Pair) {
        self.deregistered(&pair.asks);
        self.deregistered(&pair.tells);
        self.served.lock().before.retain(|before| !ptr::eq(&**before, pair));
        let mut lines = self.lines.lock();
        lines.by_token.remove(&token);
        // Its own, and this one's that goes.
        lines.processes.retain(|_, process| process.strong_count() > 0);
    }
}
