//! Jobs, several at a time: one that waits leaves the cores to another. Most are the programs that Cargo
//! builds of the tests. Each prints its output in one piece when it ends.
//!
//! # Layout
//!
//! - `job`: what is run
//! - `programs`: building and listing the programs with the tests
//! - `times`: how long each test took, read from what a program prints

mod job;
mod programs;
mod times;

use std::{
    fs::{self, File},
    path::Path,
    process::Stdio,
    sync::Mutex,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

use self::times::Times;
pub use self::{
    job::Job,
    programs::{Program, built},
};
use crate::run::step;

/// How many run at once. Much of their time most wait: for processes, for servers, for deadlines. With three, tests that have
/// a machine of two cores to themselves otherwise came too late.
const AT_ONCE: usize = 2;

/// How many patient ones run beside them, in the time that they wait.
const BESIDE: usize = 1;

/// How many of the slowest tests are shown.
const SLOWEST: usize = 20;

/// Runs the jobs in their order, the patient ones beside the others and, when those have all begun, in their place.
///
/// # Errors
/// Some failed; their names.
pub fn run(jobs: Vec<Job>, logs: &Path) -> Result<()> {
    fs::create_dir_all(logs).with_context(|| format!("{} could not be made", logs.display()))?;
    let (patient, others) = jobs.into_iter().partition::<Vec<_>, _>(|job| job.patient);
    let (patient, others) = (Mutex::new(patient.into_iter()), Mutex::new(others.into_iter()));
    let report = Mutex::new(Report::default());
    let run = |mut job: Job| {
        let done = Done::of(&mut job, logs);
        if let Ok(mut report) = report.lock() {
            report.add(job.name, done);
        }
    };
    let behind = || std::iter::from_fn(|| patient.lock().ok()?.next());
    let before = || std::iter::from_fn(|| others.lock().ok()?.next());
    thread::scope(|scope| {
        (0..AT_ONCE).for_each(|_| drop(scope.spawn(|| before().chain(behind()).for_each(run))));
        (0..BESIDE).for_each(|_| drop(scope.spawn(|| behind().for_each(run))));
    });
    report.into_inner().map_err(|_| anyhow::anyhow!("a thread that ran tests panicked"))?.end()
}

/// Runs one job, while others print.
///
/// # Errors
/// It failed.
pub fn run_beside(mut job: Job, logs: &Path) -> Result<()> {
    fs::create_dir_all(logs).with_context(|| format!("{} could not be made", logs.display()))?;
    let done = Done::of(&mut job, logs);
    done.show(&job.name);
    if !done.succeeded {
        bail!("{} failed: its output is above", job.name);
    }
    Ok(())
}

/// What became of a job.
struct Done {
    succeeded: bool,
    output: String,
    took: Duration,
}

impl Done {
    fn of(job: &mut Job, logs: &Path) -> Self {
        let started = Instant::now();
        let log = logs.join(format!("{}.log", job.file));
        let ended = (|| -> Result<bool> {
            let output = File::create(&log).with_context(|| format!("{} could not be made", log.display()))?;
            job.command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
            Ok(job.command.status().with_context(|| format!("{} could not be started", job.name))?.success())
        })();
        let output = fs::read(&log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
        match ended {
            Ok(succeeded) => Self { succeeded, output, took: started.elapsed() },
            Err(error) => Self { succeeded: false, output: format!("{output}{error:#}\n"), took: started.elapsed() },
        }
    }

    fn show(&self, name: &str) {
        let Self { succeeded, output, took } = self;
        step(&format!("{name}, {:.1} s{}", took.as_secs_f32(), if *succeeded { "" } else { ": FAILED" }));
        eprint!("{output}");
    }
}

#[derive(Default)]
struct Report {
    failed: Vec<String>,
    times: Times,
}

impl Report {
    fn add(&mut self, name: String, done: Done) {
        done.show(&name);
        self.times.add(&name, done.took, &done.output);
        if !done.succeeded {
            self.failed.push(name);
        }
    }

    fn end(self) -> Result<()> {
        eprintln!("\n{}", self.times.slowest(SLOWEST));
        if !self.failed.is_empty() {
            bail!("tests failed in {}: their output is above", self.failed.join(", "));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    fn shell(name: &str, line: &str) -> Job {
        let mut command = Command::new("sh");
        command.args(["-c", line]);
        Job::new(name, command)
    }

    #[test]
    fn those_that_fail_are_named_and_the_others_run() {
        let logs = std::env::temp_dir().join(format!("xtask-suite-{}", std::process::id()));
        let jobs = vec![shell("one", "exit 3"), shell("two", "echo well"), shell("no such", "no-such-program-here")];
        let error = run(jobs, &logs).unwrap_err().to_string();
        assert!(error.contains("one") && error.contains("no such") && !error.contains("two"), "{error}");
        assert_eq!(fs::read_to_string(logs.join("two.log")).unwrap(), "well\n");
        fs::remove_dir_all(&logs).unwrap();
    }
}
