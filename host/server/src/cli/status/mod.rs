//! `reprise status`. `programs` has what is shown of those that ask.

mod programs;

use std::{borrow::Cow, fmt::Write as _, process::ExitCode};

use anyhow::{Context, Result};
use clap::Args;
use hyper::Method;
use reprise::status::{self, Comparison, Policy};
use reprise_session::printable;
use reprise_store::store::{Scope, TierStatus};

use super::output;
use crate::{admin::client::Running, health::ServerStatus};

/// Seconds after which a thread that is busy with one round of its work is told of.
const LONG: u64 = 60;
/// The most bytes of a name or a reason.
const LONGEST: usize = 4_096;

/// Show how a running server is doing: its policies, handshakes, store, and the processes that ask it.
#[derive(Args)]
pub(super) struct Status {
    #[command(flatten)]
    server: Running,

    /// As JSON, with everything there is; times are seconds since the Unix epoch
    #[arg(long)]
    json: bool,
}

impl Status {
    pub(super) fn run(self) -> Result<ExitCode> {
        let answer = self.server.ask(Method::GET, "/status")?;
        if self.json {
            output::document(&answer);
        } else {
            let status = parse(&answer)?;
            output::page(&page(&status));
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// What a server says of itself.
pub(super) fn parse(answer: &str) -> Result<ServerStatus> {
    serde_json::from_str(answer)
        .context("the server is of another version than this command: use the one that it was started with")
}

/// A page for a terminal.
fn page(all: &ServerStatus) -> String {
    let status::Status {
        version,
        process,
        now,
        since,
        policies,
        policy_memory,
        handshakes,
        misses,
        store,
        stores,
        revocations,
        vitals,
        log,
        ..
    } = &all.host;
    let mut page = format!("reprise {version}, process {process}, up {}\n", span(now.saturating_sub(*since)));
    for vital in vitals.iter().filter(|vital| !vital.sound || vital.busy.is_some_and(|busy| busy >= LONG)) {
        line(&mut page, "TROUBLE", &trouble(vital));
    }
    let made = handshakes.iter().filter(|made| made.full + made.resumed > 0);
    let made = made.map(|made| format!("TLS {}: {} full, {} resumed", made.version, made.full, made.resumed));
    line(&mut page, "handshakes", &made.collect::<Vec<_>>().join("; "));
    line(&mut page, "misses", &counts(misses));
    let held = format!(
        "{} sessions in {} KiB; {} evicted, {} expired",
        store.sessions,
        store.bytes / 1024,
        store.evicted,
        store.expired
    );
    line(&mut page, "store", &held);
    // One that is this process's own is told of by that line.
    if stores.len() > 1 || stores.iter().any(|store| store.scope != Scope::Process) {
        for store in stores {
            line(&mut page, &format!("  {}", printable(&store.kind)), &tier(store));
        }
    }
    line(&mut page, "revocations", &revoked(revocations, *now));
    if *log != status::Log::default() {
        let lacks =
            format!("{} lines could not be written, {} repeated ones were left out", log.unwritten, log.repeated);
        line(&mut page, "log", &lacks);
    }
    page += &programs(all);
    if policies.is_empty() {
        line(&mut page, "policies", "");
    } else {
        let (taken, most) = (policy_memory.taken >> 20, policy_memory.most >> 20);
        line(&mut page, "policies", &format!("{} in {taken} of {most} MiB of memory", policies.len()));
    }
    for policy in policies {
        page.push('\n');
        page += &describe(policy, *now);
    }
    page
}

/// The programs that ask, and their processes; nothing where none can.
pub(super) fn programs(ServerStatus { programs, processes, stands_down, .. }: &ServerStatus) -> String {
    processes.as_ref().map(|processes| programs::asking(programs, stands_down, processes)).unwrap_or_default()
}

/// A policy on a few lines.
pub(super) fn describe(policy: &Policy, now: u64) -> String {
    let Policy { name, file, mode, share, state, .. } = policy;
    let ago = |time: u64| span(now.saturating_sub(time));
    let mut page = format!("{} ({}): {}", printable(name), printable(file), state.as_str());
    if mode != "enforce" {
        let _ = write!(page, ", {mode}");
    }
    if *share < 100 {
        let _ = write!(page, ", for {share} % of connections");
    }
    page.push('\n');
    if let Some(generation) = policy.generation {
        let hash = policy.hash.as_deref().map(|hash| format!(", sha256 {}…", &hash[..hash.len().min(12)]));
        let since = policy.since.map(|since| format!(", {} for {}", state.as_str(), ago(since)));
        let former = policy.former.map(|former| format!(", {former} is kept"));
        let details = [hash, since, former].map(Option::unwrap_or_default).concat();
        line(&mut page, "  generation", &format!("{generation}{details}"));
        if policy.answering != policy.generation {
            let answering = policy.answering.map_or("none".into(), |answering| format!("generation {answering}"));
            line(&mut page, "  answering", &answering);
        }
        line(&mut page, "  calls", &format!("{} on {} instances", policy.calls, policy.instances));
        line(&mut page, "  failures", &counts(&policy.failures));
    }
    if let Some(reason) = &policy.reason {
        let next = policy
            .retry_in
            .map_or("not tried again before a reload".into(), |pause| format!("tried again in {}", span(pause)));
        line(&mut page, "  quarantined", &format!("{}; {next}", printable(reason)));
    }
    if let Some(Comparison { agreed, would_have_refused, would_have_allowed, failed, dropped }) = policy.shadow {
        let compared = format!(
            "agreed {agreed}, would have refused {would_have_refused}, would have allowed {would_have_allowed}, \
             failed {failed}, dropped {dropped}"
        );
        line(&mut page, "  shadow", &compared);
    }
    if !policy.counters.is_empty() {
        line(&mut page, "  counters", &counts(&policy.counters));
    }
    if let Some(last) = &policy.last_rejection {
        line(&mut page, "  rejected", &format!("{} ago: {}", ago(last.at), printable(&last.reason)));
    }
    page
}

/// What is wrong with a thread or a task.
fn trouble(vital: &status::Vital) -> String {
    let status::Vital { name, sound, restarts, ended, busy } = vital;
    let name = printable(name);
    match (busy, ended) {
        (Some(busy), _) if *sound => format!("{name} has been busy with one thing for {}", span(*busy)),
        (_, ended) => {
            let why = printable(ended.as_deref().unwrap_or("it is gone for good; start the server again"));
            format!("{name} ended, and was started again {restarts} times: {why}")
        }
    }
}

/// One of several stores.
fn tier(TierStatus { scope, usage, reachable, trouble, lookups_skipped, lookups_spared, .. }: &TierStatus) -> String {
    let how = match trouble {
        _ if *reachable => "reachable".into(),
        None => "not reachable".into(),
        Some(trouble) => format!("not reachable: {}", printable(trouble)),
    };
    format!(
        "{}, {how}; {} sessions in {} KiB; {} dropped; {lookups_skipped} look-ups skipped, {lookups_spared} spared",
        scope.as_str(),
        usage.sessions,
        usage.bytes / 1024,
        usage.dropped
    )
}

fn revoked(status::Revocations { in_force, untold, newest, .. }: &status::Revocations, now: u64) -> String {
    let Some(newest) = newest else { return String::new() };
    let until = span(now.saturating_sub(newest.authenticated_until));
    let untold = if *untold > 0 { format!("; {untold} not known to the store yet") } else { String::new() };
    let sessions = printable(&newest.sessions);
    format!("{in_force} in force, the newest of {sessions}, authenticated until {until} ago{untold}")
}

pub(super) fn line(page: &mut String, what: &str, value: &str) {
    let _ = writeln!(page, "{what:<14} {}", if value.is_empty() { "none" } else { value });
}

/// What there is any of.
fn counts<'a>(counts: impl IntoIterator<Item = (&'a String, &'a u64)>) -> String {
    let any = counts.into_iter().filter(|(_, count)| **count > 0);
    any.map(|(what, count)| format!("{} {count}", printable(what))).collect::<Vec<_>>().join(", ")
}

/// A span of time in its largest unit.
pub(super) fn span(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3_600 => format!("{}m", seconds / 60),
        3_600..172_800 => format!("{}h", seconds / 3_600),
        _ => format!("{}d", seconds / 86_400),
    }
}

/// A name or a reason, which come from files, within a line.
pub(super) fn printable(text: &str) -> Cow<'_, str> {
    printable::line(text, LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;
    use reprise::Host;

    #[test]
    fn what_ended_or_hangs_is_shown_first() {
        let host = Host::builder().build().unwrap();
        let mut status = ServerStatus::of(host.status());
        assert!(!page(&status).contains("TROUBLE"));
        let well = status::Vital { name: "a".into(), sound: true, restarts: 2, ended: None, busy: Some(1) };
        let ended =
            status::Vital { name: "b".into(), sound: false, ended: Some("it\x1b panicked".into()), ..well.clone() };
        let hangs = status::Vital { name: "c".into(), busy: Some(120), ..well.clone() };
        status.host.vitals = vec![well, ended, hangs];
        let page = page(&status);
        let troubles: Vec<_> = page.lines().skip(1).take_while(|line| line.starts_with("TROUBLE")).collect();
        assert_eq!(troubles.len(), 2, "{page}");
        assert!(troubles[0].contains("b ended, and was started again 2 times: it\\u{1b} panicked"), "{page}");
        assert!(troubles[1].contains("c has been busy with one thing for 2m"), "{page}");
    }

    #[test]
    fn programs_are_shown_where_modules_may_ask() {
        let host = Host::builder().build().unwrap();
        let mut status = ServerStatus::of(host.status());
        assert!(!page(&status).contains("programs"));
        status.processes = Some(Vec::new());
        assert!(page(&status).contains("programs       none\nprocesses      none\n"));
    }
}
