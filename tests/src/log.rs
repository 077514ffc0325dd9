//! What a server says on stderr, line by line, for those who wait for a line.

use std::{
    io::{BufRead, BufReader, Read},
    sync::{Arc, Condvar, Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

/// How long anything is waited for before a test fails. It bounds a failure; no success depends on it.
pub const PATIENCE: Duration = Duration::from_secs(360);

/// The lines so far.
#[derive(Default)]
pub struct Log {
    said: Mutex<Said>,
    more: Condvar,
}

#[derive(Default)]
struct Said {
    lines: Vec<String>,
    ended: bool,
}

impl Log {
    /// Collects what comes from `source` until it ends.
    pub fn of(source: impl Read + Send + 'static) -> Arc<Self> {
        let log = Arc::new(Self::default());
        let collected = Arc::clone(&log);
        thread::spawn(move || {
            for line in BufReader::new(source).lines().map_while(Result::ok) {
                collected.say(|said| said.lines.push(line));
            }
            collected.say(|said| said.ended = true);
        });
        log
    }

    /// The first line that has all `parts` in it, once there is one.
    pub fn line(&self, parts: &[&str]) -> String {
        self.lines(parts, 1).remove(0)
    }

    /// The first `count` lines that each have all `parts` in them, once there are as many.
    pub fn lines(&self, parts: &[&str], count: usize) -> Vec<String> {
        self.wait(&[parts], count)
    }

    /// The first line that has all parts of one of `alternatives` in it, once there is one.
    pub fn one_of(&self, alternatives: &[&[&str]]) -> String {
        self.wait(alternatives, 1).remove(0)
    }

    fn wait(&self, alternatives: &[&[&str]], count: usize) -> Vec<String> {
        let has = |line: &str| alternatives.iter().any(|parts| parts.iter().all(|part| line.contains(part)));
        let deadline = Instant::now() + PATIENCE;
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let found: Vec<&String> = said.lines.iter().filter(|line| has(line)).take(count).collect();
            if found.len() == count {
                return found.into_iter().cloned().collect();
            }
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(
                !said.ended && !left.is_zero(),
                "{count} line(s) with {alternatives:?} expected, {} found, {}, in:\n{}",
                found.len(),
                if said.ended { "and no more to come" } else { "and none came" },
                said.lines.join("\n")
            );
            said = self.more.wait_timeout(said, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Everything so far.
    pub fn text(&self) -> String {
        self.said.lock().unwrap_or_else(PoisonError::into_inner).lines.join("\n")
    }

    fn say(&self, change: impl FnOnce(&mut Said)) {
        change(&mut self.said.lock().unwrap_or_else(PoisonError::into_inner));
        self.more.notify_all();
    }
}
