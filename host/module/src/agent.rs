//! The agent, as this process has it: some pairs of lines, each taken by one thread at a time.
//!
//! Nothing is connected before the first handshake, and a forked child begins anew. Whoever does not answer in time is not asked for a
//! while: then sessions miss, and none is kept.

use std::{
    convert::Infallible,
    io, mem,
    os::fd::AsFd,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use arc_swap::ArcSwapOption;
use reprise_openssl::{
    facts::Circumstances,
    process::{Identity, identity, out_of_the_way},
};
use reprise_session::{
    lock::{Mutex, MutexGuard},
    process::PerProcess,
    session::SessionId,
};
use reprise_wire::{
    answer::Answer,
    calls::{Calls, Header},
    greeting::{Greeting, Ids, Welcome},
    socket::{Inbox, Line, own_user},
};

use crate::{alive::Alive, settings::Settings};

/// How long an agent that failed is not asked.
const REST: Duration = Duration::from_millis(100);

/// Threads of one process that ask at the same time.
const PAIRS: usize = 4;

/// Sessions given up that are not told yet. More are forgotten: they are removed when they expire.
const GIVEN_UP: usize = 256;

/// The agent, with what each process has of it.
pub struct Agent {
    settings: Settings,
    here: ArcSwapOption<PerProcess<Here>>,
}

/// What one process has.
#[derive(Default)]
pub struct Here {
    pub alive: Alive,
    connections: AtomicU64,
    pairs: [Mutex<Pair>; PAIRS],
    ids: ArcSwapOption<Ids>,
    /// By remove_cb, where nothing is sent.
    given_up: Mutex<Vec<(SessionId, Circumstances)>>,
}

/// Two lines, or why there are none.
#[derive(Default)]
enum Pair {
    #[default]
    New,
    Resting(Instant),
    Connected(Box<Connected>),
}

struct Connected {
    asks: Ours,
    tells: Ours,
    inbox: Inbox,
    /// The number of the question asked last.
    number: u32,
}

/// A line, and what it was when it was made.
struct Ours {
    /// Always there until this is dropped.
    line: Option<Line>,
    identity: Identity,
}

impl Agent {
    pub fn new(settings: Settings) -> Self {
        Self { settings, here: ArcSwapOption::empty() }
    }

    /// What this process has.
    pub fn here(&self) -> Arc<PerProcess<Here>> {
        let Ok(here) = PerProcess::here(&self.here, || Ok::<_, Infallible>(Here::default()));
        here
    }

    /// The keys of ids, if an agent has given them; none is asked.
    pub fn known_ids(&self) -> Option<Arc<Ids>> {
        self.here().get()?.ids.load_full()
    }

    /// The keys of ids; none as long as no agent gives them.
    pub fn ids(&self) -> Option<Arc<Ids>> {
        let here = self.here();
        let here = here.get()?;
        if let Some(ids) = here.ids.load_full() {
            return Some(ids);
        }
        self.with(here, |_| Ok(()))?;
        here.ids.load_full()
    }

    /// A number for a connection.
    pub fn number(&self) -> u64 {
        self.here().get().map_or(0, |here| here.connections.fetch_add(1, Relaxed))
    }

    /// Asks, and gives what `read` makes of the answer.
    pub fn ask<T>(&self, connection: u64, calls: &mut Calls, read: impl FnOnce(Answer<'_>) -> Option<T>) -> Option<T> {
        let here = self.here();
        let read = self.with(here.get()?, |connected| {
            connected.number = connected.number.wrapping_add(1).max(1);
            let number = connected.number;
            connected.asks.line()?.send(calls.message(Header { answer: number, connection }))?;
            loop {
                if !connected.asks.line()?.receive(&mut connected.inbox)? {
                    return Err(io::ErrorKind::ConnectionReset.into());
                }
                let answer = Answer::decode(connected.inbox.message()).map_err(io::Error::other)?;
                // One that is too late for whoever asked.
                if answer.number == number {
                    let read = read(answer);
                    connected.inbox.clear();
                    return Ok(read);
                }
            }
        });
        calls.clear();
        read?
    }

    /// Says what wants no answer. Where there is no room for it, it is lost: a session that is not kept.
    pub fn tell(&self, connection: u64, calls: &mut Calls) {
        let here = self.here();
        if let Some(here) = here.get() {
            self.with(here, |connected| {
                connected.tells.line()?.send_now(calls.message(Header { answer: 0, connection }))
            });
        }
        calls.clear();
    }

    /// Notes that OpenSSL has given up a session. Sends nothing.
    pub fn given_up(&self, id: SessionId, circumstances: Circumstances) {
        let here = self.here();
        if let Some(here) = here.get()
            && let Some(mut given_up) = here.given_up.try_lock()
            && given_up.len() < GIVEN_UP
        {
            given_up.push((id, circumstances));
        }
    }

    /// Does something with a pair of lines; none where there is no agent. What fails has the pair rest.
    fn with<T>(&self, here: &Here, work: impl FnOnce(&mut Connected) -> io::Result<T>) -> Option<T> {
        let mut pair = here.pair();
        if let Pair::Resting(until) = &*pair
            && *until > Instant::now()
        {
            return None;
        }
        if !matches!(&*pair, Pair::Connected(_)) {
            *pair = self.connect(here).map_or_else(|_| rest(), |connected| Pair::Connected(Box::new(connected)));
        }
        let Pair::Connected(connected) = &mut *pair else { return None };
        let given_up = here.given_up.try_lock().map(|mut given_up| mem::take(&mut *given_up)).unwrap_or_default();
        match tell_given_up(connected, &given_up).and_then(|()| work(connected)) {
            Ok(done) => Some(done),
            Err(_) => {
                *pair = rest();
                None
            }
        }
    }

    fn connect(&self, here: &Here) -> io::Result<Connected> {
        let number = here.connections.fetch_add(1, Relaxed);
        let greeted = |quiet| {
            let line = Line::connect(&self.settings.socket)?;
            if !self.trusts(line.user()) {
                return Err(io::ErrorKind::PermissionDenied.into());
            }
            line.wait_at_most(self.settings.deadline)?;
            line.send(&Greeting::new(&*self.settings.program, number, quiet).encode())?;
            Ours::new(line)
        };
        let (asks, tells) = (greeted(false)?, greeted(true)?);
        let mut inbox = Inbox::new();
        if !asks.line()?.receive(&mut inbox)? {
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        let welcome = Welcome::decode(inbox.message()).map_err(io::Error::other)?;
        inbox.clear();
        let Welcome::Keys(keys) = welcome else { return Err(io::ErrorKind::PermissionDenied.into()) };
        here.ids.store(Some(Arc::new(keys.ready().ok_or(io::ErrorKind::InvalidData)?)));
        Ok(Connected { asks, tells, inbox, number: 0 })
    }

    /// Whether sessions may be shown to who listens there.
    fn trusts(&self, user: Option<u32>) -> bool {
        user.is_some_and(|user| user == 0 || user == own_user() || Some(user) == self.settings.agent)
    }
}

fn rest() -> Pair {
    Pair::Resting(Instant::now() + REST)
}

fn tell_given_up(connected: &Connected, given_up: &[(SessionId, Circumstances)]) -> io::Result<()> {
    if given_up.is_empty() {
        return Ok(());
    }
    let mut calls = Calls::default();
    given_up.iter().for_each(|(id, circumstances)| calls.given_up(id, circumstances));
    connected.tells.line()?.send_now(calls.message(Header { answer: 0, connection: u64::MAX }))
}

impl Here {
    /// A pair that nobody has; where there is none, one of them when it is free.
    fn pair(&self) -> MutexGuard<'_, Pair> {
        self.pairs.iter().find_map(Mutex::try_lock).unwrap_or_else(|| self.pairs[0].lock())
    }
}

impl Ours {
    fn new(line: Line) -> io::Result<Self> {
        let line = Line::from(out_of_the_way(line.into())?);
        let identity = identity(line.as_fd()).ok_or(io::ErrorKind::NotFound)?;
        Ok(Self { line: Some(line), identity })
    }

    /// The line, if it is still ours: a server may close what it does not know, and have the number back for a client's connection.
    fn line(&self) -> io::Result<&Line> {
        let ours = self.line.as_ref().filter(|line| identity(line.as_fd()) == Some(self.identity));
        ours.ok_or_else(|| io::ErrorKind::NotConnected.into())
    }
}

impl Drop for Ours {
    fn drop(&mut self) {
        // What is somebody else's by now is not ours to close.
        if self.line().is_err() {
            mem::forget(self.line.take());
        }
    }
}
