//! A module comes: who it is, whether it may ask, and its two lines, put together.

use std::sync::{Arc, Weak};

use reprise_wire::{
    VERSION,
    greeting::{Greeting, IdKeys, Welcome},
    secret::{Challenge, Prover, challenge},
    socket::{Inbox, Line},
};

use super::{
    pair::{LINGERS, Pair},
    process::{Name, Process},
    workers::{Connected, Lines, Shared},
};

/// Lines that are connected, at the most.
const LINES: usize = 65_536;

/// A line that has not said who it is, or not proven that it may ask.
pub struct Stranger {
    line: Line,
    proves: Proves,
}

/// What a stranger has to prove.
enum Proves {
    /// Nothing: it has reached the socket's file.
    Nothing,
    /// That it knows the secret, once it has said who it is.
    First,
    /// This, by the challenge that it was given.
    Now { greeting: Greeting, challenge: Challenge },
}

/// Lets in who waits, by the socket's file or by its name.
pub fn accept(shared: &Shared, by_file: bool) {
    let listening = match &shared.doors.by_name {
        Some((listening, _)) if !by_file => listening,
        _ => &shared.doors.by_file,
    };
    // Once for each event, and that is once for all that came meanwhile.
    while let Ok(line) = listening.accept() {
        let user = line.user();
        if !lets_in(shared, user) {
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
            let proves = if by_file { Proves::Nothing } else { Proves::First };
            lines.by_token.insert(token, Connected::Stranger(Stranger { line, proves }));
        }
    }
}

/// Whether this user may ask. One that the kernel does not name may not, where it matters who it is.
fn lets_in(shared: &Shared, user: Option<u32>) -> bool {
    let uids = &shared.doors.uids;
    uids.is_empty() || user.is_some_and(|user| user == 0 || user == shared.own || uids.contains(&user))
}

/// A stranger says something. One that says something else than expected is closed.
pub fn heard(shared: &Shared, lines: &mut Lines, (token, stranger): (usize, Stranger), inbox: &mut Inbox) {
    let Stranger { line, proves } = stranger;
    if !matches!(line.receive_now(inbox), Ok(true)) {
        return shared.deregistered(&line);
    }
    if let Proves::Now { greeting, challenge } = proves {
        let proven = proven(shared, &greeting, &challenge, inbox.message());
        inbox.clear();
        return if proven { admitted(shared, lines, (token, line), greeting) } else { shared.deregistered(&line) };
    }
    let greeting = Greeting::decode(inbox.message());
    inbox.clear();
    let Ok(greeting) = greeting else { return shared.deregistered(&line) };
    if greeting.version != VERSION {
        tracing::warn!(
            program = greeting.program,
            "a module speaks version {}, and this agent {VERSION}: its sessions miss until both are of one release",
            greeting.version
        );
        let _ = line.send_now(&Welcome::Refused(format!("this agent speaks version {VERSION}")).encode());
        return shared.deregistered(&line);
    }
    match proves {
        Proves::Nothing => admitted(shared, lines, (token, line), greeting),
        _ => match challenged(shared, &line, &greeting) {
            Some(challenge) => {
                let proves = Proves::Now { greeting, challenge };
                lines.by_token.insert(token, Connected::Stranger(Stranger { line, proves }));
            }
            None => shared.deregistered(&line),
        },
    }
}

/// Proves to a module that this is the agent, and asks the same of it.
fn challenged(shared: &Shared, line: &Line, greeting: &Greeting) -> Option<Challenge> {
    let ((_, secret), theirs) = shared.doors.by_name.as_ref().zip(greeting.challenge)?;
    let ours = challenge().ok()?;
    let proof = secret.proof(Prover::Agent, &greeting.program, &theirs, &ours).ok()?;
    line.send_now(&Welcome::Proves { proof, challenge: ours }.encode()).ok()?;
    Some(ours)
}

fn proven(shared: &Shared, greeting: &Greeting, ours: &Challenge, proof: &[u8]) -> bool {
    let proven =
        shared.doors.by_name.as_ref().zip(greeting.challenge.as_ref()).is_some_and(|((_, secret), theirs)| {
            secret.proves(Prover::Module, &greeting.program, (ours, theirs), proof)
        });
    if !proven {
        tracing::warn!(
            program = greeting.program,
            "a process asks for this agent by name and does not know its secret: its module read no `secret`, or another's"
        );
    }
    proven
}

/// One of the lines of a module, which may ask.
fn admitted(shared: &Shared, lines: &mut Lines, (token, line): (usize, Line), greeting: Greeting) {
    let Greeting { program, process, pair, quiet, observes, .. } = greeting;
    let name = Name { program, process, user: line.user() };
    let key = (name.clone(), pair);
    let Some(other) = lines.halves.remove(&key) else {
        lines.halves.insert(key, token);
        lines.by_token.insert(token, Connected::Half(line, quiet));
        return;
    };
    let Some(Connected::Half(half, its)) = lines.by_token.remove(&other) else {
        return shared.deregistered(&line);
    };
    if its == quiet {
        shared.deregistered(&half);
        return shared.deregistered(&line);
    }
    let (asks, tells) = if its { (line, half) } else { (half, line) };
    let stands_down = lines.leaving.leaves(&name.program);
    let welcome = match keys(shared) {
        _ if stands_down => Welcome::StandsDown,
        _ if observes => Welcome::Observes,
        Some(keys) => Welcome::Keys(keys),
        None => return,
    };
    if asks.send_now(&welcome.encode()).is_err() || stands_down {
        shared.deregistered(&asks);
        return shared.deregistered(&tells);
    }
    let known = lines.processes.get(&name).and_then(Weak::upgrade);
    let process = known.unwrap_or_else(|| {
        let of_program = lines.counts(&name.program);
        let process = Arc::new(Process::new(name.clone(), observes, of_program));
        lines.processes.insert(name, Arc::downgrade(&process));
        process
    });
    // Both by one token.
    let pair = Arc::new(Pair::new(asks, tells, process));
    shared.deregistered(&pair.asks);
    shared.deregistered(&pair.tells);
    if shared.registered(&pair.asks, token).is_ok() && shared.registered(&pair.tells, token).is_ok() {
        lines.by_token.insert(token, Connected::Pair(pair));
    }
}

fn keys(shared: &Shared) -> Option<IdKeys> {
    let resources = shared.resources.upgrade()?;
    let (makes, keys) = resources.keyring.id_keys(resources.now());
    Some(IdKeys::new(makes, &keys))
}
