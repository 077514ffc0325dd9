//! `reprise revoke`.

use std::{process::ExitCode, time::Duration};

use anyhow::{Context, Result};
use clap::Args;
use hyper::Method;
use jiff::Timestamp;
use reprise_policy::names::policy_name;
use reprise_session::{
    clock,
    hex::unhex,
    printable::line,
    session::{ServerName, ServerNameError},
};
use reprise_store::revocation::Matcher;

use super::output;
use crate::{
    admin::{
        client::Running,
        revoking::{LONGEST_WAIT, Made, Wish},
    },
    hosting::Span,
};

/// The most bytes of what a server or a store said.
const LONGEST: usize = 4_096;
/// What is taken for seconds and is less than this, in 2001, is a year, or a span without its unit.
const EARLIEST: u64 = 1_000_000_000;
/// Not every node is known to know.
const NOT_EVERYWHERE: u8 = 3;

/// Revoke sessions: they resume nowhere any more.
///
/// Tells a running server, any one of those that share a store, which tells the others. What is named goes back to full
/// handshakes: those up to now and 5 seconds more, since nodes' clocks differ, or up to --before TIME and 5 seconds more.
///
/// The exit status is 0 if every node known has said that it knows; 3 if the sessions are revoked at the server asked and a
/// node has not said so, or the store could not be reached, which is tried again until it is; 1 if nothing is revoked; 2 if
/// the arguments make no sense.
#[derive(Args)]
#[command(group = clap::ArgGroup::new("sessions").required(true).multiple(true))]
pub(super) struct Revoke {
    /// Those of clients that asked for this name
    #[arg(long, value_name = "NAME", value_parser = server_name, group = "sessions", group = "which")]
    server_name: Option<ServerName>,

    /// Those of clients that asked for no name
    #[arg(long, group = "sessions", group = "which")]
    no_server_name: bool,

    /// Those of the client certificate whose DER has this SHA-256: 64 hexadecimal digits, with or without colons
    #[arg(long, value_name = "SHA256", value_parser = certificate, group = "sessions", group = "which")]
    certificate: Option<[u8; 32]>,

    /// Those that a policy, any or the one named, has attached exactly this note to, in hexadecimal digits
    #[arg(long, value_name = "[POLICY=]HEX", value_parser = note, group = "sessions", group = "which")]
    note: Option<Matcher>,

    /// All of them
    #[arg(long, group = "sessions", group = "which")]
    all: bool,

    /// Only those whose client authenticated by then: RFC 3339, seconds since 1970, or a span ago like `2h`
    #[arg(long, value_name = "TIME", value_parser = time, group = "sessions")]
    before: Option<u64>,

    /// How long other nodes are waited for, at most 45s
    #[arg(long, value_name = "SPAN", value_parser = wait, default_value = "2s")]
    wait: Span,

    /// As JSON; times are seconds since the Unix epoch
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    server: Running,
}

impl Revoke {
    pub(super) fn run(self) -> Result<ExitCode> {
        let Span(wait) = self.wait;
        let matcher = match (self.server_name, self.certificate, self.note) {
            (Some(name), ..) => Matcher::ServerName(name.to_string()),
            (_, Some(sha256), _) => Matcher::Certificate(sha256),
            (_, _, Some(note)) => note,
            _ if self.no_server_name => Matcher::NoServerName,
            _ => Matcher::All,
        };
        let path = Wish { matcher, until: self.before, wait }.path()?;
        let answer = self.server.ask(Method::POST, &path)?;
        let made: Made = serde_json::from_str(&answer)
            .context("the server is of another version than this command: use the one that it was started with")?;
        if self.json {
            output::document(&answer);
        } else {
            output::page(&page(&made));
        }
        let everywhere = made.error.is_none() && made.nodes.iter().all(|node| node.knows);
        Ok(if everywhere { ExitCode::SUCCESS } else { NOT_EVERYWHERE.into() })
    }
}

/// What was done, who knows, and what holds for the others.
fn page(made: &Made) -> String {
    let Made { revoked, shared, nodes, doubt, error } = made;
    let (until, kept) = (when(revoked.authenticated_until), when(revoked.expires));
    let mut page = format!(
        "revoked: {}, authenticated until {until}; remembered until {kept}\n",
        line(&revoked.sessions, LONGEST)
    );
    if let Some(doubt) = doubt {
        page += &format!("{}\n", line(doubt, LONGEST));
    }
    if let Some(error) = error {
        let error = line(error, LONGEST);
        return page
            + &format!(
                "the server asked resumes none of them from now on; no other node was told: {error}\n\
                 the server tells the store again once a second, until it takes it or the server ends; a node that reaches \
                 the store may resume them until then\n"
            );
    }
    if !shared {
        return page + "known to the server asked, which has its sessions to itself: they resume nowhere\n";
    }
    let (know, others): (Vec<_>, Vec<_>) = nodes.iter().partition(|node| node.knows);
    let names = |nodes: &[&crate::admin::revoking::Node]| {
        nodes.iter().map(|node| line(&node.node, LONGEST).into_owned()).collect::<Vec<_>>().join(", ")
    };
    if !know.is_empty() {
        page += &format!("known to {} of {} nodes, by their own word: {}\n", know.len(), nodes.len(), names(&know));
    }
    for node in &others {
        page += &format!("not yet known to {}, last heard from {}s ago\n", line(&node.node, LONGEST), node.heard);
    }
    if !others.is_empty() {
        page += "such a node learns of it when it next reaches the store, and before it finds a session there; while it \
                 cannot, its local copies resume only until they are of the age set for that\n";
    }
    page
}

