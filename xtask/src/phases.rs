//! What took how long, and how long processors were at it.

use std::{
    fmt, fs,
    time::{Duration, Instant},
};

use anyhow::Result;

use crate::run::step;

/// Phases, one after the other.
#[derive(Default)]
pub struct Phases(Vec<Phase>);

struct Phase {
    name: String,
    took: Duration,
    /// What processes used that ended in this phase, those included that were started beside it.
    processors: Option<Duration>,
}

impl Phases {
    /// Runs a phase.
    ///
    /// # Errors
    /// Those of the phase.
    pub fn time<T>(&mut self, name: &str, phase: impl FnOnce() -> Result<T>) -> Result<T> {
        step(name);
        let (started, before) = (Instant::now(), used_by_children());
        let done = phase();
        let processors = used_by_children().zip(before).map(|(after, before)| after.saturating_sub(before));
        self.0.push(Phase { name: name.to_owned(), took: started.elapsed(), processors });
        done
    }
}

impl fmt::Display for Phases {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the phases, in seconds, with those of processors:")?;
        self.0.iter().try_for_each(|Phase { name, took, processors }| {
            let processors = processors.map(|used| format!("{:.1}", used.as_secs_f32())).unwrap_or_default();
            write!(f, "\n{:9.1} {processors:>9}  {name}", took.as_secs_f32())
        })
    }
}

/// The processor time of all children that have ended, and of theirs; `None` where there is no Linux to ask.
fn used_by_children() -> Option<Duration> {
    used(&fs::read_to_string("/proc/self/stat").ok()?)
}

/// `cutime` and `cstime` in a line of /proc/PID/stat (proc(5)), which are in hundredths of a second.
fn used(stat: &str) -> Option<Duration> {
    // The program's name comes second, in parentheses, and may have anything in it.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(13);
    let mut hundredths = || fields.next()?.parse::<u64>().ok();
    Some(Duration::from_millis(10 * (hundredths()? + hundredths()?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processor_time_is_read_behind_a_name_with_parentheses() {
        let stat = "42 (a) b) S 1 2 3 4 5 6 7 8 9 10 11 12 150 25 20 0";
        assert_eq!(used(stat), Some(Duration::from_millis(1_750)));
        assert_eq!(used("42 (a"), None);
    }

    #[test]
    fn phases_are_shown_with_the_time_that_they_took() {
        let phase = |processors| Phase { name: "lints".into(), took: Duration::from_millis(2_500), processors };
        let phases = Phases(vec![phase(Some(Duration::from_secs(4))), phase(None)]);
        let shown = phases.to_string();
        let lines = shown.lines().skip(1).collect::<Vec<_>>();
        assert_eq!(lines, ["      2.5       4.0  lints", "      2.5            lints"]);
    }
}
