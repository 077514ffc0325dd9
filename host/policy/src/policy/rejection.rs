//! Why a candidate did not become a policy.

use std::{fmt, path::PathBuf};

use super::ManifestError;
use crate::signing::SignatureError;

/// The step of a policy's life at which a candidate failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// Its signature was held against the policy keys.
    Signature,
    /// NAME.toml was read.
    Manifest,
    /// The file's kind was looked at: is it a component?
    Componentize,
    /// The component was compiled.
    Compile,
    /// Its imports and exports were held against the interface.
    Link,
    /// An instance was made.
    Instantiate,
    /// `settings.configure` was called.
    Configure,
    /// Each callback was called once, with made-up facts.
    Probe,
}

impl Step {
    /// A short, stable name for logs and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Step::Signature => "signature",
            Step::Manifest => "manifest",
            Step::Componentize => "componentize",
            Step::Compile => "compile",
            Step::Link => "link",
            Step::Instantiate => "instantiate",
            Step::Configure => "configure",
            Step::Probe => "probe",
        }
    }

    /// Whether code of the policy's runs in it.
    pub fn runs_the_policy(self) -> bool {
        matches!(self, Step::Instantiate | Step::Configure | Step::Probe)
    }
}

/// A candidate that did not become a policy, and why, in words for the operator.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Rejection {
    /// The file, as shown to the operator.
    pub file: PathBuf,
    /// The policy's name.
    pub policy: String,
    /// Where it failed.
    pub step: Step,
    /// What was expected there.
    pub expected: String,
    /// What was found instead.
    pub found: String,
    /// What to do about it.
    pub hint: Box<str>,
}

impl Rejection {
    /// The rejection of a policy whose NAME.toml, `file`, is wrong.
    pub fn manifest(file: impl Into<PathBuf>, policy: &str, error: &ManifestError) -> Self {
        Self {
            file: file.into(),
            policy: policy.into(),
            step: Step::Manifest,
            expected: error.expected.clone(),
            found: error.found.clone(),
            hint: error.hint.as_str().into(),
        }
    }

    /// The rejection of a policy whose signature does not hold.
    pub fn signature(file: impl Into<PathBuf>, policy: &str, error: &SignatureError) -> Self {
        Self {
            file: file.into(),
            policy: policy.into(),
            step: Step::Signature,
            expected: SignatureError::EXPECTED.into(),
            found: error.found(),
            hint: error.hint().into(),
        }
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, policy, step, expected, found, hint } = self;
        write!(
            f,
            "{}: policy `{policy}` rejected ({}): expected {expected}; found {found}. {hint}",
            file.display(),
            step.as_str()
        )
    }
}
