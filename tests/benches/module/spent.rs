//! Processor time of other processes, to the nanosecond: /proc/PID/task/TID/schedstat.

use std::{collections::HashMap, fs, path::PathBuf};

/// What each thread of some processes has spent so far, in nanoseconds.
pub struct Spent(HashMap<PathBuf, u64>);

impl Spent {
    /// So far.
    pub fn by(processes: &[u32]) -> Self {
        let threads = processes.iter().flat_map(|process| fs::read_dir(format!("/proc/{process}/task")));
        // A thread may end between two looks.
        Self(threads.flatten().flatten().filter_map(|thread| Some((thread.path(), of(thread.path())?))).collect())
    }

    /// Microseconds that all together have spent since.
    pub fn since(&self, before: &Self) -> f64 {
        let spent = |(thread, now): (&PathBuf, &u64)| now.saturating_sub(before.0.get(thread).copied().unwrap_or(0));
        self.0.iter().map(spent).sum::<u64>() as f64 / 1e3
    }
}

fn of(thread: PathBuf) -> Option<u64> {
    fs::read_to_string(thread.join("schedstat")).ok()?.split_whitespace().next()?.parse().ok()
}
