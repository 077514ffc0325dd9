//! The `observe` import: what a policy tells its operator.

use std::{
    borrow::Cow,
    collections::BTreeMap,
    time::{Duration, Instant},
};

const MAX_MESSAGE: usize = 1_024;
const MAX_MESSAGES: u32 = 100;
const WINDOW: Duration = Duration::from_secs(1);
const MAX_NAMES: usize = 64;
const MAX_NAME: usize = 64;

/// One policy's counters, and how much it has said of late. The time is given, so that it is the caller's clock.
#[derive(Debug, Default)]
pub(super) struct Observations {
    counters: BTreeMap<String, u64>,
    /// When the second began in which messages are being counted, and how many there were.
    window: Option<(Instant, u32)>,
    /// Messages and counts over the caps, since the start.
    dropped: u64,
}

impl Observations {
    /// Whether a message may be written now.
    pub(super) fn admit_message(&mut self, now: Instant) -> bool {
        match &mut self.window {
            Some((start, messages)) if now.saturating_duration_since(*start) < WINDOW => {
                *messages += 1;
                if *messages > MAX_MESSAGES {
                    self.dropped += 1;
                    return false;
                }
            }
            window => *window = Some((now, 1)),
        }
        true
    }

    pub(super) fn count(&mut self, name: String, by: u64) {
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        if let Some(count) = self.counters.get_mut(&name) {
            *count = count.saturating_add(by);
        } else if self.counters.len() < MAX_NAMES && (1..=MAX_NAME).contains(&name.len()) && name.bytes().all(allowed) {
            self.counters.insert(name, by);
        } else {
            self.dropped += 1;
        }
    }

    pub(super) fn counters(&self) -> Vec<(String, u64)> {
        self.counters.iter().map(|(name, count)| (name.clone(), *count)).collect()
    }

    pub(super) fn dropped(&self) -> u64 {
        self.dropped
    }
}

/// As much of `message` as goes into one line of a log: control characters, line breaks among them,
/// would let a policy forge another.
pub(super) fn one_line(message: &str) -> Cow<'_, str> {
    let end = message.floor_char_boundary(MAX_MESSAGE);
    let message = &message[..end];
    if message.contains(char::is_control) { message.replace(char::is_control, " ").into() } else { message.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hundred_messages_a_second_pass_and_the_rest_is_counted() {
        let (mut observations, start) = (Observations::default(), Instant::now());
        let passed = (0..150).filter(|_| observations.admit_message(start)).count();
        assert_eq!((passed, observations.dropped()), (100, 50));
        assert!(!observations.admit_message(start + WINDOW - Duration::from_nanos(1)));
        assert!(observations.admit_message(start + WINDOW));
    }

    #[test]
    fn a_message_is_one_line_of_bounded_length() {
        assert_eq!(one_line("one\nINFO forged\u{1b}[0m"), "one INFO forged [0m");
        assert_eq!(one_line(&"é".repeat(1_000)).len(), 1_024);
        assert_eq!(one_line(&format!("a{}", "é".repeat(1_000))).len(), 1_023);
    }

    #[test]
    fn counters_have_64_well_formed_names() {
        let mut observations = Observations::default();
        for number in 0..100 {
            observations.count(format!("n{number}"), 1);
        }
        observations.count("n7".into(), u64::MAX);
        assert_eq!(observations.counters().len(), 64);
        assert_eq!(observations.dropped(), 36);
        assert!(observations.counters().contains(&("n7".into(), u64::MAX)));

        let mut observations = Observations::default();
        for name in ["", "A", "a-b", "a b", "é", &"a".repeat(65)] {
            observations.count(name.into(), 1);
        }
        assert_eq!((observations.counters(), observations.dropped()), (Vec::new(), 6));
    }
}
