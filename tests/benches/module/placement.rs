//! Which core runs what.

use std::{
    fs,
    process::{Command, Stdio},
    thread,
};

/// Cores for server and agent, for the load, and for the client whose requests are timed.
#[derive(Clone, Copy)]
pub struct Placement {
    cores: Option<[usize; 3]>,
}

impl Placement {
    /// Server and agent on one core, the load on another, if there are two cores and `taskset`.
    pub fn apart() -> Self {
        let there = thread::available_parallelism().map_or(1, usize::from);
        let can = Command::new("taskset").arg("--version").stdout(Stdio::null()).status().is_ok();
        Self { cores: (can && there > 1).then_some([0, 1, if there > 2 { 2 } else { 1 }]) }
    }

    /// As the scheduler likes.
    pub fn free() -> Self {
        Self { cores: None }
    }

    /// In words.
    pub fn words(self) -> String {
        match self.cores {
            Some([server, load, _]) => {
                format!("worker and agent on core {server}, the load on core {load} (taskset)")
            }
            None => "nothing placed: cores as the scheduler likes".to_owned(),
        }
    }

    /// Places processes of the server's, with all their threads.
    pub fn serve(self, processes: &[u32]) {
        if let Some([core, ..]) = self.cores {
            processes.iter().for_each(|process| place("-apc", core, &process.to_string()));
        }
    }

    /// Places this thread, which makes the load.
    pub fn load(self) {
        self.here(1);
    }

    /// Places this thread, whose requests are timed.
    pub fn time(self) {
        self.here(2);
    }

    fn here(self, which: usize) {
        let Some(cores) = self.cores else { return };
        let thread = fs::read_link("/proc/thread-self").expect("/proc is mounted");
        let thread = thread.file_name().expect("it is PID/task/TID").to_string_lossy();
        place("-pc", cores[which], &thread);
    }
}

fn place(how: &str, core: usize, whom: &str) {
    let placed = Command::new("taskset").args([how, &core.to_string(), whom]).stdout(Stdio::null()).status();
    assert!(placed.is_ok_and(|status| status.success()), "taskset does not place {whom} on core {core}");
}
