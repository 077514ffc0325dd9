//! What `GET /connection` tells.

use openssl::ssl::SslRef;
use reprise::{ConnectionReport, EarlyData};
use reprise_policy::policy::{Answer, Asked};
use reprise_session::printable;
use serde::Serialize;

/// A connection as its client may know it.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Report {
    protocol: String,
    cipher: Option<String>,
    server_name: Option<String>,
    resumed: bool,
    /// `not-offered`, `rejected` or `accepted`.
    early_data: &'static str,
    /// Bytes of it that had come when the connection was first served.
    early_data_bytes: usize,
    /// The first 8 bytes, in hexadecimal: the whole id would let another client take the session away.
    session_id: Option<String>,
    /// Seconds since the Unix epoch.
    authenticated: Option<u64>,
    /// Seconds since the Unix epoch.
    expires: Option<u64>,
    resumptions: u32,
    policies: Vec<PolicyReport>,
    /// Why the session that the client offered did not resume.
    miss_reason: Option<String>,
    /// Why the session that this handshake made will not resume.
    not_kept_reason: Option<String>,
}

#[derive(Clone, Debug, Serialize)]
struct PolicyReport {
    name: String,
    generation: u64,
    verdict: String,
}

impl Report {
    /// The report on a connection whose handshake is done, or goes on after so many bytes came early. `known` is what the host
    /// knows of it.
    pub(crate) fn of(ssl: &SslRef, early_data_bytes: usize, known: Option<ConnectionReport>) -> Self {
        let protocol = ssl.version_str().to_owned();
        let cipher = ssl.current_cipher().map(|cipher| cipher.name().to_owned());
        let Some(known) = known else {
            let (resumed, early_data) = (ssl.session_reused(), EarlyData::default().as_str());
            return Self { protocol, cipher, resumed, early_data, ..Self::default() };
        };
        Self {
            protocol,
            cipher,
            server_name: known.server_name,
            resumed: known.resumed,
            early_data: known.early_data.as_str(),
            early_data_bytes,
            session_id: known.session_id.map(|id| id.to_string()),
            authenticated: known.authenticated,
            expires: known.expires,
            resumptions: known.resumptions,
            policies: known.policies.iter().map(PolicyReport::of).collect(),
            miss_reason: known.miss.map(|miss| miss.to_string()),
            not_kept_reason: known.not_kept.map(|reason| reason.to_string()),
        }
    }

    /// What the ClientHello asked for, in lower case.
    pub(crate) fn server_name(&self) -> Option<&str> {
        self.server_name.as_deref()
    }

    /// As JSON, with a line's end.
    pub(crate) fn json(&self) -> String {
        // Strings, numbers and lists of them: nothing here can fail to serialize.
        printable::json(self).map_or_else(|error| format!("{{\"error\": \"{error}\"}}\n"), |json| json + "\n")
    }

    /// One line for the log.
    pub(crate) fn summary(&self) -> String {
        let outcome = match (&self.miss_reason, self.resumed) {
            (_, true) => "resumed".to_owned(),
            (Some(reason), false) => format!("full handshake ({reason})"),
            (None, false) => "full handshake".to_owned(),
        };
        let session = match (&self.session_id, &self.not_kept_reason) {
            (_, Some(reason)) => format!("not kept ({reason})"),
            (Some(id), None) => id.clone(),
            (None, None) => "none".to_owned(),
        };
        format!("{} {outcome}, session {session}", self.protocol)
    }
}

impl PolicyReport {
    fn of(asked: &Asked) -> Self {
        Self { name: asked.policy.to_string(), generation: asked.generation, verdict: verdict(&asked.answer) }
    }
}

/// The verdict in the words of `wit/session-cache.wit`, and why there is none.
fn verdict(answer: &Answer) -> String {
    let failure = answer.failure().map(|failure| format!(": {}", failure.as_str()));
    format!("{}{}", answer.as_str(), failure.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use reprise_policy::policy::Failure;

    #[test]
    fn the_report_has_every_field_even_when_nothing_is_known() {
        let json: serde_json::Value = serde_json::from_str(&Report::default().json()).unwrap();
        let fields: Vec<&String> = json.as_object().unwrap().keys().collect();
        let expected = [
            "authenticated",
            "cipher",
            "early_data",
            "early_data_bytes",
            "expires",
            "miss_reason",
            "not_kept_reason",
            "policies",
            "protocol",
            "resumed",
            "resumptions",
            "server_name",
            "session_id",
        ];
        assert!(
            expected.iter().all(|field| fields.iter().any(|f| f == field)) && fields.len() == expected.len(),
            "{fields:?}"
        );
    }

    #[test]
    fn a_policys_failure_is_told_with_what_it_counted_as() {
        let asked = Asked {
            policy: "tenants".into(),
            generation: 3,
            answer: Answer::FailedObjecting(Failure::Trap),
            took: Duration::ZERO,
        };
        let json = serde_json::to_value(PolicyReport::of(&asked)).unwrap();
        assert_eq!(json, serde_json::json!({"name": "tenants", "generation": 3, "verdict": "failed-objecting: trap"}));
    }
}
