//! 0-RTT.

use super::{Row, Verdict, judged};
use crate::cli::probe::visits::{Early, Kind, Twice};

const RFC: &str = "RFC 8446 section 8";

/// One row for each of the two.
pub(in super::super) fn early(found: &Early) -> Vec<Row> {
    let row = |check, done: &str, seen: String, judged, outcome| {
        let mut row = Row::new(Kind::Tls13, check, done, seen, judged).with(outcome);
        row.counts = false;
        row
    };
    let done = "Sent an empty line as 0-RTT data, with a session that allows it";
    let once = match &found.once {
        Ok(true) => row(
            "early-data",
            done,
            "the server accepted it".into(),
            judged(
                Verdict::Fine,
                RFC,
                "What comes early can be replayed; only requests that may come twice should be answered.",
            ),
            "accepted",
        ),
        Ok(false) => row(
            "early-data",
            done,
            "the server did not accept it".into(),
            judged(Verdict::Note, "RFC 8446 section 4.2.10", "It may do so, though its tickets invite it."),
            "rejected",
        ),
        Err(outcome) => row("early-data", done, outcome.sentence(), judged(Verdict::Unknown, "", ""), "unknown"),
    };
    let done = "Sent one flight with 0-RTT data on two connections, each whole";
    let twice = found.twice.as_ref().map(|twice| match twice {
        Ok(Twice { accepted: true, alike: true }) => row(
            "early-data-twice",
            done,
            "the second time the server accepted it again; both answers look the same".into(),
            judged(
                Verdict::Bad,
                RFC,
                "No server may accept the same flight twice. (Two machines behind one address may, once each.)",
            ),
            "accepted",
        ),
        Ok(Twice { accepted: true, .. }) => row(
            "early-data-twice",
            done,
            "the server accepted it the second time, and it looks as if not the first time".into(),
            judged(Verdict::Unknown, RFC, "No server may accept the same flight twice."),
            "unknown",
        ),
        Ok(Twice { accepted: false, .. }) => row(
            "early-data-twice",
            done,
            "the server did not accept it the second time".into(),
            judged(Verdict::Fine, RFC, "No server may accept the same flight twice."),
            "rejected",
        ),
        Err(outcome) => row("early-data-twice", done, outcome.sentence(), judged(Verdict::Unknown, "", ""), "unknown"),
    });
    std::iter::once(once).chain(twice).collect()
}
