//! The agent, as this process has it: some pairs of lines, each taken by one thread at a time.
//!
//! Nothing is connected before the first handshake, and a forked child begins anew. Whoever does not answer in time is not asked for a
//! while: then sessions miss, and none is kept.

use std::{
    convert::Infallible,
    io, mem,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use arc_swap::ArcSwapOption;
use reprise_openssl::facts::{Circumstances, Noted};
use reprise_session::{
    lock::{Mutex, MutexGuard},
    process::PerProcess,
    session::SessionId,
};
use reprise_wire::{
    answer::Answer,
    calls::{Calls, Header},
    greeting::Ids,
    secret::Secret,
};

use crate::{
    alive::Alive,
    connecting::{self, Connected, Welcomed},
    settings::Settings,
};

/// How long an agent that failed is not asked.
const REST: Duration = Duration::from_millis(100);

/// How long an agent is not asked that has this program left alone.
const STANDS_DOWN: Duration = Duration::from_secs(1);

/// Threads of one process that ask at the same time.
const PAIRS: usize = 4;

/// Sessions given up that are not told yet. More are forgotten: they are removed when they expire.
const GIVEN_UP: usize = 256;

/// The agent, with what each process has of it.
pub struct Agent {
    settings: Settings,
    secret: Option<Secret>,
    here: ArcSwapOption<PerProcess<Here>>,
}

/// What one process has.
#[derive(Default)]
pub struct Here {
    pub alive: Alive,
    connections: AtomicU64,
    pairs: [Mutex<Pair>; PAIRS],
    ids: ArcSwapOption<Ids>,
    stands_down: AtomicBool,
    untold: Mutex<Untold>,
}

/// What is told with what is told next.
#[derive(Default)]
struct Untold {
    /// By remove_cb, where nothing is sent.
    given_up: Vec<(SessionId, Circumstances)>,
    /// What became of so many contexts.
    contexts: Vec<(Noted, u32)>,
}

/// Two lines, or why there are none.
#[derive(Default)]
enum Pair {
    #[default]
    New,
    Resting(Instant),
    Connected(Box<Connected>),
}

impl Agent {
    pub fn new(settings: Settings, secret: Option<Secret>) -> Self {
        Self { settings, secret, here: ArcSwapOption::empty() }
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

    /// False while an operator has this program left alone. An agent that is down says nothing of the kind.
    pub fn takes(&self) -> bool {
        let here = self.here();
        let Some(here) = here.get() else { return true };
        if here.ids.load().is_some() {
            return true;
        }
        self.with(here, |_| Ok(()));
        !here.stands_down.load(Relaxed)
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
            && let Some(mut untold) = here.untold.try_lock()
            && untold.given_up.len() < GIVEN_UP
        {
            untold.given_up.push((id, circumstances));
        }
    }

    /// Notes what became of a context. What is left alone is told at once, for nothing else may ever be said. False where nobody hears it.
    pub fn noted(&self, noted: Noted) -> bool {
        let here = self.here();
        let Some(here) = here.get() else { return false };
        // In a forked child, a thread of the parent's may have held it.
        let Some(mut untold) = here.untold.try_lock() else { return false };
        untold.note(noted);
        drop(untold);
        if matches!(noted, Noted::Hooked(_)) || self.with(here, |_| Ok(())).is_some() {
            return true;
        }
        if let Some(mut untold) = here.untold.try_lock() {
            untold.contexts.retain(|(known, _)| *known != noted);
        }
        false
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
            *pair = self.connect(here);
        }
        let Pair::Connected(connected) = &mut *pair else { return None };
        let untold = here.untold.try_lock().map(|mut untold| mem::take(&mut *untold)).unwrap_or_default();
        match untold.tell(connected).and_then(|()| work(connected)) {
            Ok(done) => Some(done),
            Err(error) => {
                // One that hangs up may want to say why.
                let hung_up = matches!(error.kind(), io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe);
                *pair = if hung_up { self.connect(here) } else { rest(REST) };
                None
            }
        }
    }

    fn connect(&self, here: &Here) -> Pair {
        let number = here.connections.fetch_add(1, Relaxed);
        match connecting::connect(&self.settings, self.secret.as_ref(), number) {
            Ok(Welcomed::Takes(connected, ids)) => {
                here.ids.store(ids);
                here.stands_down.store(false, Relaxed);
                Pair::Connected(connected)
            }
            Ok(Welcomed::StandsDown) => {
                here.stands_down.store(true, Relaxed);
                here.ids.store(None);
                rest(STANDS_DOWN)
            }
            Err(_) => rest(REST),
        }
    }
}

fn rest(time: Duration) -> Pair {
    Pair::Resting(Instant::now() + time)
}

impl Untold {
    fn note(&mut self, noted: Noted) {
        match self.contexts.iter_mut().find(|(known, _)| *known == noted) {
            Some((_, contexts)) => *contexts = contexts.saturating_add(1),
            None => self.contexts.push((noted, 1)),
        }
    }

    fn tell(self, connected: &Connected) -> io::Result<()> {
        if self.given_up.is_empty() && self.contexts.is_empty() {
            return Ok(());
        }
        let mut calls = Calls::default();
        self.contexts.iter().for_each(|(noted, contexts)| calls.noted(*noted, *contexts));
        self.given_up.iter().for_each(|(id, circumstances)| calls.given_up(id, circumstances));
        calls.gone();
        connected.tells.line()?.send_now(calls.message(Header { answer: 0, connection: u64::MAX }))
    }
}

impl Here {
    /// A pair that nobody has; where there is none, one of them when it is free.
    fn pair(&self) -> MutexGuard<'_, Pair> {
        self.pairs.iter().find_map(Mutex::try_lock).unwrap_or_else(|| self.pairs[0].lock())
    }
}
