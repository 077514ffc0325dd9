//! How the agent is reached: by its socket's file, or, in a chroot, by its name, where both prove who they are.

use std::{io, mem, os::fd::AsFd, sync::Arc};

use reprise_openssl::process::{Identity, identity, out_of_the_way};
use reprise_wire::{
    answer::Answer,
    calls::{Calls, Header},
    greeting::{Greeting, Ids, Welcome},
    secret::{Prover, Secret, challenge},
    socket::{Inbox, Line, own_user},
};

use crate::{
    message::{Message, SaidHere},
    settings::Settings,
    untold::Untold,
};

/// Two lines of an agent that has welcomed this process.
pub struct Connected {
    asks: Ours,
    tells: Ours,
    pub inbox: Inbox,
    /// The number of the question asked last.
    pub number: u32,
    /// What goes in front of the next message.
    pub front: Calls,
    /// Messages that were told.
    told: u32,
    said: SaidHere,
}

/// What an agent says to this process.
pub enum Welcomed {
    /// It is heard; with the keys of ids, unless it only looks.
    Takes(Box<Connected>, Option<Arc<Ids>>),
    /// An operator has its program left alone.
    StandsDown,
}

/// A line, and what it was when it was made.
pub struct Ours {
    /// Always there until this is dropped.
    line: Option<Line>,
    identity: Identity,
}

/// Connects both lines, which have this number in common.
///
/// # Errors
/// Nobody answers, or nobody whom sessions may be shown to.
pub fn connect(settings: &Settings, secret: Option<&Secret>, number: u64) -> io::Result<Welcomed> {
    let mut inbox = Inbox::new();
    let mut greeted = |quiet| {
        let greeting = Greeting::new(&*settings.program, number, quiet);
        Ours::new(greet(settings, secret, Greeting { observes: settings.observe, ..greeting }, &mut inbox)?)
    };
    let (asks, tells) = (greeted(false)?, greeted(true)?);
    received(asks.line()?, &mut inbox)?;
    let welcome = Welcome::decode(inbox.message()).map_err(io::Error::other)?;
    inbox.clear();
    let ids = match welcome {
        Welcome::Keys(keys) => Some(Arc::new(keys.ready().ok_or(io::ErrorKind::InvalidData)?)),
        Welcome::Observes => None,
        Welcome::StandsDown => return Ok(Welcomed::StandsDown),
        Welcome::Refused(_) | Welcome::Proves { .. } => return Err(io::ErrorKind::PermissionDenied.into()),
    };
    let (number, told, front, said) = Default::default();
    Ok(Welcomed::Takes(Box::new(Connected { asks, tells, inbox, number, front, told, said }), ids))
}

impl Connected {
    /// Asks what the last of these calls wants to know.
    pub fn asks(&mut self, connection: u64, message: &Message) -> io::Result<()> {
        self.number = self.number.wrapping_add(1).max(1);
        message.define(&mut self.said, &mut self.front);
        let header = Header { answer: self.number, told: self.told, connection };
        let sent = self.asks.line()?.send_parts([&header.encode(), self.front.bytes(), message.calls.bytes()], false);
        self.front.clear();
        sent
    }

    /// The next answer. That the line is still ours was seen when something was asked.
    pub fn answer(&mut self) -> io::Result<Answer<'_>> {
        received(self.asks.unseen()?, &mut self.inbox)?;
        Answer::decode(self.inbox.message()).map_err(io::Error::other)
    }

    /// Tells what these calls say, if there is room for it now.
    pub fn tells(&mut self, connection: u64, message: &Message) -> io::Result<()> {
        message.define(&mut self.said, &mut self.front);
        let header = Header { answer: 0, told: 0, connection };
        let sent = self.tells.line()?.send_parts([&header.encode(), self.front.bytes(), message.calls.bytes()], true);
        self.front.clear();
        self.told = self.told.wrapping_add(u32::from(sent.is_ok()));
        sent
    }

    /// Tells what went in front of nothing.
    pub fn tells_the_rest(&mut self) -> io::Result<()> {
        if self.front.is_empty() {
            return Ok(());
        }
        let mut message = Message::default();
        message.calls.gone();
        self.tells(u64::MAX, &message)
    }

    /// Tells what waits, and nothing else.
    pub fn tells_alone(&mut self, untold: &mut Untold) -> io::Result<()> {
        untold.tell(&mut self.front);
        self.tells_the_rest()
    }
}

/// A line to whom sessions may be shown, with our greeting on its way.
fn greet(settings: &Settings, secret: Option<&Secret>, greeting: Greeting, inbox: &mut Inbox) -> io::Result<Line> {
    let by_file = Line::connect(&settings.socket, settings.deadline).and_then(|line| trusted(line, settings));
    match (by_file, secret) {
        (Ok(line), _) => {
            line.send(&greeting.encode())?;
            Ok(line)
        }
        (Err(error), None) => Err(error),
        (Err(_), Some(secret)) => greet_by_name(settings, secret, greeting, inbox),
    }
}

/// The same by the agent's name, which anybody can have taken: both sides prove who they are.
fn greet_by_name(settings: &Settings, secret: &Secret, mut greeting: Greeting, inbox: &mut Inbox) -> io::Result<Line> {
    let line = trusted(Line::connect_named(&settings.socket, settings.deadline)?, settings)?;
    let ours = challenge()?;
    greeting.challenge = Some(ours);
    line.send(&greeting.encode())?;
    received(&line, inbox)?;
    let welcome = Welcome::decode(inbox.message()).map_err(io::Error::other)?;
    inbox.clear();
    let Welcome::Proves { proof, challenge: theirs } = welcome else {
        return Err(io::ErrorKind::PermissionDenied.into());
    };
    if !secret.proves(Prover::Agent, &settings.program, (&ours, &theirs), &proof) {
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    line.send(&secret.proof(Prover::Module, &settings.program, &theirs, &ours)?)?;
    Ok(line)
}

fn received(line: &Line, inbox: &mut Inbox) -> io::Result<()> {
    if line.receive(inbox)? { Ok(()) } else { Err(io::ErrorKind::ConnectionReset.into()) }
}

/// The line, if sessions may be shown to who listens there.
fn trusted(line: Line, settings: &Settings) -> io::Result<Line> {
    let trusts = |user| user == 0 || user == own_user() || Some(user) == settings.agent;
    if line.user().is_some_and(trusts) { Ok(line) } else { Err(io::ErrorKind::PermissionDenied.into()) }
}

impl Ours {
    fn new(line: Line) -> io::Result<Self> {
        let line = Line::from(out_of_the_way(line.into())?);
        let identity = identity(line.as_fd()).ok_or(io::ErrorKind::NotFound)?;
        Ok(Self { line: Some(line), identity })
    }

    /// The line, if it is still ours: a server may close what it does not know, and have the number back for a client's connection.
    pub fn line(&self) -> io::Result<&Line> {
        let ours = self.line.as_ref().filter(|line| identity(line.as_fd()) == Some(self.identity));
        ours.ok_or_else(|| io::ErrorKind::NotConnected.into())
    }

    /// The line, ours or not. Nothing may be sent there.
    fn unseen(&self) -> io::Result<&Line> {
        self.line.as_ref().ok_or_else(|| io::ErrorKind::NotConnected.into())
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
