//! A session offered when time has passed, or when something has happened. All ways wait together.

use std::{
    io,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use reprise_openssl::client::ClientSession;

use super::{Kind, Outcome, Way};

/// What became of a session that was renewed, or offered again, for some time.
pub(in super::super) struct Renewed {
    pub(in super::super) kind: Kind,
    /// How long the first one was good for, in the server's words.
    pub(in super::super) lifetime_hint: Option<u64>,
    /// How often it resumed.
    pub(in super::super) times: usize,
    /// What came of it the last time.
    pub(in super::super) last: Outcome,
    /// When that was, from the full handshake on.
    pub(in super::super) age: Duration,
}

/// What became of a session from before something happened.
pub(in super::super) struct Afterwards {
    pub(in super::super) kind: Kind,
    pub(in super::super) outcome: Outcome,
}

/// A session that is offered time and again, or what replaced it.
struct Chain<'a, 'b> {
    way: &'a mut Way<'b>,
    session: ClientSession,
    given: Instant,
    /// It is fresh: one that the server does not replace ends with its lifetime.
    replaced: bool,
    began: Instant,
    renewed: Renewed,
}

/// Makes a session in each way, and has it renewed until its full handshake is `span` ago, or it
/// resumes no more.
pub(in super::super) fn renewed(ways: &mut [Way<'_>], span: Duration) -> Vec<Renewed> {
    let (mut ended, mut chains) = (Vec::new(), Vec::new());
    for way in ways {
        match Chain::new(way) {
            Ok(chain) => chains.push(chain),
            Err(renewed) => ended.push(renewed),
        }
    }
    let hints = chains.iter().filter_map(|chain| chain.renewed.lifetime_hint);
    // Well before the first of them has expired.
    let step = hints.map(|seconds| Duration::from_secs(seconds) / 2).chain([span / 2]).min().unwrap_or(span);
    let mut next = step;
    while !chains.is_empty() {
        let age = next.min(span);
        for mut chain in std::mem::take(&mut chains) {
            thread::sleep((chain.began + age).saturating_duration_since(Instant::now()));
            if chain.goes_on() && age < span { chains.push(chain) } else { ended.push(chain.renewed) }
        }
        next += step;
    }
    ended.sort_by_key(|renewed| renewed.kind as u8);
    ended
}

impl<'a, 'b> Chain<'a, 'b> {
    fn new(way: &'a mut Way<'b>) -> Result<Self, Renewed> {
        let (began, session) = (Instant::now(), way.fresh());
        let mut renewed =
            Renewed { kind: way.kind, lifetime_hint: None, times: 0, last: Outcome::Full, age: Duration::ZERO };
        match session {
            Ok(session) => {
                renewed.lifetime_hint = Some(session.lifetime_hint()).filter(|seconds| *seconds > 0);
                Ok(Self { way, session, given: Instant::now(), replaced: true, began, renewed })
            }
            Err(outcome) => Err(Renewed { last: outcome, ..renewed }),
        }
    }

    /// Offers it, and takes the one that the server gives in its place, if it gives one.
    fn goes_on(&mut self) -> bool {
        self.way.unused.clear();
        self.renewed.last = self.way.offer(&self.session);
        self.renewed.age = self.began.elapsed();
        let resumed = self.renewed.last == Outcome::Resumed;
        self.renewed.times += usize::from(resumed);
        let lifetime = Duration::from_secs(self.session.lifetime_hint());
        if !resumed && self.replaced && !lifetime.is_zero() && self.given.elapsed() > lifetime {
            self.renewed.last = Outcome::Untold("it was too late here to renew it".into());
        }
        if let Some(session) = self.way.unused.pop() {
            self.session = session;
            self.given = Instant::now();
            self.replaced = true;
        } else {
            self.replaced = false;
        }
        resumed
    }
}

/// Makes a session in each way, runs `command` by a shell, and offers them.
///
/// # Errors
/// The command fails.
pub(in super::super) fn happen(ways: &mut [Way<'_>], command: &str) -> io::Result<Vec<Afterwards>> {
    let sessions: Vec<_> = ways.iter_mut().map(Way::fresh).collect();
    let mut shell = Command::new("sh");
    // What it says is no result of ours.
    shell.args(["-c", command]).stdin(Stdio::null()).stdout(io::stderr());
    let status = shell.status()?;
    if !status.success() {
        return Err(io::Error::other(format!("the command ended with {status}")));
    }
    let offered = ways.iter_mut().zip(sessions).map(|(way, session)| Afterwards {
        kind: way.kind,
        outcome: session.map_or_else(|outcome| outcome, |session| way.offer(&session)),
    });
    Ok(offered.collect())
}
