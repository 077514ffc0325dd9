//! What `store::Disk` promises to several processes, and to one that is killed. The processes are this program, run again with
//! one of the tests that are ignored otherwise.

mod support;

use std::{
    collections::HashSet,
    env,
    io::{BufRead, BufReader, Lines, Write},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use reprise::store::{Consume, Entry, Store};
use rusqlite::Connection;
use support::{
    disk::*,
    store::{entry, id},
};

/// Where the child finds the store.
const DIR: &str = "REPRISE_TEST_STORE";

/// Begins what a child says; the test harness says things too.
const SAYS: &str = "child: ";

/// Another process of this program. It is killed when dropped.
struct Process {
    child: Child,
    says: Lines<BufReader<ChildStdout>>,
    hears: ChildStdin,
}

impl Process {
    fn running(test: &str, dir: &Path) -> Self {
        Self::of(Command::new(env::current_exe().unwrap()), test, dir)
    }

    fn of(mut program: Command, test: &str, dir: &Path) -> Self {
        program.args(["--exact", test, "--ignored", "--nocapture"]).env(DIR, dir);
        let mut child = program.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let says = BufReader::new(child.stdout.take().unwrap()).lines();
        let hears = child.stdin.take().unwrap();
        Self { child, says, hears }
    }

    /// What it says next; none if it has ended.
    fn says(&mut self) -> Option<String> {
        self.says.by_ref().map_while(Result::ok).find_map(|line| {
            // The harness's own words may stand before it, without a line of their own.
            line.split_once(SAYS).map(|(_, said)| said.to_owned())
        })
    }

    fn tell(&mut self) {
        self.hears.write_all(b"\n").unwrap();
    }

    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill(); // It may have ended by itself.
        let _ = self.child.wait();
    }
}

/// In a child: what the parent told it.
fn told() -> Option<PathBuf> {
    env::var_os(DIR).map(PathBuf::from)
}

fn say(what: impl std::fmt::Display) {
    println!("{SAYS}{what}");
}

/// Waits for the parent's word.
fn listen() {
    std::io::stdin().lock().read_line(&mut String::new()).unwrap();
}

#[test]
fn a_process_killed_while_it_writes_loses_nothing_that_was_written_and_damages_nothing() {
    const KILLS: u64 = 200;
    let dir = tempfile::tempdir().unwrap();
    let (mut random, mut next) = (1_u64, 0);
    drop(open(dir.path()));
    for kill in 0..KILLS {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let mut process = Process::running("writes_without_pause", dir.path());
        // The child has no pause between what it says and the next write.
        for _ in 0..random >> 60 {
            next = next.max(process.says().unwrap().parse().unwrap());
        }
        process.kill();
        // What it had said by then, too.
        while let Some(said) = process.says() {
            next = next.max(said.parse().unwrap());
        }

        let connection = beside(dir.path());
        let check: String = connection.query_row("PRAGMA quick_check", [], |row| row.get(0)).unwrap();
        assert_eq!(check, "ok", "kill {kill}");
        let there = there(&connection);
        let lost: Vec<u64> = (0..next).filter(|number| !there.contains(number)).collect();
        assert!(lost.is_empty(), "kill {kill}: of {next} written {lost:?} are lost");
    }
    let store = open(dir.path());
    assert!(next > KILLS, "{next} were written");
    assert!((0..next).step_by(97).all(|number| fetch(&store, &id(number)).is_some()));
}

/// The numbers of the sessions in the file.
fn there(connection: &Connection) -> HashSet<u64> {
    let mut ids = connection.prepare("SELECT id FROM sessions").unwrap();
    let ids = ids.query_map([], |row| row.get::<_, [u8; 32]>(0)).unwrap();
    ids.map(|id| u64::from_be_bytes(*id.unwrap().last_chunk().unwrap())).collect()
}

#[test]
#[ignore = "run by another test, in a process of its own"]
fn writes_without_pause() {
    let Some(dir) = told() else { return };
    let store = open(&dir);
    let mut number = store.usage().sessions;
    loop {
        for _ in 0..8 {
            // Some take more than a page.
            let length = if number.is_multiple_of(50) { 10_000 } else { 100 };
            store.put(id(number), entry(length), 0);
            number += 1;
        }
        if store.flush(PATIENCE) {
            say(number);
        }
    }
}

#[test]
fn of_processes_that_race_to_consume_the_same_sessions_exactly_one_finds_each() {
    const PROCESSES: usize = 4;
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    for number in 0..SESSIONS {
        store.put(id(number), Entry { single_use: number % 2 == 0, ..entry(100) }, 0);
    }
    written(&store);
    let mut processes: Vec<Process> =
        (0..PROCESSES).map(|_| Process::running("consumes_every_session", dir.path())).collect();
    for process in &mut processes {
        assert_eq!(process.says().as_deref(), Some("ready"));
    }
    processes.iter_mut().for_each(Process::tell);
    let mut found = vec![0; SESSIONS as usize];
    let mut finders = 0;
    for process in &mut processes {
        let mut any = false;
        while let Some(said) = process.says().filter(|said| said != "done") {
            found[said.parse::<usize>().unwrap()] += 1;
            any = true;
        }
        finders += u32::from(any);
    }
    assert!(found.iter().all(|times| *times == 1), "{found:?}");
    assert!(finders > 1, "nobody raced");
    until("sessions stay", || store.usage().sessions == 0);
}

const SESSIONS: u64 = 1_000;

#[test]
#[ignore = "run by another test, in a process of its own"]
fn consumes_every_session() {
    let Some(dir) = told() else { return };
    let store = open(&dir);
    say("ready");
    listen();
    for number in 0..SESSIONS {
        let consume = if number % 2 == 0 { Consume::IfSingleUse } else { Consume::Always };
        if fetch_with(&store, &id(number), consume, 0).is_some() {
            say(number);
        }
    }
    say("done");
}

/// It takes a file system of one's own, and is left out by `REPRISE_WITHOUT_MOUNTS=1` alone.
#[test]
fn a_full_disk_drops_puts_and_answers_fetches_and_once_there_is_room_takes_puts_again() {
    let dir = tempfile::tempdir().unwrap();
    let Some(mut program) = on_a_small_disk(dir.path()) else { return };
    program.arg(env::current_exe().unwrap());
    let mut process = Process::of(program, "fills_the_disk", dir.path());
    assert_eq!(process.says().as_deref(), Some("it recovers"));
}

#[test]
#[ignore = "run by another test, in a process of its own"]
fn fills_the_disk() {
    let Some(dir) = told() else { return };
    let ballast = dir.join("ballast");
    std::fs::write(&ballast, vec![1; 4 << 20]).unwrap();
    let store = open(&dir);
    let mut number = 0;
    let mut put = |sessions: u64| {
        for _ in 0..sessions {
            store.put(id(number), Entry { single_use: number == 1, ..entry(1_000) }, 0);
            number += 1;
        }
        written(&store);
        number - 1
    };
    // Some are dropped before the disk is full of sessions, while the log is.
    while store.usage().dropped < 10_000 {
        assert!(put(100) < 100_000, "the disk does not fill");
    }
    assert!(fetch(&store, &id(0)).is_some(), "a full disk answers");
    std::fs::remove_file(&ballast).unwrap();
    until("it does not recover", || {
        let last = put(1);
        fetch(&store, &id(last)).is_some()
    });
    assert!(fetch(&store, &id(1)).is_some_and(|found| found.consumed));
    let check: String = beside(&dir).query_row("PRAGMA quick_check", [], |row| row.get(0)).unwrap();
    assert_eq!(check, "ok");
    say("it recovers");
}
