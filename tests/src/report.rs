//! What `GET /connection` tells.

use serde::Deserialize;

/// The JSON of `GET /connection`: every field has to be there, and there are no others.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "host/server/src/serve/report.rs says what they are")]
pub struct Report {
    pub protocol: String,
    pub cipher: Option<String>,
    pub server_name: Option<String>,
    pub resumed: bool,
    pub early_data: String,
    pub early_data_bytes: usize,
    pub session_id: Option<String>,
    pub authenticated: Option<u64>,
    pub expires: Option<u64>,
    pub resumptions: u32,
    pub policies: Vec<PolicyReport>,
    pub miss_reason: Option<String>,
    pub not_kept_reason: Option<String>,
}

/// One policy's verdict.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "host/server/src/serve/report.rs says what they are")]
pub struct PolicyReport {
    pub name: String,
    pub generation: u64,
    pub verdict: String,
}

impl Report {
    /// The report in the answer to a request for it.
    ///
    /// # Errors
    /// The answer is none; it comes with the error.
    pub fn of_answer(answer: &str) -> Result<Self, String> {
        let (_, from_head) = answer.split_once(ANSWERED).ok_or_else(|| format!("no answer in: {answer}"))?;
        let (_, body) = from_head.split_once("\r\n\r\n").ok_or_else(|| format!("no body in: {answer}"))?;
        // A program that prints more after the body is not asked to stop there.
        let mut json = serde_json::Deserializer::from_str(body);
        Report::deserialize(&mut json).map_err(|error| format!("{error} in: {answer}"))
    }

    /// What this policy said, in order: on the session offered, then on the one made.
    pub fn verdicts(&self, policy: &str) -> Vec<&str> {
        self.policies.iter().filter(|said| said.name == policy).map(|said| said.verdict.as_str()).collect()
    }
}

/// Asks for a [`Report`] and the connection's end.
pub const REQUEST: &str = "GET /connection HTTP/1.0\r\n\r\n";

/// What the answer to it begins with.
pub const ANSWERED: &str = "HTTP/1.0 200 OK";
