//! Whether it resumes at all, and with what.

use serde_json::json;

use super::{Row, Verdict, judged};
use crate::cli::probe::visits::{Form, Kept, Kind, Outcome, Resuming};

/// The longest lifetime of a ticket in TLS 1.3, in seconds: seven days.
const LONGEST: u64 = 604_800;

const OFFERED: &str = "Offered the first connection's session on a second one";
const CONNECTED: &str = "Tried to connect";

/// `otherwise` says whether the version resumes in another way.
pub(in super::super) fn resuming(kind: Kind, found: &Resuming, otherwise: bool) -> Row {
    let row = |verdict, rfc, says: &str, seen: String| {
        let done = if found.is_served() { OFFERED } else { CONNECTED };
        Row::new(kind, "resumes", done, seen, judged(verdict, rfc, says))
    };
    match found {
        Resuming::Unreachable(why) => {
            row(Verdict::Unknown, "", "", format!("there was no connection ({why})")).with("unreachable")
        }
        Resuming::NotServed(why) => {
            let seen = format!("the server ended the handshake ({why}); it looks like it does not serve this version");
            row(Verdict::Fine, "", "", seen).with("not-served")
        }
        Resuming::NothingGiven => {
            let (rfc, says) = without(kind);
            let given = if kind == Kind::Tls12Id { "session id" } else { "ticket" };
            row(missed(otherwise), rfc, says, format!("there was none, for the server gave no {given}"))
                .with("no-session")
        }
        Resuming::Offered { kept, first, .. } => {
            let (rfc, says) = if *first == Outcome::Resumed { with(kind) } else { without(kind) };
            let mut row = row(
                if *first == Outcome::Resumed { Verdict::Fine } else { missed(otherwise) },
                rfc,
                says,
                format!("{}. {}", first.sentence(), given(kept, *first == Outcome::Resumed)),
            );
            let mut add = |verdict, says: &str| {
                row.verdict = row.verdict.max(verdict);
                row.says = format!("{} {says}", row.says);
            };
            if kind == Kind::Tls13 && kept.lifetime_hint.is_some_and(|seconds| seconds > LONGEST) {
                add(Verdict::Bad, "Section 4.6.1: the lifetime must not be longer than seven days (604800 s).");
            }
            if kept.ours == Some(false) {
                add(Verdict::Bad, "By the keyring, Reprise did not make this session.");
            }
            row.outcome = match first {
                Outcome::Refused(_) => "failed",
                other => other.word(),
            };
            row.verdict = if let Outcome::Untold(_) = first { Verdict::Unknown } else { row.verdict };
            row.facts = json!({
                "form": if matches!(kept.form, Form::Ticket(_)) { "ticket" } else { "id" },
                "ticket_length": match kept.form {
                    Form::Id => None,
                    Form::ShortTicket(length) | Form::Ticket(length) => Some(length),
                },
                "sessions": kept.count,
                "lifetime_hint": kept.lifetime_hint,
                "max_early_data": kept.early_data,
                "by_reprise": kept.ours,
            });
            row
        }
    }
}

/// The same session once more.
pub(in super::super) fn again(kind: Kind, again: &Outcome) -> Row {
    let judged = match (again, kind) {
        (Outcome::Untold(_), _) => judged(Verdict::Unknown, "", ""),
        (Outcome::Resumed, Kind::Tls13) => judged(
            Verdict::Note,
            "RFC 8446 appendix C.4",
            "Allowed, but a client should not: whoever watches can tell that both connections are one client's.",
        ),
        (Outcome::Resumed, _) => judged(
            Verdict::Fine,
            "RFC 5246 appendix F.1.4",
            "A session of TLS 1.2 is for many connections; whoever watches can tell that they are one client's.",
        ),
        (_, Kind::Tls13) => {
            judged(Verdict::Fine, "RFC 8446 section 8.1", "Looks like sessions for single use, which stop replays.")
        }
        _ => judged(Verdict::Note, "RFC 5246 section 7.3", "Clients of TLS 1.2 expect to use a session many times."),
    };
    let mut row =
        Row::new(kind, "used-twice", "Offered the same session once more", again.sentence(), judged).with(again.word());
    row.counts = false;
    row
}

fn missed(otherwise: bool) -> Verdict {
    if otherwise { Verdict::Note } else { Verdict::Bad }
}

fn with(kind: Kind) -> (&'static str, &'static str) {
    match kind {
        Kind::Tls12Id => ("RFC 5246 section 7.3", "A server may resume a session whose id it knows."),
        Kind::Tls12Ticket => {
            ("RFC 5077 section 3.1", "A server may resume from what is in a ticket, and keep nothing.")
        }
        Kind::Tls13 => {
            ("RFC 8446 section 2.2", "A server may resume from a ticket, which names a session or contains it.")
        }
    }
}

fn without(kind: Kind) -> (&'static str, &'static str) {
    match kind {
        Kind::Tls12Id => ("RFC 5246 section 7.3", "It need not; clients that know ids alone do full handshakes."),
        Kind::Tls12Ticket => {
            ("RFC 5077 section 3.3", "It need not; clients that know tickets alone (Go's) do full handshakes.")
        }
        Kind::Tls13 => ("RFC 8446 section 4.6.1", "It need not; every connection costs a full handshake."),
    }
}

/// What the server gave, in words.
fn given(kept: &Kept, resumed: bool) -> String {
    let mut text = match kept.form {
        Form::Id if resumed => "The server keeps the session, under its id".to_owned(),
        Form::Id => "It had given a session id".into(),
        Form::ShortTicket(length) => {
            format!("It looks like the server keeps the session: its ticket, of {length} bytes, has no room for one")
        }
        Form::Ticket(length) => {
            format!("It looks like the client carries the session, in a ticket of {length} bytes")
        }
    };
    if kept.count > 1 {
        text += &format!("; one of {} given", kept.count);
    }
    match kept.lifetime_hint {
        Some(seconds) => text += &format!("; lifetime {seconds} s"),
        None if kept.form == Form::Id => {}
        None => text += "; no lifetime said",
    }
    if kept.ours == Some(true) {
        text += "; kept by Reprise, with this keyring";
    }
    text + "."
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offered(kind: Kind, lifetime_hint: u64, first: Outcome) -> Row {
        let kept = Kept {
            form: Form::Ticket(200),
            lifetime_hint: Some(lifetime_hint),
            count: 1,
            early_data: None,
            ours: None,
        };
        resuming(kind, &Resuming::Offered { kept, first, again: None }, false)
    }

    #[test]
    fn a_ticket_of_tls_1_3_lives_for_seven_days_at_most() {
        let verdict = |kind, seconds| offered(kind, seconds, Outcome::Resumed).verdict;
        assert_eq!(verdict(Kind::Tls13, LONGEST), Verdict::Fine);
        assert_eq!(verdict(Kind::Tls13, LONGEST + 1), Verdict::Bad);
        assert_eq!(verdict(Kind::Tls12Ticket, LONGEST + 1), Verdict::Fine, "TLS 1.2 has no bound");
    }

    #[test]
    fn a_way_that_does_not_resume_is_bad_where_no_other_does() {
        assert_eq!(offered(Kind::Tls13, 1, Outcome::Full).verdict, Verdict::Bad);
        assert_eq!(offered(Kind::Tls13, 1, Outcome::Untold("gone".into())).verdict, Verdict::Unknown);
        let nothing = |otherwise| resuming(Kind::Tls12Id, &Resuming::NothingGiven, otherwise).verdict;
        assert_eq!((nothing(true), nothing(false)), (Verdict::Note, Verdict::Bad));
    }
}
