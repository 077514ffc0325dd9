//! A handshake in words.

use std::fmt::Write as _;

use reprise::recent::{LookedUp, Offered, Recent, Said, Session};

use super::remedies::remedy;
use crate::cli::status::{printable, span};

/// What became of a handshake, and why: a line, and sentences under it.
pub(super) fn told(handshake: &Recent, now: u64) -> String {
    let Recent { number, time, client, listener, site, server_name, version, resumed, detail, .. } = handshake;
    let client = client.as_deref().unwrap_or("a client at an unknown address");
    let name = server_name.as_deref().map_or("no name".into(), printable);
    let place = if site.is_empty() {
        printable(listener).into_owned()
    } else {
        format!("{} {}", printable(listener), printable(site))
    };
    let outcome = if *resumed { "resumed".into() } else { format!("full handshake: {}", printable(detail)) };
    let ago = span(now.saturating_sub(*time));
    let mut told = format!("#{number} {ago} ago, {client}, TLS {version}, {name} at {place}: {outcome}\n");
    for sentence in sentences(handshake) {
        let _ = writeln!(told, "  {sentence}");
    }
    told
}

fn sentences(handshake: &Recent) -> Vec<String> {
    let Recent { time, offered, session, look_up, policies, reason, kept, not_kept, .. } = handshake;
    let mut all = vec![match (offered, session) {
        (None, _) => "It offered nothing to resume.".into(),
        (Some(offered), None) => format!("It offered {}.", kind(offered)),
        (Some(offered), Some(session)) => format!("It offered {}, {}.", kind(offered), made(session, handshake)),
    }];
    if let Some(LookedUp { tier, seconds }) = look_up {
        let took = duration(*seconds);
        all.push(match tier {
            Some(tier) => format!("Store {tier} had it, after {took}."),
            None => format!("No store had it, after {took}."),
        });
    }
    all.extend(policies.iter().filter(|said| said.is_about_the_offer()).map(says));
    all.extend(Some(remedy(reason)).filter(|remedy| !remedy.is_empty()).map(str::to_owned));
    all.extend(policies.iter().filter(|said| !said.is_about_the_offer()).map(says));
    if let Some(kept) = kept {
        let session = printable(&kept.session);
        all.push(format!(
            "It was given session {session}, which resumes for {}.",
            span(kept.until.saturating_sub(*time))
        ));
    }
    if let Some(why) = not_kept {
        all.push(format!("The session that was made is not kept: {}.", printable(why)));
    }
    all
}

fn kind(Offered { kind, session, early_data }: &Offered) -> String {
    let early = if *early_data { " with 0-RTT data" } else { "" };
    let kind = match &**kind {
        "session-id" => "a session by its id",
        "ticket" => "a ticket of TLS 1.2",
        _ => "a session as a PSK",
    };
    if session.is_empty() { format!("{kind}{early}") } else { format!("{kind}, {}{early}", printable(session)) }
}

/// When and where a session was made.
fn made(Session { authenticated, expires, listener, site, server_name }: &Session, handshake: &Recent) -> String {
    let ago = span(handshake.time.saturating_sub(*authenticated));
    let end = match expires.checked_sub(handshake.time) {
        Some(left) if left > 0 => format!("good for {} more", span(left)),
        _ => format!("expired {} before", span(handshake.time - expires)),
    };
    let elsewhere = (listener, site, server_name) != (&handshake.listener, &handshake.site, &handshake.server_name);
    let name = || server_name.as_deref().map_or("no name".into(), printable);
    let at = if elsewhere {
        format!(" for {} at {} {}", name(), printable(listener), printable(site))
    } else {
        " here".into()
    };
    format!("whose client proved itself in full {ago} before,{at}, {end}")
}

fn says(said: &Said) -> String {
    let Said { policy, generation, verdict, failure, seconds, .. } = said;
    let failure = failure.as_deref().map(|failure| format!(" ({})", printable(failure))).unwrap_or_default();
    let word = if said.objects() { "objected" } else { "said" };
    let (policy, verdict) = (printable(policy), printable(verdict));
    format!("Policy `{policy}` (generation {generation}) {word}: {verdict}{failure}, in {}.", duration(*seconds))
}

/// A short time.
fn duration(seconds: f64) -> String {
    if seconds < 0.001 { format!("{:.1} µs", seconds * 1e6) } else { format!("{:.1} ms", seconds * 1e3) }
}

#[cfg(test)]
mod tests {
    use reprise::status::reasons;

    use super::*;

    fn recent(json: &str) -> Recent {
        let mut recent = serde_json::to_value(Recent::default()).unwrap();
        let given: serde_json::Value = serde_json::from_str(json).unwrap();
        recent.as_object_mut().unwrap().extend(given.as_object().unwrap().clone());
        serde_json::from_value(recent).unwrap()
    }

    #[test]
    fn it_is_told_what_was_offered_who_objected_and_what_would_have_helped() {
        let handshake = recent(
            r#"{
                "number": 7, "time": 1000, "client": "192.0.2.7", "listener": "public", "site": "shop",
                "server_name": "b.example", "tls.protocol.version": "1.3", "reason": "policy", "detail": "policy: tenants",
                "offered": {"kind": "psk", "session": "0123456789abcdef", "early_data": false},
                "session": {"authenticated": 400, "expires": 8200, "listener": "public", "site": "shop", "server_name": "a.example"},
                "look_up": {"tier": 1, "seconds": 0.00002},
                "policies": [
                    {"callback": "get-session", "policy": "ten\u001bants", "generation": 2, "verdict": "full-handshake", "failure": null, "seconds": 0.0000019},
                    {"callback": "new-session", "policy": "calm", "generation": 1, "verdict": "keep", "failure": null, "seconds": 0.0000021}
                ],
                "kept": {"session": "89abcdef01234567", "until": 8200}
            }"#,
        );
        assert_eq!(
            told(&handshake, 1005),
            "#7 5s ago, 192.0.2.7, TLS 1.3, b.example at public shop: full handshake: policy: tenants\n  \
             It offered a session as a PSK, 0123456789abcdef, whose client proved itself in full 10m before, for a.example at public \
             shop, good for 2h more.\n  \
             Store 1 had it, after 20.0 µs.\n  \
             Policy `ten\\u{1b}ants` (generation 2) objected: full-handshake, in 1.9 µs.\n  \
             It would have resumed if that policy had not objected.\n  \
             Policy `calm` (generation 1) said: keep, in 2.1 µs.\n  \
             It was given session 89abcdef01234567, which resumes for 2h.\n"
        );
    }

    #[test]
    fn whatever_the_reason_it_is_named_and_a_remedy_is_told() {
        for reason in reasons().filter(|reason| *reason != "resumed") {
            let told = told(&recent(&format!(r#"{{"reason": "{reason}", "detail": "{reason}"}}"#)), 0);
            assert!(told.contains(&format!("full handshake: {reason}\n")) && told.contains(remedy(reason)), "{told}");
        }
    }
}
