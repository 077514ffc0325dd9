//! The agent, as this process has it: some pairs of lines, each taken by one thread at a time.
//!
//! Nothing is connected before the first handshake, and a forked child begins anew. Whoever does not answer in time is not asked for a
//! while: then sessions miss, and none is kept.

use std::{
    convert::Infallible,
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use arc_swap::ArcSwapOption;
use reprise_openssl::facts::{Circumstances, HelloFacts, Noted, Outcome, Suites};
use reprise_session::{
    lock::{Mutex, MutexGuard},
    process::PerProcess,
    session::SessionId,
};
use reprise_wire::{
    answer::Answer,
    greeting::Ids,
    known::{Named, Numbers},
    secret::Secret,
};

use crate::{
    alive::Alive,
    connecting::{self, Connected, Welcomed},
    message::{Message, Places},
    settings::Settings,
    untold::Untold,
};

/// How long an agent that failed is not asked.
const REST: Duration = Duration::from_millis(100);

/// How long an agent is not asked that has this program left alone.
const STANDS_DOWN: Duration = Duration::from_secs(1);

/// Threads of one process that ask at the same time.
const PAIRS: usize = 4;

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
    numbers: Mutex<Numbers>,
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
    pub fn ask<T>(
        &self,
        connection: u64,
        message: &mut Message,
        read: impl FnOnce(Answer<'_>) -> Option<T>,
    ) -> Option<T> {
        let here = self.here();
        let here = here.get()?;
        if let Some(mut untold) = here.untold.try_lock() {
            untold.asks(Instant::now());
        }
        let read = self.with(here, |connected| {
            connected.asks(connection, message)?;
            let number = connected.number;
            loop {
                let answer = connected.answer()?;
                // One that is too late for whoever asked.
                if answer.number == number {
                    let read = read(answer);
                    connected.inbox.clear();
                    return Ok(read);
                }
            }
        });
        message.clear();
        read?
    }

    /// Says what wants no answer. Where there is no room for it, it is lost: a session that is not kept.
    pub fn tell(&self, connection: u64, message: &mut Message) {
        let here = self.here();
        if let Some(here) = here.get() {
            self.with(here, |connected| connected.tells(connection, message));
        }
        message.clear();
    }

    /// Says that a handshake is over that made no session: with the next question, where one is expected.
    pub fn over(&self, connection: u64, outcome: Outcome) {
        let here = self.here();
        let Some(here) = here.get() else { return };
        if here.untold.try_lock().is_some_and(|mut untold| untold.over(connection, outcome)) {
            return;
        }
        let mut message = Message::default();
        message.calls.over(connection, &outcome);
        self.tell(connection, &mut message);
    }

    /// Tells what waits for a question that did not come.
    pub fn tell_what_is_late(&self) {
        let here = self.here();
        if let Some(here) = here.get()
            && here.untold.try_lock().is_some_and(|untold| untold.is_late())
        {
            self.with(here, |_| Ok(()));
        }
    }

    /// The process ends: tells what waits, if somebody hears it now. Connects to nobody, and waits for nothing.
    pub fn end(&self) {
        let here = self.here.load();
        let Some(here) = here.as_ref().and_then(|here| here.get()) else { return };
        if let Some(mut pair) = here.pairs.iter().find_map(connected)
            && let Pair::Connected(connected) = &mut *pair
            && let Some(mut untold) = here.untold.try_lock()
        {
            // Lost, at worst.
            let _ = connected.tells_alone(&mut untold);
        }
    }

    /// The places of a ClientHello, by their numbers. None where another thread is at it.
    pub fn places(&self, hello: &HelloFacts<'_>) -> Option<Places> {
        let here = self.here();
        let mut numbers = here.get()?.numbers.try_lock()?;
        let place = hello.here.as_ref().map(|here| (numbers.place(&here.place), here.verify_mode));
        Some(Places { hooked: numbers.place(&hello.hooked), here: place })
    }

    /// The suites enabled, by their number. None where another thread is at it.
    pub fn suites(&self, suites: &Suites<'_>) -> Option<Named<Vec<u16>>> {
        let here = self.here();
        let mut numbers = here.get()?.numbers.try_lock()?;
        Some(numbers.suites(suites))
    }

    /// Notes that OpenSSL has given up a session. Sends nothing.
    pub fn given_up(&self, id: SessionId, circumstances: Circumstances) {
        let here = self.here();
        if let Some(here) = here.get()
            && let Some(mut untold) = here.untold.try_lock()
        {
            untold.given_up(id, circumstances);
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
            untold.unnote(noted);
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
        if let Some(mut untold) = here.untold.try_lock() {
            untold.tell(&mut connected.front);
        }
        match work(connected).and_then(|done| connected.tells_the_rest().map(|()| done)) {
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

/// The pair, if nobody has it and it is connected.
fn connected(pair: &Mutex<Pair>) -> Option<MutexGuard<'_, Pair>> {
    pair.try_lock().filter(|pair| matches!(**pair, Pair::Connected(_)))
}

impl Here {
    /// A pair that nobody has; where there is none, one of them when it is free.
    fn pair(&self) -> MutexGuard<'_, Pair> {
        self.pairs.iter().find_map(Mutex::try_lock).unwrap_or_else(|| self.pairs[0].lock())
    }
}

#[cfg(test)]
mod tests;
