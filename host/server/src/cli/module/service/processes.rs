//! The processes of a service, and whether they have the module in them.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cli::module) struct Process {
    pub(in crate::cli::module) number: u32,
    pub(in crate::cli::module) module: Loaded,
}

/// Whether it has the module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cli::module) enum Loaded {
    Yes,
    /// It was started with our OPENSSL_CONF, and has loaded nothing.
    Not,
    /// It was started without.
    Never,
    /// That may not be seen.
    Unknown,
}

/// The processes of this unit; where the kernel does not say which those are, of this program. One that runs many things,
/// like an interpreter, says nothing.
pub(in crate::cli::module) fn of(unit: &str, program: Option<&Path>, module: &Path, conf: &str) -> Vec<Process> {
    let all = numbers();
    let mut found: Vec<u32> = all.iter().copied().filter(|number| in_unit(*number, unit)).collect();
    if found.is_empty()
        && let Some(name) = program.and_then(name)
    {
        found = all.into_iter().filter(|number| runs(*number, name)).collect();
    }
    found.into_iter().map(|number| Process { number, module: loaded(number, module, conf) }).collect()
}

/// The name of a program as its processes have it.
pub(in crate::cli::module) fn name(program: &Path) -> Option<&str> {
    const MANY: [&str; 7] = ["python", "sh", "bash", "dash", "perl", "ruby", "node"];
    let name = program.file_name()?.to_str()?;
    match name {
        "apachectl" | "apache2ctl" => Some("apache2"),
        name if MANY.contains(&name.trim_end_matches(|end: char| end.is_ascii_digit() || end == '.')) => None,
        name => Some(name),
    }
}

fn numbers() -> Vec<u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let mut numbers: Vec<u32> =
        entries.filter_map(|entry| entry.file_name().to_str().and_then(|name| name.parse().ok())).collect();
    numbers.sort_unstable();
    numbers
}

fn file(number: u32, name: &str) -> PathBuf {
    format!("/proc/{number}/{name}").into()
}

fn in_unit(number: u32, unit: &str) -> bool {
    let groups = fs::read_to_string(file(number, "cgroup")).unwrap_or_default();
    groups.lines().any(|line| line.split('/').any(|part| part == unit))
}

fn runs(number: u32, name: &str) -> bool {
    let Ok(program) = fs::read_link(file(number, "exe")) else { return false };
    let found = program.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    // A package that was upgraded has replaced it.
    found.strip_suffix(" (deleted)").unwrap_or(found) == name
}

fn loaded(number: u32, module: &Path, conf: &str) -> Loaded {
    let Ok(maps) = fs::read_to_string(file(number, "maps")) else { return Loaded::Unknown };
    let module = module.to_string_lossy();
    if maps.lines().any(|line| line.trim_end_matches(" (deleted)").ends_with(&*module)) {
        return Loaded::Yes;
    }
    // nginx writes its title over it: what it says is true, what it does not say may be so all the same.
    let environment = fs::read(file(number, "environ")).unwrap_or_default();
    let ours = format!("OPENSSL_CONF={conf}");
    if environment.split(|byte| *byte == 0).any(|variable| variable == ours.as_bytes()) {
        return Loaded::Not;
    }
    Loaded::Never
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn a_process_is_known_by_its_program_and_what_it_has_loaded() {
        // It ends when this test does, however that goes.
        let mut child = Command::new("cat")
            .env("OPENSSL_CONF", "/etc/reprise/reads.cnf")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let number = child.id();
        let of = |conf| {
            let all = of("no-such.service", Some("/bin/cat".as_ref()), Path::new("/none.so"), conf);
            all.into_iter().find(|process| process.number == number).map(|process| process.module)
        };
        // It is seen before it has begun.
        while of("/etc/reprise/reads.cnf") != Some(Loaded::Not) {
            assert!(child.try_wait().unwrap().is_none());
            std::thread::yield_now();
        }
        assert_eq!(of("/etc/reprise/x.cnf"), Some(Loaded::Never));
        drop(child.stdin.take());
        child.wait().unwrap();
        let own = std::env::current_exe().unwrap();
        assert_eq!(loaded(std::process::id(), &own, "/x"), Loaded::Yes);
    }

    #[test]
    fn what_runs_many_things_is_no_name() {
        let name = |program: &str| name(Path::new(program)).map(str::to_owned);
        assert_eq!(name("/usr/sbin/apachectl").unwrap(), "apache2");
        assert_eq!(name("/usr/sbin/nginx").unwrap(), "nginx");
        assert_eq!([name("/usr/bin/python3.11"), name("/bin/sh")], [None, None]);
    }
}
