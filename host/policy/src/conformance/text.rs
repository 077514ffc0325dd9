//! The file that a suite is read from.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::{Table, Value};

use super::{
    Call, Expected, ExpectedTerms, Kept, Question, Suite, Vector,
    facts::{Base, bytes},
};
use crate::policy::{
    Manifest,
    wit::types::{GetVerdict, Priority, Reach, Removal, RemoveVerdict, Terms},
};

/// What is wrong with a file of vectors: where, and what was expected there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}. docs/conformance.md tells the format")]
pub struct SuiteError(String);

impl Suite {
    /// Reads a file's text.
    ///
    /// # Errors
    /// It is not TOML, or a vector in it is not one that could be run; the vector is named, and its call.
    pub fn parse(text: &str) -> Result<Self, SuiteError> {
        let file: File = toml::from_str(text).map_err(|error| SuiteError(error.to_string().trim_end().to_owned()))?;
        let base = Base::new(file.connection, file.session, file.certificate).map_err(SuiteError)?;
        if file.vector.is_empty() {
            return Err(SuiteError("expected at least one [[vector]], found none".into()));
        }
        let mut vectors: Vec<Vector> = Vec::new();
        for text in file.vector {
            let name = text.name.clone();
            if vectors.iter().any(|vector| vector.name == name) {
                return Err(SuiteError(format!("two vectors are called `{name}`")));
            }
            vectors.push(text.vector(&base).map_err(|wrong| SuiteError(format!("vector `{name}`: {wrong}")))?);
        }
        Ok(Self { vectors })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct File {
    #[serde(default)]
    connection: Table,
    #[serde(default)]
    session: Table,
    #[serde(default)]
    certificate: Table,
    #[serde(default)]
    vector: Vec<VectorText>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct VectorText {
    name: String,
    #[serde(default)]
    settings: Table,
    rejected: Option<String>,
    #[serde(default)]
    calls: Vec<CallText>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct CallText {
    call: CallbackText,
    connection: Option<Table>,
    #[serde(default)]
    session: SessionGiven,
    why: Option<RemovalText>,
    verdict: String,
    terms: Option<TermsText>,
    counts: Option<BTreeMap<String, u64>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(clippy::enum_variant_names, reason = "they are the interface's names")]
enum CallbackText {
    NewSession,
    GetSession,
    RemoveSession,
}

/// `session = { … }`, or `session = "gone"` where the store no longer has it.
#[derive(Deserialize)]
#[serde(untagged)]
enum SessionGiven {
    Facts(Table),
    Word(String),
}

impl Default for SessionGiven {
    fn default() -> Self {
        Self::Facts(Table::new())
    }
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum RemovalText {
    FatalAlert,
    UncleanClose,
    Expired,
    Evicted,
    Replaced,
    Consumed,
    Revoked,
    Unknown,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
struct TermsText {
    lifetime: Option<u32>,
    single_use: Option<bool>,
    reach: Option<ReachText>,
    priority: Option<PriorityText>,
    note: Option<String>,
    attributes: Vec<(String, String)>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum ReachText {
    Node,
    Fleet,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum PriorityText {
    Low,
    Normal,
    High,
}

impl VectorText {
    fn vector(self, base: &Base) -> Result<Vector, String> {
        let settings: Table = [("settings".to_owned(), Value::Table(self.settings))].into_iter().collect();
        let manifest = Manifest::parse(&settings.to_string()).map_err(|error| error.to_string())?;
        let expected = match (self.rejected, self.calls) {
            (Some(message), calls) if calls.is_empty() => Expected::Rejected(message),
            (None, calls) if !calls.is_empty() => {
                let calls = calls
                    .into_iter()
                    .zip(1..)
                    .map(|(call, number)| call.call(base).map_err(|wrong| format!("call {number}: {wrong}")));
                Expected::Verdicts(calls.collect::<Result<_, _>>()?)
            }
            _ => return Err("expected either `calls` or `rejected`".into()),
        };
        Ok(Vector { name: self.name, manifest, expected })
    }
}

impl CallText {
    fn call(self, base: &Base) -> Result<Call, String> {
        let counts = self.counts.map(|counts| counts.into_iter().collect());
        if self.terms.is_some() && (!matches!(self.call, CallbackText::NewSession) || self.verdict != "keep") {
            return Err("only what is kept has `terms`".into());
        }
        if self.why.is_some() && !matches!(self.call, CallbackText::RemoveSession) {
            return Err("only `remove-session` is told `why`".into());
        }
        let facts = match self.session {
            SessionGiven::Facts(changes) => Some(base.session(changes)?),
            SessionGiven::Word(word) if word == "gone" && matches!(self.call, CallbackText::RemoveSession) => None,
            SessionGiven::Word(word) => {
                return Err(format!(
                    "`session`: expected a table, or in `remove-session` the word `gone`, found `{word}`"
                ));
            }
        };
        let question = match (self.call, facts) {
            (CallbackText::NewSession, Some((session, note))) => Question::New {
                connection: base.connection(self.connection.unwrap_or_default())?,
                session,
                note,
                expected: match self.verdict.as_str() {
                    "refuse" => Kept::Refused,
                    "keep" => Kept::On(Box::new(self.terms.unwrap_or_default().terms()?)),
                    other => return Err(unknown_verdict("`keep` or `refuse`", other)),
                },
            },
            (CallbackText::GetSession, Some((candidate, note))) => Question::Get {
                connection: base.connection(self.connection.unwrap_or_default())?,
                candidate,
                note,
                expected: match self.verdict.as_str() {
                    "resume" => GetVerdict::Resume,
                    "resume-without-early-data" => GetVerdict::ResumeWithoutEarlyData,
                    "full-handshake" => GetVerdict::FullHandshake,
                    other => {
                        let expected = "`resume`, `resume-without-early-data` or `full-handshake`";
                        return Err(unknown_verdict(expected, other));
                    }
                },
            },
            (CallbackText::RemoveSession, session) => {
                if self.connection.is_some() {
                    return Err("`remove-session` is not told of a connection".into());
                }
                let named = session.as_ref().map_or_else(|| base.session(Table::new()), |facts| Ok(facts.clone()))?.0;
                Question::Remove {
                    id: named.id.as_slice().try_into().map_err(|_| "`session.id`: expected 32 bytes".to_owned())?,
                    session,
                    why: self.why.ok_or("expected `why` the session is removed")?.removal(),
                    expected: match self.verdict.as_str() {
                        "host-default" => RemoveVerdict::HostDefault,
                        "forget" => RemoveVerdict::Forget,
                        other => return Err(unknown_verdict("`host-default` or `forget`", other)),
                    },
                }
            }
            (CallbackText::NewSession | CallbackText::GetSession, None) => return Err("expected a session".into()),
        };
        Ok(Call { question, counts })
    }
}

impl TermsText {
    fn terms(self) -> Result<ExpectedTerms, String> {
        let any_note = self.note.as_deref() == Some("any");
        let note = self.note.filter(|_| !any_note).map(|digits| bytes("terms.note", &digits)).transpose()?;
        let reach = self.reach.map(|reach| match reach {
            ReachText::Node => Reach::Node,
            ReachText::Fleet => Reach::Fleet,
        });
        let priority = self.priority.map(|priority| match priority {
            PriorityText::Low => Priority::Low,
            PriorityText::Normal => Priority::Normal,
            PriorityText::High => Priority::High,
        });
        let (lifetime, single_use, attributes) = (self.lifetime, self.single_use, self.attributes);
        Ok(ExpectedTerms { terms: Terms { lifetime, single_use, reach, priority, note, attributes }, any_note })
    }
}

impl RemovalText {
    fn removal(self) -> Removal {
        match self {
            RemovalText::FatalAlert => Removal::FatalAlert,
            RemovalText::UncleanClose => Removal::UncleanClose,
            RemovalText::Expired => Removal::Expired,
            RemovalText::Evicted => Removal::Evicted,
            RemovalText::Replaced => Removal::Replaced,
            RemovalText::Consumed => Removal::Consumed,
            RemovalText::Revoked => Removal::Revoked,
            RemovalText::Unknown => Removal::Unknown,
        }
    }
}

fn unknown_verdict(expected: &str, found: &str) -> String {
    format!("`verdict`: expected {expected}, found `{found}`")
}
