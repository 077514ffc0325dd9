//! What `reprise explain` asks: the funnel, advice, and handshakes of late.

use std::net::IpAddr;

use hyper::StatusCode;
use ipnet::IpNet;
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use reprise::{
    advice::Advice,
    recent::{Query, Recent},
    status::Funnel,
};
use reprise_session::printable::json;
use serde::{Deserialize, Serialize};

use crate::{health::Health, http::Answer};

/// Where it is asked.
pub(crate) const PATH: &str = "/explain";

/// What is answered.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Explanation {
    /// By the host's clock: seconds since the Unix epoch.
    pub(crate) now: u64,
    pub(crate) kept: Kept,
    pub(crate) funnel: Funnel,
    pub(crate) advice: Vec<Advice>,
    pub(crate) handshakes: Vec<Recent>,
}

/// What there is of handshakes.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Kept {
    /// How many at the most; 0 where none are kept.
    pub(crate) at_most: usize,
    /// What of their clients: `whole`, `network` or `hash`.
    pub(crate) clients: String,
    /// How many there have been.
    pub(crate) of: u64,
}

/// The request for what a query asks.
pub(crate) fn path(query: &Query) -> String {
    let Query { client, server_name, reason, after, last, .. } = query;
    let all = [
        ("client", client.map(|client| client.to_string())),
        ("server-name", server_name.clone()),
        ("reason", reason.clone()),
        ("after", Some(after.to_string())),
        ("last", Some(last.to_string())),
    ];
    let given = all.into_iter().filter_map(|(key, value)| Some((key, value?)));
    let pairs = given.map(|(key, value)| format!("{key}={}", utf8_percent_encode(&value, NON_ALPHANUMERIC)));
    format!("{PATH}?{}", pairs.collect::<Vec<_>>().join("&"))
}

/// What a request asks for; none if that is not to be read.
fn query(text: &str) -> Option<Query> {
    let mut query = Query::default();
    for pair in text.split('&').filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once('=')?;
        let value = percent_decode_str(value).decode_utf8().ok()?;
        match key {
            "client" => query.client = Some(network(&value)?),
            "server-name" => query.server_name = Some(value.into()),
            "reason" => query.reason = Some(value.into()),
            "after" => query.after = value.parse().ok()?,
            "last" => query.last = value.parse().ok()?,
            _ => return None,
        }
    }
    Some(query)
}

/// An address, or a network.
pub(crate) fn network(text: &str) -> Option<IpNet> {
    text.parse().or_else(|_| text.parse::<IpAddr>().map(IpNet::from)).ok()
}

pub(super) fn answer(health: &Health, text: &str) -> Answer {
    let Some(query) = query(text) else {
        return Answer::text(StatusCode::BAD_REQUEST, "The server is of another version than the command.");
    };
    let host = health.host();
    // First: what comes meanwhile is among them, and whoever asks for what came after this misses none.
    let (at_most, clients, of) = host.recent_kept();
    let handshakes = match host.recent(&query) {
        Ok(handshakes) => handshakes,
        Err(error) => return Answer::text(StatusCode::CONFLICT, error.to_string()),
    };
    let status = host.status();
    let explanation = Explanation {
        now: status.now,
        kept: Kept { at_most, clients: clients.as_str().into(), of },
        advice: host.advice(),
        funnel: status.funnel,
        handshakes,
    };
    match json(&explanation) {
        Ok(json) => Answer::new(StatusCode::OK, "application/json", json + "\n"),
        Err(error) => Answer::text(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_read_from_its_request() {
        let mut asked = Query::default();
        for text in ["192.0.2.1", "192.0.2.0/24", "2001:db8::/32"] {
            asked.client = network(text);
            assert!(asked.client.is_some());
            (asked.server_name, asked.after, asked.last) = (Some("a&b=\\xff.example".into()), 7, 50);
            asked.reason = Some("not-found".into());
            assert_eq!(query(path(&asked).strip_prefix("/explain?").unwrap()), Some(asked.clone()));
        }
        assert_eq!(query(""), Some(Query::default()));
        for text in ["client=x", "client=10.0.0.0/33", "last", "last=-1", "what=1", "server-name=%ff"] {
            assert_eq!(query(text), None, "{text}");
        }
    }
}
