//! The metrics: each one's name, type, labels and meaning. `docs/metrics.md` has the same as a table.

use prometheus_client::metrics::MetricType;

/// What a metric is. Its name is without the `_total` that the format adds to a counter.
pub struct MetricFamily {
    pub name: &'static str,
    pub kind: MetricType,
    pub help: &'static str,
}

const fn counter(name: &'static str, help: &'static str) -> MetricFamily {
    MetricFamily { name, kind: MetricType::Counter, help }
}

const fn gauge(name: &'static str, help: &'static str) -> MetricFamily {
    MetricFamily { name, kind: MetricType::Gauge, help }
}

const fn histogram(name: &'static str, help: &'static str) -> MetricFamily {
    MetricFamily { name, kind: MetricType::Histogram, help }
}

pub const HANDSHAKES: MetricFamily =
    counter("reprise_handshakes", "Handshakes completed, by version of TLS, in full or by resuming a session");
pub const MISSES: MetricFamily =
    counter("reprise_misses", "Handshakes in full though a session was offered, by reason");
pub const OUTCOMES: MetricFamily = counter(
    "reprise_outcomes",
    "Handshakes completed, each once, by how far it came to a resumption and why no further",
);
pub const PLACE_OUTCOMES: MetricFamily =
    counter("reprise_place_outcomes", "The same by listener and site, of which the most visited are told apart");
pub const SESSION_AGE: MetricFamily =
    histogram("reprise_session_age_seconds", "At each resumption, the time since the full handshake it descends from");
pub const REMOVALS_DROPPED: MetricFamily = counter(
    "reprise_removals_dropped",
    "Sessions given up that no policy was asked about because too many came at once",
);

#[cfg(feature = "agent")]
pub const PROGRAM_HANDSHAKES: MetricFamily = counter(
    "reprise_program_handshakes",
    "Handshakes of a program that has the module, in full or by resuming a session",
);
#[cfg(feature = "agent")]
pub const PROGRAM_MISSES: MetricFamily =
    counter("reprise_program_misses", "Of a program's full handshakes, those whose client had offered a session");
#[cfg(feature = "agent")]
pub const PROGRAM_REFUSED: MetricFamily = counter(
    "reprise_program_refused",
    "Of a program's handshakes that were looked at alone and did not resume, what their clients offered",
);
#[cfg(feature = "agent")]
pub const PROGRAM_PROCESSES: MetricFamily =
    gauge("reprise_program_processes", "A program's processes that are connected");
#[cfg(feature = "agent")]
pub const PROGRAM_LEFT_ALONE: MetricFamily =
    counter("reprise_program_left_alone", "Contexts of a program that the module leaves alone, by reason");

pub const POLICY_CALLS: MetricFamily =
    counter("reprise_policy_calls", "Calls to a policy that were due, failed ones included");
pub const POLICY_CALL_DURATION: MetricFamily =
    histogram("reprise_policy_call_duration_seconds", "What calls to a policy took, the wait for an instance included");
pub const POLICY_VERDICTS: MetricFamily = counter("reprise_policy_verdicts", "Verdicts of a policy");
pub const POLICY_FAILURES: MetricFamily =
    counter("reprise_policy_failures", "Calls to a policy that gave no verdict, by kind of failure");
pub const POLICY_GENERATION: MetricFamily =
    gauge("reprise_policy_generation", "The generation of a policy that its state is about, 0 if none has been live");
pub const POLICY_STATE: MetricFamily = gauge("reprise_policy_state", "1 for the state that a policy is in");
pub const POLICY_INSTANCES: MetricFamily =
    gauge("reprise_policy_instances", "Instances of a policy, warm or in a call");
pub const POLICY_MEMORY_TAKEN: MetricFamily =
    gauge("reprise_policy_memory_bytes", "Linear memory of all policies' instances together");
pub const POLICY_MEMORY_MOST: MetricFamily =
    gauge("reprise_policy_memory_limit_bytes", "The most that the memory of all policies' instances is to take");
pub const POLICY_REJECTIONS: MetricFamily =
    counter("reprise_policy_rejections", "Contents of a policy's files that were rejected or rolled back");
pub const POLICY_SHADOW: MetricFamily = counter(
    "reprise_policy_shadow",
    "Verdicts of a policy in shadow mode compared with what was decided, for this generation",
);
pub const POLICY_COUNTER: MetricFamily =
    counter("reprise_policy_counter", "What a policy counts itself (observe.count), at most 64 names each");
pub const POLICY_OBSERVATIONS_DROPPED: MetricFamily = counter(
    "reprise_policy_observations_dropped",
    "Messages and counts of a policy that were over the caps of observe",
);

pub const STORE_SESSIONS: MetricFamily = gauge("reprise_store_sessions", "Sessions in the store");
pub const STORE_BYTES: MetricFamily = gauge("reprise_store_bytes", "Bytes that the store holds, everything counted");
pub const STORE_PROTOTYPES: MetricFamily =
    gauge("reprise_store_prototypes", "Live sessions that the store holds to save decoding");
pub const STORE_EVICTIONS: MetricFamily =
    counter("reprise_store_evictions", "Sessions given up because the store was full");
pub const STORE_EXPIRATIONS: MetricFamily =
    counter("reprise_store_expirations", "Sessions given up because their time had passed");

pub const TIER_SESSIONS: MetricFamily = gauge("reprise_store_tier_sessions", "Sessions in one of the stores");
pub const TIER_BYTES: MetricFamily = gauge("reprise_store_tier_bytes", "Bytes that one of the stores holds");
pub const TIER_DROPPED: MetricFamily = counter(
    "reprise_store_tier_dropped",
    "Sessions that were put into one of the stores and not written: more came than it could take, or it failed",
);
pub const TIER_REACHABLE: MetricFamily = gauge(
    "reprise_store_tier_reachable",
    "1 if one of the stores has answered look-ups and taken writes in the last 5 s, 0 if not or not yet",
);
pub const TIER_LOOKUPS_SKIPPED: MetricFamily = counter(
    "reprise_store_tier_lookups_skipped",
    "Look-ups that were misses because one of the stores is not asked while it fails",
);
pub const TIER_LOOKUPS_SPARED: MetricFamily = counter(
    "reprise_store_tier_lookups_spared",
    "Look-ups of what was known not to be in one of the stores, for which it was not asked",
);

pub const LOG_LINES_DROPPED: MetricFamily =
    counter("reprise_log_lines_dropped", "Lines that the server's log lacks, by reason");

pub const REVOCATIONS: MetricFamily = gauge("reprise_revocations", "Revocations in force");
pub const REVOCATIONS_UNTOLD: MetricFamily =
    gauge("reprise_revocations_untold", "Revocations that other nodes have not been told of");
pub const KEYRING_SEALING_SINCE: MetricFamily = gauge(
    "reprise_keyring_sealing_since_seconds",
    "Since when the key seals that does now, as seconds since the Unix epoch",
);
pub const CLOCK: MetricFamily =
    gauge("reprise_clock_seconds", "The time that sessions go by, as seconds since the Unix epoch");
