//! All counts for Prometheus.

use std::{
    fmt::{self, Debug},
    iter::zip,
    sync::{Arc, Weak},
};

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet, text},
    registry::Registry,
};
use reprise_policy::policy::{Callback, Failure, Policy, VERDICTS};
use reprise_session::{clock::unix_seconds, histogram::Reading, printable::line};
use reprise_store::store::TierStatus;

use super::{families as family, families::MetricFamily};
use crate::{
    Host,
    funnel::{Funnel, REASONS, VERSIONS},
    host::Inner,
    living::Snapshot,
    status::{Comparison, Log, State},
};

/// The media type of what [`Metrics::encode`] writes: OpenMetrics text, which Prometheus reads since 2.5.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Everything that a host counts, read when it is encoded: alone, or with what else there is in a registry of
/// `prometheus-client` 0.25. `docs/metrics.md` lists what there is.
///
/// ```
/// # fn main() -> anyhow::Result<()> {
/// let host = reprise::Host::builder().build()?;
/// let mut registry = prometheus_client::registry::Registry::default();
/// registry.register_collector(Box::new(host.metrics()));
/// # Ok(())
/// # }
/// ```
///
/// Reading takes the store's locks for a moment, and allocates: not on a handshake's thread.
#[derive(Clone)]
pub struct Metrics {
    host: Weak<Inner>,
}

impl Host {
    /// Everything that the host counts, for Prometheus: register it in a registry of yours, or encode it.
    ///
    /// It goes on counting for as long as there is a host, and is empty after that.
    pub fn metrics(&self) -> Metrics {
        Metrics { host: Arc::downgrade(self.inner()) }
    }
}

impl Metrics {
    /// The metrics in OpenMetrics text ([`CONTENT_TYPE`]).
    pub fn encode(&self) -> String {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(self.clone()));
        let mut encoded = String::new();
        // A string takes everything.
        let _ = text::encode(&mut encoded, &registry);
        encoded
    }
}

impl Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

impl Collector for Metrics {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let Some(host) = self.host.upgrade() else { return Ok(()) };
        let mut sheet = Sheet(encoder);
        sheet.handshakes(&host)?;
        let policies = host.policies_now();
        sheet.policies(&policies)?;
        let chain = &policies.chain;
        sheet.policy_calls(&[chain.policies(), chain.shadows()].concat())?;
        sheet.store(&host)?;
        sheet.time(&host)
    }
}

/// What the metrics are written on, one family after another.
pub(crate) struct Sheet<'a>(pub(crate) DescriptorEncoder<'a>);