fn when(seconds: u64) -> String {
    let time = i64::try_from(seconds).ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
    time.map_or_else(|| seconds.to_string(), |time| time.to_string())
}

fn server_name(text: &str) -> Result<ServerName, String> {
    let hint = match text {
        "" => "; for those that sent none, use --no-server-name",
        text if text.contains('*') => "; name each, or use --all",
        _ => "",
    };
    text.parse().map_err(|error: ServerNameError| format!("{error}{hint}"))
}

fn certificate(text: &str) -> Result<[u8; 32], String> {
    let bytes = unhex(&text.replace(':', "")).and_then(|bytes| bytes.try_into().ok());
    bytes.ok_or_else(|| {
        "expected a SHA-256, 64 hexadecimal digits: `openssl x509 -noout -fingerprint -sha256 -in FILE` shows it".into()
    })
}

fn note(text: &str) -> Result<Matcher, String> {
    let (policy, note) = match text.split_once('=') {
        // A file of the directory of policies is a name as well: what revokes nothing would say that it did.
        Some((policy, note)) => (Some(policy_name(policy).to_owned()), note),
        None => (None, text),
    };
    if policy.as_deref() == Some("") {
        return Err("expected the policy's name before `=`, or no `=`".into());
    }
    // A request's head has room for 8 KiB, in which each digit of this is a digit.
    let note = unhex(note).filter(|note| !note.is_empty() && note.len() <= 2_048);
    let note = note.ok_or("expected the note in pairs of hexadecimal digits, at most 2048 of them, like `746f6d`")?;
    Ok(Matcher::Note { policy, note })
}

fn wait(text: &str) -> Result<Span, String> {
    match text.parse() {
        Ok(Span(wait)) if wait > LONGEST_WAIT => Err(format!("expected at most {LONGEST_WAIT:?}, like `10s`")),
        Ok(wait) => Ok(wait),
        Err(error) => Err(error.to_string()),
    }
}

/// A time that has passed.
fn time(text: &str) -> Result<u64, String> {
    let now = clock::now();
    let ago = |Span(span): Span| now.checked_sub(Duration::as_secs(&span));
    let instant = |time: Timestamp| u64::try_from(time.as_second()).ok();
    // `parse` alone takes a sign.
    let seconds = text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten();
    let time = seconds
        .or_else(|| text.parse().ok().and_then(ago))
        .or_else(|| text.parse().ok().and_then(instant))
        .ok_or("expected a time like `2026-01-31T12:00:00Z`, seconds since 1970, or a span ago like `2h`")?;
    if time < EARLIEST {
        return Err(
            "no session is of that time; expected one like `2026-01-31T12:00:00Z`, or a span ago like `2h`".into()
        );
    }
    if time > now {
        return Err("that time is yet to come; expected one that has passed: sessions to come cannot be revoked".into());
    }
    Ok(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_an_instant_a_number_of_seconds_or_a_span_ago() {
        for text in ["2024-01-31T12:00:00Z", "2024-01-31T13:00:00+01:00", "1706702400"] {
            assert_eq!(time(text), Ok(1_706_702_400), "{text}");
        }
        assert!(time("2h").unwrap() < time("1h").unwrap());
        for bad in ["", "yesterday", "2024-01-31", "2026", "-1h", "2999-01-01T00:00:00Z"] {
            assert!(time(bad).unwrap_err().contains("expected"), "{bad}");
        }
    }

    #[test]
    fn what_names_no_sessions_is_refused_with_what_was_expected() {
        let sha256 = ["A5"; 32].join(":");
        assert_eq!(certificate(&sha256), Ok([0xa5; 32]));
        assert_eq!(server_name("A.Example.").unwrap().as_str(), "a.example");
        assert_eq!(note("10-tenants.wasm=746f6d"), note("tenants=746f6d"));
        let of = |policy: Option<&str>| Matcher::Note { policy: policy.map(str::to_owned), note: b"tom".into() };
        assert_eq!((note("746f6d"), note("tenants=746F6D")), (Ok(of(None)), Ok(of(Some("tenants")))));
        for error in [certificate("a5").unwrap_err(), certificate(&"zz".repeat(32)).unwrap_err()] {
            assert!(error.contains("64 hexadecimal digits"), "{error}");
        }
        for (bad, hint) in [("", "--no-server-name"), ("*.example", "--all"), ("https://a.example", "URL")] {
            assert!(server_name(bad).unwrap_err().contains(hint), "{bad}");
        }
        for bad in ["", "1", "xy", "=11", "tenants="] {
            assert!(note(bad).unwrap_err().contains("expected"), "{bad}");
        }
    }
}
