//! Sessions that resume later.

use std::{io, time::Duration};

use clap::ValueEnum;
use serde_json::json;

use super::{Row, Verdict, judged};
use crate::cli::probe::visits::{Afterwards, Kind, Outcome, Renewed};

/// What should become of sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in super::super) enum Expected {
    /// They resume, as after a reload
    Resumed,
    /// They do not, as after a revocation
    Full,
}

/// Renewed for as long as `span`.
pub(in super::super) fn renewed(found: &Renewed, span: Duration) -> Row {
    let Renewed { kind, lifetime_hint, times, last, age } = found;
    let rfc = match kind {
        Kind::Tls13 => "RFC 8446 section 4.6.1",
        Kind::Tls12Id | Kind::Tls12Ticket => "RFC 5246 appendix F.1.4",
    };
    let outlived = lifetime_hint.is_none_or(|seconds| span > Duration::from_secs(seconds));
    let judged = match last {
        Outcome::Untold(_) => judged(Verdict::Unknown, "", ""),
        Outcome::Resumed if outlived => judged(
            Verdict::Bad,
            rfc,
            "What was proved in a full handshake should not hold for ever. Renewals have put off its end; if there is one, \
             it is later than --wait.",
        ),
        Outcome::Resumed => {
            judged(Verdict::Unknown, rfc, "The first lifetime is not over yet: only a longer --wait can tell.")
        }
        _ => judged(Verdict::Fine, rfc, "What was proved in a full handshake does not hold for ever."),
    };
    let done = format!("Offered a session, or the one given in its place, again and again for {span:?}");
    let said = lifetime_hint.map(|seconds| format!("; the first one's lifetime was {seconds} s")).unwrap_or_default();
    let seen = format!(
        "it resumed {times} times, and {:.1} s after its full handshake {}{said}",
        age.as_secs_f64(),
        last.sentence()
    );
    let mut row = Row::new(*kind, "lifetime", done, seen, judged).with(last.word());
    row.facts = json!({ "resumptions": times, "age": age.as_secs_f64(), "lifetime_hint": lifetime_hint });
    row
}

/// Offered when a command has run.
pub(in super::super) fn afterwards(found: &Afterwards, expected: Option<Expected>) -> Row {
    let Afterwards { kind, outcome } = found;
    let judged = match (outcome, expected) {
        (Outcome::Untold(_), _) => judged(Verdict::Unknown, "", ""),
        (_, None) => judged(
            Verdict::Note,
            "",
            "Right after a reload, wrong after a revocation, or the other way round: --expect says which it was.",
        ),
        (Outcome::Resumed, Some(Expected::Resumed)) => judged(Verdict::Fine, "", "As expected."),
        (Outcome::Resumed, Some(Expected::Full)) => judged(Verdict::Bad, "", "It was expected to end sessions."),
        (_, Some(Expected::Full)) => judged(Verdict::Fine, "", "As expected."),
        (_, Some(Expected::Resumed)) => judged(Verdict::Bad, "", "Sessions were expected to survive it."),
    };
    Row::new(*kind, "after", AFTER, outcome.sentence(), judged).with(outcome.word())
}

/// The command did not run.
pub(in super::super) fn no_command(kind: Kind, error: &io::Error) -> Row {
    Row::new(kind, "after", AFTER, format!("not offered: {error}"), judged(Verdict::Unknown, "", "")).with("unknown")
}

const AFTER: &str = "Made a session, ran the command, and offered the session";
