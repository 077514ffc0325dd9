//! `reprise status`.

use std::{fmt::Write as _, process::ExitCode};

use anyhow::{Context, Result};
use clap::Args;

use crate::{
    admin::client::Running,
    status::{self, Comparison, Policy},
    store::{Scope, TierStatus},
};

/// Show how a running server is doing: its policies, handshakes and store.
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
        let answer = self.server.ask("GET", "/status")?;
        if self.json {
            print!("{answer}");
        } else {
            let status = parse(&answer)?;
            print!("{}", page(&status));
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// What a server says of itself.
pub(super) fn parse(answer: &str) -> Result<status::Status> {
    serde_json::from_str(answer)
        .context("the server is of another version than this command: use the one that it was started with")
}

/// A page for a terminal.
fn page(status: &status::Status) -> String {
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
        ..
    } = status;
    let mut page = format!("reprise {version}, process {process}, up {}\n", span(now.saturating_sub(*since)));
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

/// One of several stores.
fn tier(TierStatus { scope, usage, reachable, lookups_skipped, lookups_spared, .. }: &TierStatus) -> String {
    let how = if *reachable { "reachable" } else { "not reachable" };
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

fn line(page: &mut String, what: &str, value: &str) {
    let _ = writeln!(page, "{what:<14} {}", if value.is_empty() { "none" } else { value });
}

/// What there is any of.
fn counts<'a>(counts: impl IntoIterator<Item = (&'a String, &'a u64)>) -> String {
    let any = counts.into_iter().filter(|(_, count)| **count > 0);
    any.map(|(what, count)| format!("{} {count}", printable(what))).collect::<Vec<_>>().join(", ")
}

/// A span of time in its largest unit.
fn span(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3_600 => format!("{}m", seconds / 60),
        3_600..172_800 => format!("{}h", seconds / 3_600),
        _ => format!("{}d", seconds / 86_400),
    }
}

/// Without what would move a terminal's cursor: names and reasons come from files.
fn printable(text: &str) -> String {
    text.replace(char::is_control, " ")
}
