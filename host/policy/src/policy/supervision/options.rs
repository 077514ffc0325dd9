//! When a policy is set aside, and when it is tried again.

use std::time::Duration;

/// How policies are supervised. The defaults suit a server; each says why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SupervisionOptions {
    /// How many failures within [`window`](Self::window) set a policy aside. Default 5: one may be
    /// a fact that nobody foresaw, five are a pattern. Each costs one client a full handshake.
    ///
    /// A trap, a verdict that is not valid or does not lift, and an instance that the policy failed
    /// to start count. A call past its deadline counts as
    /// [`deadline_percent`](Self::deadline_percent) says, and only if it had an instance at once
    /// and at least half of the time that a call may take. That no instance came free, or that
    /// other policies had spent the time, does not count.
    ///
    /// A client that finds facts on which a policy traps can get it set aside by repeating them,
    /// and so cost the other clients their resumptions until the policy is back. Where that is
    /// worse than one full handshake for each such call, set it higher.
    pub failures: u32,
    /// How long a failure counts. Default 30 s, at most an hour.
    pub window: Duration,
    /// Calls that ran past their deadline count only if they are at least this many percent of the
    /// calls made within the window, and [`failures`](Self::failures) in number. Default 10: a
    /// thread that loses its core in mid-call is late without any fault of the policy's, on a busy
    /// machine now and then; a policy that is too slow is late far more often.
    pub deadline_percent: u8,
    /// How long a policy is on trial after it goes live or comes back. Default one minute. In the
    /// trial of a new generation a misbehaviour rolls it back to the generation before; a trial
    /// that goes well makes earlier setbacks forgotten.
    pub trial: Duration,
    /// After how long a policy that was set aside is tried again for the first time; the wait
    /// doubles each time, until a trial went well. Default 10 s.
    pub first_retry: Duration,
    /// The longest wait between two tries. Default 10 minutes.
    pub longest_retry: Duration,
    /// Decisions that wait for the policies in shadow mode; one more is dropped, and counted.
    /// Default 256: a few hundred kilobytes, and a burst of handshakes.
    pub shadow_queue: usize,
}

impl Default for SupervisionOptions {
    fn default() -> Self {
        Self {
            failures: 5,
            window: Duration::from_secs(30),
            deadline_percent: 10,
            trial: Duration::from_secs(60),
            first_retry: Duration::from_secs(10),
            longest_retry: Duration::from_secs(600),
            shadow_queue: 256,
        }
    }
}

impl SupervisionOptions {
    /// These options with no time beyond a day, so that no deadline lies beyond what a clock can
    /// show, no thread that never rests, and no number that nothing can be made of.
    pub(in crate::policy) fn within_reason(self) -> Self {
        const DAY: Duration = Duration::from_secs(86_400);
        const SHORTEST_RETRY: Duration = Duration::from_millis(100);
        let first_retry = self.first_retry.clamp(SHORTEST_RETRY, DAY);
        Self {
            failures: self.failures.max(1),
            window: self.window.clamp(Duration::from_secs(1), Duration::from_secs(3_600)),
            deadline_percent: self.deadline_percent.min(100),
            trial: self.trial.min(DAY),
            first_retry,
            longest_retry: self.longest_retry.clamp(first_retry, DAY),
            shadow_queue: self.shadow_queue.clamp(1, 1 << 16),
        }
    }
}
