//! What is counted and `crate::status` does not have, for a page to draw.

use std::collections::BTreeMap;

use reprise_policy::policy::{Callback, Policy, VERDICTS};
use reprise_session::histogram::Reading;
use serde::Serialize;

use crate::Host;

/// Times and verdicts.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Figures {
    /// Seconds that a session resumes where no policy says.
    pub lifetime: u64,
    /// At each resumption, the seconds since the full handshake it descends from.
    pub ages: Spread,
    /// The calls of each policy, by callback: those in shadow mode last.
    pub calls: Vec<Calls>,
}

/// Durations by size.
#[derive(Clone, Debug, Serialize)]
pub struct Spread {
    /// The largest duration in each bucket, in seconds; the last bucket, which has one more count, has none.
    pub bounds: Vec<f64>,
    /// How many fell into each bucket alone.
    pub counts: Vec<u64>,
    /// All of them together, in seconds.
    pub sum: f64,
}

/// Calls of a policy, of all its generations.
#[derive(Clone, Debug, Serialize)]
pub struct Calls {
    /// The policy's name.
    pub policy: String,
    /// `new-session`, `get-session` or `remove-session`.
    pub callback: String,
    /// What they took, the wait for an instance included.
    pub took: Spread,
    /// How often each verdict was given, in the words of the interface.
    pub verdicts: BTreeMap<&'static str, u64>,
}

impl Host {
    /// Times and verdicts of policies. Allocates: not on a handshake's thread.
    pub fn figures(&self) -> Figures {
        let resources = &self.inner().resources;
        let chain = self.inner().policies_now().chain;
        let policies = chain.policies().iter().chain(chain.shadows());
        Figures {
            lifetime: resources.limits.lifetime,
            ages: resources.counts.ages().into(),
            calls: policies
                .flat_map(|policy| Callback::ALL.map(|callback| Calls::of(policy, callback)))
                .filter(|calls| calls.took.counts.iter().any(|count| *count > 0))
                .collect(),
        }
    }
}

impl Calls {
    fn of(policy: &Policy, callback: Callback) -> Self {
        let verdicts = VERDICTS.iter().zip(policy.counts().verdicts());
        let verdicts = verdicts.filter(|((of, _), times)| *of == callback && *times > 0);
        Self {
            policy: policy.name().to_owned(),
            callback: callback.as_str().to_owned(),
            took: policy.counts().call_times(callback).into(),
            verdicts: verdicts.map(|((_, verdict), times)| (*verdict, times)).collect(),
        }
    }
}

impl From<Reading> for Spread {
    fn from(Reading { buckets, sum }: Reading) -> Self {
        let bounds = buckets.iter().map(|(bound, _)| *bound).filter(|bound| bound.is_finite()).collect();
        Self { bounds, counts: buckets.iter().map(|(_, count)| *count).collect(), sum }
    }
}
