//! What is run, and in which order.

use std::process::Command;

use super::Program;
use crate::run::started_by;

/// The programs that take longest, which begin first.
const FIRST: [&str; 4] = ["authoring", "end_to_end", "fleet", "stores"];

/// A program that is run in parts, for one test in it takes as long as the others together: what each part is called, and what the
/// harness is told. All parts together are all tests.
const IN_PARTS: (&str, [(&str, &[&str]); 3]) = (
    "authoring",
    [
        ("python", &["languages::python"]),
        ("others", &["--skip", "languages::python", "--skip", "readme::"]),
        ("readme", &["readme::"]),
    ],
);

/// They start compilers, which would take the harness's permission to time tests for their own.
const UNTIMED: [&str; 3] = ["authoring", "reprise-authoring", "xtask"];

/// Programs that mostly compute, and in which nothing comes too late.
const PATIENT: [&str; 2] = ["authoring", "corpus"];

/// What a patient job is started with, so that the processors go to the others first.
const BEHIND: [&str; 3] = ["nice", "-n", "5"];

/// A command and what it is called.
pub struct Job {
    pub(super) name: String,
    /// The name of its log, which no two jobs share.
    pub(super) file: String,
    pub(super) command: Command,
    pub(super) patient: bool,
}

impl Job {
    pub fn new(name: &str, command: Command) -> Self {
        Self { name: name.to_owned(), file: name.replace([' ', '/'], "-"), command, patient: false }
    }

    /// The same, run with what the others leave: it mostly computes, and nothing in it comes too late.
    pub fn patient(self) -> Self {
        let [program, arguments @ ..] = BEHIND;
        let mut nice = Command::new(program);
        nice.args(arguments);
        let mut command = started_by(nice, &self.command);
        if let Some(folder) = self.command.get_current_dir() {
            command.current_dir(folder);
        }
        Self { command, patient: true, ..self }
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// The same on another system, which `enter` is to bring the command to.
    pub fn elsewhere(self, system: &str, enter: impl FnOnce(&Command) -> Command) -> Self {
        let Self { name, file, command, patient } = self;
        let suffix = system.replace(' ', "-");
        let (name, file) = (format!("{name}, in {system}"), format!("{file}-{suffix}"));
        Self { name, file, command: enter(&command), patient }
    }

    /// All tests of these programs, in the order in which they are best begun, with `environment` set on each command.
    pub fn of_programs(programs: &[Program], environment: impl Fn(&mut Command)) -> Vec<Self> {
        let mut programs = programs.iter().collect::<Vec<_>>();
        programs.sort_by_key(|program| {
            let place = FIRST.iter().position(|first| *first == program.name);
            (place.unwrap_or(FIRST.len()), &program.name)
        });
        let job = |program: &Program, part: Option<(&str, &[&str])>| {
            let mut command = program.command();
            if !UNTIMED.contains(&program.name.as_str()) {
                // The harness of a stable toolchain has the times, too, for whoever insists.
                command.env("RUSTC_BOOTSTRAP", "1").args(["-Zunstable-options", "--report-time"]);
            }
            environment(&mut command);
            let (mut name, mut file) = (program.full_name(), program.unique_name());
            if let Some((part, arguments)) = part {
                command.args(arguments);
                name += &format!(", {part}");
                file += &format!("-{part}");
            }
            let job = Self { name, file, command, patient: false };
            if PATIENT.contains(&program.name.as_str()) { job.patient() } else { job }
        };
        let (in_parts, parts) = IN_PARTS;
        let jobs = programs.into_iter().flat_map(|program| {
            let parts = if program.name == in_parts { parts.map(Some).to_vec() } else { vec![None] };
            parts.into_iter().map(|part| job(program, part)).collect::<Vec<_>>()
        });
        jobs.collect()
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    #[test]
    fn what_takes_longest_begins_first() {
        let program =
            |name: &str| Program { name: name.into(), package: "a".into(), folder: PathBuf::new(), path: name.into() };
        let jobs = Job::of_programs(&["b", "stores", "a", "authoring"].map(program), |_| {});
        let names = jobs.iter().map(|job| job.name.as_str()).collect::<Vec<_>>();
        let parts = ["a authoring, python", "a authoring, others", "a authoring, readme"];
        assert_eq!(names, [&parts[..], &["a stores", "a", "a b"]].concat());
        let logs = jobs.iter().map(|job| &job.file).collect::<std::collections::BTreeSet<_>>();
        assert_eq!(logs.len(), names.len());
    }

    #[test]
    fn a_patient_job_is_the_same_command_behind_others() {
        let mut command = Command::new("sh");
        command.args(["-c", "test \"$(pwd) $A $(nice)\" = '/ b 5'"]).env("A", "b").env_remove("HOME").current_dir("/");
        let mut job = Job::new("a", command).patient();
        assert!(job.command.get_envs().any(|(name, value)| name == "HOME" && value.is_none()));
        assert!(job.patient && job.command.status().unwrap().success());
    }
}