impl Sheet<'_> {
    fn handshakes(&mut self, host: &Inner) -> fmt::Result {
        let mut handshakes = self.family(&family::HANDSHAKES)?;
        for ((version, _), [full, resumed]) in VERSIONS.iter().zip(host.resources.counts.funnel.handshakes()) {
            count(&mut handshakes, &[("version", *version), ("handshake", "full")], full)?;
            count(&mut handshakes, &[("version", *version), ("handshake", "resumed")], resumed)?;
        }
        let mut misses = self.family(&family::MISSES)?;
        for (reason, times) in host.resources.counts.funnel.misses() {
            count(&mut misses, &[("reason", reason)], times)?;
        }
        self.outcomes(&host.resources.counts.funnel)?;
        spread(&mut self.family(&family::SESSION_AGE)?, &host.resources.counts.ages())?;
        total(&mut self.family(&family::REMOVALS_DROPPED)?, host.removals_dropped())
    }

    fn outcomes(&mut self, funnel: &Funnel) -> fmt::Result {
        let mut outcomes = self.family(&family::OUTCOMES)?;
        for ((version, _), ends) in zip(VERSIONS, funnel.by_version()) {
            for ((reason, step), times) in zip(REASONS, ends) {
                count(&mut outcomes, &[("version", version), ("step", step.as_str()), ("reason", reason)], times)?;
            }
        }
        let mut outcomes = self.family(&family::PLACE_OUTCOMES)?;
        let mut told = crate::status::Funnel::of(funnel);
        // Clients' own words, which are not for whoever reads metrics.
        told.hide_names();
        for place in told.places {
            // What there is none of would be 30 series for each place.
            for (reason, step) in REASONS {
                let Some(times) = place.reasons.get(reason) else { continue };
                let at = [("listener", &*place.listener), ("site", &place.site)];
                count(&mut outcomes, &[&at[..], &[("step", step.as_str()), ("reason", reason)]].concat(), *times)?;
            }
        }
        Ok(())
    }

    /// The policies that are there, live or not.
    fn policies(&mut self, policies: &Snapshot) -> fmt::Result {
        let all = crate::status::policies(policies);
        let mut generation = self.family(&family::POLICY_GENERATION)?;
        for policy in &all {
            level(&mut generation, &[("policy", policy.name.as_str())], policy.generation.unwrap_or(0))?;
        }
        let mut state = self.family(&family::POLICY_STATE)?;
        for policy in &all {
            for possible in State::ALL {
                let labels = [("policy", policy.name.as_str()), ("state", possible.as_str())];
                level(&mut state, &labels, u64::from(policy.state == possible))?;
            }
        }
        let mut instances = self.family(&family::POLICY_INSTANCES)?;
        for policy in &all {
            level(&mut instances, &[("policy", policy.name.as_str())], policy.instances as u64)?;
        }
        let (taken, most) = policies.memory;
        self.family(&family::POLICY_MEMORY_TAKEN)?.encode_gauge(&gauge(taken as u64))?;
        self.family(&family::POLICY_MEMORY_MOST)?.encode_gauge(&gauge(most as u64))?;
        let mut rejections = self.family(&family::POLICY_REJECTIONS)?;
        for policy in &all {
            count(&mut rejections, &[("policy", policy.name.as_str())], policy.rejections)?;
        }
        let mut shadow = self.family(&family::POLICY_SHADOW)?;
        for policy in &all {
            let Some(Comparison { agreed, would_have_refused, would_have_allowed, failed, dropped }) = policy.shadow
            else {
                continue;
            };
            for (comparison, times) in [
                ("agreed", agreed),
                ("would-have-refused", would_have_refused),
                ("would-have-allowed", would_have_allowed),
                ("failed", failed),
                ("dropped", dropped),
            ] {
                count(&mut shadow, &[("policy", policy.name.as_str()), ("comparison", comparison)], times)?;
            }
        }
        Ok(())
    }

    fn policy_calls(&mut self, policies: &[Arc<Policy>]) -> fmt::Result {
        let each = || policies.iter().flat_map(|policy| Callback::ALL.map(|callback| (policy, callback)));
        let labels = |policy: &'_ Policy, callback: Callback| {
            [("policy", policy.name().to_owned()), ("callback", callback.as_str().to_owned())]
        };
        let mut calls = self.family(&family::POLICY_CALLS)?;
        for (policy, callback) in each() {
            count(&mut calls, &labels(policy, callback), policy.counts().calls(callback))?;
        }
        let mut durations = self.family(&family::POLICY_CALL_DURATION)?;
        for (policy, callback) in each() {
            let labels = labels(policy, callback);
            spread(&mut durations.encode_family(&shown(&labels))?, &policy.counts().call_times(callback))?;
        }
        let mut verdicts = self.family(&family::POLICY_VERDICTS)?;
        for policy in policies {
            for ((callback, verdict), times) in VERDICTS.iter().zip(policy.counts().verdicts()) {
                let labels = [("policy", policy.name()), ("callback", callback.as_str()), ("verdict", verdict)];
                count(&mut verdicts, &labels, times)?;
            }
        }
        let mut failures = self.family(&family::POLICY_FAILURES)?;
        for policy in policies {
            for (kind, times) in Failure::ALL.iter().zip(policy.counts().failures()) {
                count(&mut failures, &[("policy", policy.name()), ("kind", kind.as_str())], times)?;
            }
        }
        let mut counters = self.family(&family::POLICY_COUNTER)?;
        for policy in policies {
            for (name, times) in policy.counters() {
                count(&mut counters, &[("policy", policy.name()), ("name", name.as_str())], times)?;
            }
        }
        let mut dropped = self.family(&family::POLICY_OBSERVATIONS_DROPPED)?;
        for policy in policies {
            count(&mut dropped, &[("policy", policy.name())], policy.observations_dropped())?;
        }
        Ok(())
    }

    fn store(&mut self, host: &Inner) -> fmt::Result {
        let usage = host.resources.store.usage();
        for (family, now) in [
            (family::STORE_SESSIONS, usage.sessions),
            (family::STORE_BYTES, usage.bytes),
            (family::STORE_PROTOTYPES, usage.prototypes),
        ] {
            self.family(&family)?.encode_gauge(&gauge(now))?;
        }
        total(&mut self.family(&family::STORE_EVICTIONS)?, usage.evicted)?;
        total(&mut self.family(&family::STORE_EXPIRATIONS)?, usage.expired)?;
        self.tiers(&host.resources.store.tiers())?;
        let revocations = &host.resources.revocations;
        let in_force = revocations.in_force.list().len() as u64;
        self.family(&family::REVOCATIONS)?.encode_gauge(&gauge(in_force))?;
        self.family(&family::REVOCATIONS_UNTOLD)?.encode_gauge(&gauge(revocations.untold() as u64))?;
        self.log(Log::now())
    }

    fn time(&mut self, host: &Inner) -> fmt::Result {
        let now = host.resources.now();
        // A key that is in no file is as old as the host.
        let seals_from = host.resources.keyring.keys(now).iter().find(|key| key.seals).map_or(0, |key| key.seals_from);
        let since = if seals_from == 0 { unix_seconds(host.since) } else { seals_from };
        self.family(&family::KEYRING_SEALING_SINCE)?.encode_gauge(&gauge(since))?;
        self.family(&family::CLOCK)?.encode_gauge(&gauge(now))
    }

    fn log(&mut self, Log { unwritten, repeated }: Log) -> fmt::Result {
        let mut dropped = self.family(&family::LOG_LINES_DROPPED)?;
        count(&mut dropped, &[("reason", "unwritten")], unwritten)?;
        count(&mut dropped, &[("reason", "repeated")], repeated)
    }

    fn tiers(&mut self, tiers: &[TierStatus]) -> fmt::Result {
        let labels = |place: usize| {
            let tier = &tiers[place];
            let place = (place + 1).to_string();
            [("tier", place), ("kind", tier.kind.clone()), ("scope", tier.scope.as_str().to_owned())]
        };
        type Value = fn(&TierStatus) -> u64;
        let gauges: [(_, Value); 3] = [
            (family::TIER_SESSIONS, |tier| tier.usage.sessions),
            (family::TIER_BYTES, |tier| tier.usage.bytes),
            (family::TIER_REACHABLE, |tier| u64::from(tier.reachable)),
        ];
        for (family, value) in gauges {
            let mut family = self.family(&family)?;
            for (place, tier) in tiers.iter().enumerate() {
                level(&mut family, &labels(place), value(tier))?;
            }
        }
        let counters: [(_, Value); 3] = [
            (family::TIER_DROPPED, |tier| tier.usage.dropped),
            (family::TIER_LOOKUPS_SKIPPED, |tier| tier.lookups_skipped),
            (family::TIER_LOOKUPS_SPARED, |tier| tier.lookups_spared),
        ];
        for (family, value) in counters {
            let mut family = self.family(&family)?;
            for (place, tier) in tiers.iter().enumerate() {
                count(&mut family, &labels(place), value(tier))?;
            }
        }
        Ok(())
    }

    pub(crate) fn family(&mut self, family: &MetricFamily) -> Result<MetricEncoder<'_>, fmt::Error> {
        self.0.encode_descriptor(family.name, family.help, None, family.kind)
    }
}

fn total(family: &mut MetricEncoder<'_>, value: u64) -> fmt::Result {
    family.encode_counter::<NoLabelSet, u64, f64>(&value, None)
}

pub(crate) fn count(family: &mut MetricEncoder<'_>, labels: &[(&str, impl AsRef<str>)], value: u64) -> fmt::Result {
    total(&mut family.encode_family(&shown(labels))?, value)
}

pub(crate) fn level(family: &mut MetricEncoder<'_>, labels: &[(&str, impl AsRef<str>)], value: u64) -> fmt::Result {
    family.encode_family(&shown(labels))?.encode_gauge(&gauge(value))
}

/// Labels as people may read them. A file's name, 255 bytes on most systems, is never cut: two series would be one.
fn shown<'a>(labels: &[(&'a str, impl AsRef<str>)]) -> Vec<(&'a str, String)> {
    labels.iter().map(|(name, value)| (*name, line(value.as_ref(), 2_048).into_owned())).collect()
}

/// The format's whole numbers are signed.
fn gauge(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

fn spread(family: &mut MetricEncoder<'_>, reading: &Reading) -> fmt::Result {
    family.encode_histogram::<NoLabelSet>(reading.sum, reading.count(), &reading.buckets, None)
}
