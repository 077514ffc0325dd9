//! Sessions that resume where they were not made.
//!
//! In TLS 1.2 the server is to keep names apart. In TLS 1.3 the RFC leaves that to clients, and so
//! there goes by what a client without a session meets in the other place: where it would be asked
//! for something that the session was not, or would find another server, resuming goes past that
//! (CVE-2025-23419, CVE-2025-23048).

use super::{Judged, Row, Verdict, judged};
use crate::cli::probe::visits::{Change, Elsewhere, Home, Kind, Outcome, Over, There};

const RETRY: &str = "RFC 8446 section 4.1.2";

pub(in super::super) fn elsewhere(kind: Kind, found: &Elsewhere, home: &Home) -> Row {
    let Elsewhere { change, over, offered, there } = found;
    let (check, done) = described(change, *over);
    let (seen, judged) = match (offered, change) {
        (Outcome::Resumed, _) => {
            let met = there.as_ref().map(met).unwrap_or_default();
            (format!("it resumed{met}"), resumed(kind, found, home))
        }
        (Outcome::Untold(_), _) => (offered.sentence(), judged(Verdict::Unknown, "", "")),
        _ => (offered.sentence(), kept_apart(kind, change, *over)),
    };
    Row::new(kind, check, done, seen, judged).with(offered.word())
}

fn described(change: &Change, over: Over) -> (&'static str, String) {
    match (change, over) {
        (Change::Name(name), Over::Hello) => {
            ("other-name", format!("Offered a session under the name {}", name.as_str()))
        }
        (Change::NoName, Over::Hello) => ("no-name", "Offered a session without a server name".into()),
        (Change::Name(name), Over::Retry) => (
            "name-on-retry",
            format!(
                "Offered a session under its own name, and changed that to {} when asked to try again",
                name.as_str()
            ),
        ),
        (_, Over::Retry) => {
            ("name-on-retry", "Offered a session under its own name, and left that out when asked to try again".into())
        }
        (Change::Address(written, _), _) => ("other-address", format!("Offered a session at {written}")),
        (Change::NoCertificate, _) => {
            ("no-certificate", "Made a session with the client's certificate, and offered it without".into())
        }
    }
}

/// What a client without a session met there.
fn met(there: &There) -> String {
    match there {
        There::Served { other_certificate, asks } => {
            let certificate = if *other_certificate { "another certificate" } else { "the same certificate" };
            let asks = if *asks { " and asks for the client's" } else { "" };
            format!(", where a full handshake shows {certificate}{asks}")
        }
        There::Refuses(why) => format!(", where the server ends a full handshake ({why})"),
        There::Untold(why) => format!(", and what a full handshake is there could not be told ({why})"),
    }
}

fn resumed(kind: Kind, found: &Elsewhere, home: &Home) -> Judged {
    use Verdict::{Bad, Note, Unknown};
    let Elsewhere { change, over, there, .. } = found;
    let named = matches!(change, Change::Name(_) | Change::NoName);
    let rfc = match (kind, over, named) {
        (_, Over::Retry, _) => RETRY,
        (_, _, false) => sessions(kind),
        (_, _, true) => names(kind),
    };
    let (other_certificate, asks) = match there {
        _ if matches!(change, Change::NoCertificate) => return without_certificate(kind, home),
        Some(There::Refuses(_)) => {
            return judged(Bad, rfc, "Who has a session comes in where everybody else is turned away.");
        }
        Some(There::Untold(_)) | None => return judged(Unknown, rfc, "Whether that is bad depends on it."),
        Some(There::Served { other_certificate, asks }) => (*other_certificate, *asks),
    };
    let (verdict, says) = if asks && !home.signed {
        (Bad, "The session was made without a client certificate, and goes past the check of one.")
    } else if kind != Kind::Tls13 && matches!(change, Change::Name(_)) {
        (Bad, "A server must not resume a session under another name than its own.")
    } else if other_certificate && !named {
        (Bad, "These are two servers to a client, and one takes the other's sessions: they share keys or a cache.")
    } else if other_certificate {
        (
            Bad,
            "A client may resume only where the first connection's certificate is valid. Here the server shows another.",
        )
    } else if asks && matches!(change, Change::Name(_)) {
        (Bad, "Each name may trust other clients, and what one has accepted is never shown to the other.")
    } else if !named {
        (Note, "Fine if both are one service: what was proved at one holds at the other.")
    } else if *over == Over::Retry {
        (Note, "A client must not change its name there. Who looks at the first name alone is misled.")
    } else if kind == Kind::Tls13 {
        (Note, "It is left to clients to keep names apart. By its certificate it is the same server.")
    } else {
        (Note, "The RFC speaks of another name, not of none. By its certificate it is the same server.")
    };
    judged(verdict, rfc, says)
}

fn names(kind: Kind) -> &'static str {
    if kind == Kind::Tls13 { "RFC 8446 section 4.6.1" } else { "RFC 6066 section 3" }
}

/// What a session stands for.
fn sessions(kind: Kind) -> &'static str {
    if kind == Kind::Tls13 { "RFC 8446 section 4.3.2" } else { "RFC 5246 appendix F.1.4" }
}

/// That is what resumption is: the session stands for the certificate.
fn without_certificate(kind: Kind, home: &Home) -> Judged {
    let rfc = sessions(kind);
    if home.signed {
        judged(
            Verdict::Note,
            rfc,
            "A server does not ask again, so whoever has the session is its client: a certificate that expires or is revoked ends it only if \
             the server sees to that.",
        )
    } else {
        judged(Verdict::Note, rfc, "The server never asked for the certificate, so nothing hangs on it.")
    }
}

fn kept_apart(kind: Kind, change: &Change, over: Over) -> Judged {
    let (rfc, says) = match (change, over) {
        (_, Over::Retry) => (RETRY, "A client must not change its name there, and does not get away with it."),
        (Change::Name(_) | Change::NoName, _) if kind == Kind::Tls13 => {
            (names(kind), "The server keeps names apart, which the RFC leaves to clients.")
        }
        (Change::Name(_) | Change::NoName, _) => (names(kind), "The server keeps names apart."),
        (Change::Address(..), _) => (sessions(kind), "Nothing is shared, or sessions are bound to their address."),
        (Change::NoCertificate, _) => (sessions(kind), "Without the certificate the session is worth nothing."),
    };
    judged(Verdict::Fine, rfc, says)
}
