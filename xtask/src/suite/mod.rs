//! The programs that Cargo builds of the tests, run several at a time: one that waits leaves the cores
//! to another. Each prints its output in one piece when it ends.
//!
//! # Layout
//!
//! - `programs`: building and listing them
//! - `times`: how long each test took, read from what a program prints

mod programs;
mod times;

use std::{
    collections::VecDeque,
    fs::{self, File},
    path::Path,
    process::{Command, Stdio},
    sync::Mutex,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

pub use self::programs::{Program, built};
use self::times::Times;
use crate::run::step;

/// How many run at once. Most of their time they wait: for processes, for servers, for deadlines.
const AT_ONCE: usize = 2;

/// Those that take longest begin first.
const FIRST: [&str; 4] = ["end_to_end", "authoring", "fleet", "stores"];

/// They start compilers, which would take the harness's permission to time tests for their own.
const UNTIMED: [&str; 3] = ["authoring", "reprise-authoring", "xtask"];

/// How many of the slowest tests are shown.
const SLOWEST: usize = 20;

/// Runs the programs, with `environment` set by the caller on each command.
///
/// # Errors
/// Some failed; their names.
pub fn run(programs: &[Program], logs: &Path, environment: impl Fn(&mut Command) + Sync) -> Result<()> {
    fs::create_dir_all(logs).with_context(|| format!("{} could not be made", logs.display()))?;
    let mut programs = programs.to_vec();
    programs.sort_by_key(|program| {
        let place = FIRST.iter().position(|first| *first == program.name);
        (place.unwrap_or(FIRST.len()), program.name.clone())
    });
    let (queue, report) = (Mutex::new(VecDeque::from(programs)), Mutex::new(Report::default()));
    let next = || queue.lock().ok()?.pop_front();
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(program) = next() {
                    let run = Run::of(&program, logs, &environment);
                    if let Ok(mut report) = report.lock() {
                        report.add(&program, run);
                    }
                }
            });
        }
    });
    report.into_inner().map_err(|_| anyhow::anyhow!("a thread that ran tests panicked"))?.end()
}

/// What became of one program.
struct Run {
    succeeded: bool,
    output: String,
    took: Duration,
}

impl Run {
    fn of(program: &Program, logs: &Path, environment: impl Fn(&mut Command)) -> Self {
        let started = Instant::now();
        let log = logs.join(format!("{}.log", program.unique_name()));
        let ended = (|| -> Result<bool> {
            let output = File::create(&log).with_context(|| format!("{} could not be made", log.display()))?;
            let mut command = program.command();
            command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
            if !UNTIMED.contains(&program.name.as_str()) {
                // The harness of a stable toolchain has the times, too, for whoever insists.
                command.env("RUSTC_BOOTSTRAP", "1").args(["-Zunstable-options", "--report-time"]);
            }
            environment(&mut command);
            Ok(command.status().with_context(|| format!("{} could not be started", program.path.display()))?.success())
        })();
        let output = fs::read(&log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
        match ended {
            Ok(succeeded) => Self { succeeded, output, took: started.elapsed() },
            Err(error) => Self { succeeded: false, output: format!("{output}{error:#}\n"), took: started.elapsed() },
        }
    }
}

#[derive(Default)]
struct Report {
    failed: Vec<String>,
    times: Times,
}

impl Report {
    fn add(&mut self, program: &Program, Run { succeeded, output, took }: Run) {
        step(&format!(
            "{}, {:.1} s{}",
            program.full_name(),
            took.as_secs_f32(),
            if succeeded { "" } else { ": FAILED" }
        ));
        eprint!("{output}");
        self.times.add(program, took, &output);
        if !succeeded {
            self.failed.push(program.full_name());
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
