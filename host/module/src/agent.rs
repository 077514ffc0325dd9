//! The agent, as this process has it.

use std::{
    convert::Infallible,
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use arc_swap::ArcSwapOption;
use reprise_session::{lock::Mutex, process::PerProcess};
use reprise_wire::{
    answer::Answer,
    calls::{Calls, Header},
    greeting::{Greeting, Ids, Welcome},
    socket::{Inbox, Line},
};

use crate::{alive::Alive, settings::Settings};

/// How long an agent that failed is not asked.
const REST: Duration = Duration::from_millis(100);

/// The agent, with what each process has of it.
pub struct Agent {
    settings: Settings,
    here: ArcSwapOption<PerProcess<Here>>,
}

/// What one process has.
#[derive(Default)]
pub struct Here {
    pub alive: Alive,
    next: AtomicU64,
    line: Mutex<State>,
}

#[derive(Default)]
enum State {
    #[default]
    New,
    Resting(Instant),
    Connected(Connected),
}

struct Connected {
    asks: Line,
    tells: Line,
    ids: Arc<Ids>,
    inbox: Inbox,
    number: u32,
}

impl Agent {
    pub fn new(settings: Settings) -> Self {
        Self { settings, here: ArcSwapOption::empty() }
    }

    pub fn here(&self) -> Arc<PerProcess<Here>> {
        let Ok(here) = PerProcess::here(&self.here, || Ok::<_, Infallible>(Here::default()));
        here
    }

    /// The keys of ids, if the agent is there.
    pub fn ids(&self) -> Option<Arc<Ids>> {
        self.with(|connected| Ok(connected.ids.clone()))
    }

    /// A number for a connection.
    pub fn number(&self) -> u64 {
        self.here().get().map_or(0, |here| here.next.fetch_add(1, Relaxed))
    }

    /// Asks, and gives what `read` makes of the answer.
    pub fn ask<T>(&self, connection: u64, calls: &mut Calls, read: impl FnOnce(Answer<'_>) -> Option<T>) -> Option<T> {
        self.with(|connected| {
            connected.number = connected.number.wrapping_add(1).max(1);
            let number = connected.number;
            connected.asks.send(calls.message(Header { answer: number, connection }))?;
            calls.clear();
            loop {
                if !connected.asks.receive(&mut connected.inbox)? {
                    return Err(io::ErrorKind::ConnectionReset.into());
                }
                let answer = Answer::decode(connected.inbox.message()).map_err(io::Error::other)?;
                // One that came too late for whoever asked.
                if answer.number == number {
                    let read = read(answer);
                    connected.inbox.clear();
                    return Ok(read);
                }
            }
        })?
    }

    /// Says what wants no answer.
    pub fn tell(&self, connection: u64, calls: &mut Calls) {
        self.with(|connected| connected.tells.send_now(calls.message(Header { answer: 0, connection })));
        calls.clear();
    }

    fn with<T>(&self, work: impl FnOnce(&mut Connected) -> io::Result<T>) -> Option<T> {
        let here = self.here();
        let mut state = here.get()?.line.lock();
        if let State::Resting(until) = &*state
            && *until > Instant::now()
        {
            return None;
        }
        if !matches!(&*state, State::Connected(_)) {
            *state = match self.connect() {
                Ok(connected) => State::Connected(connected),
                Err(_) => State::Resting(Instant::now() + REST),
            };
        }
        let State::Connected(connected) = &mut *state else { return None };
        match work(connected) {
            Ok(done) => Some(done),
            Err(_) => {
                *state = State::Resting(Instant::now() + REST);
                None
            }
        }
    }

    fn connect(&self) -> io::Result<Connected> {
        let (mut inbox, greeted) = (Inbox::new(), |quiet| -> io::Result<Line> {
            let line = Line::connect(&self.settings.socket)?;
            line.wait_at_most(self.settings.deadline)?;
            line.send(&Greeting::new(&*self.settings.program, quiet).encode())?;
            Ok(line)
        });
        let (asks, tells) = (greeted(false)?, greeted(true)?);
        if !asks.receive(&mut inbox)? {
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        let welcome = Welcome::decode(inbox.message()).map_err(io::Error::other)?;
        inbox.clear();
        let Welcome::Keys(keys) = welcome else { return Err(io::ErrorKind::PermissionDenied.into()) };
        let ids = Arc::new(keys.ready().ok_or(io::ErrorKind::InvalidData)?);
        Ok(Connected { asks, tells, ids, inbox, number: 0 })
    }
}
