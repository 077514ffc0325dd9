//! What `store::Disk` promises to several processes, and to one that is killed. The processes are
//! this program, run again with one of the tests that are ignored otherwise.

mod support;

use std::{
    collections::HashSet,
    env,
    fs::{self, File},
    io::{BufRead, BufReader, Lines, Write},
    mem,
    ops::Range,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    thread,
    time::Duration,
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

/// Those that are killed, and what each says once something is done.
const KILLED: [(&str, &str); 2] = [("writes_without_pause", "written"), ("takes_without_pause", "taken")];

/// What is put together.
const TOGETHER: u64 = 8;

#[test]
fn processes_killed_while_they_write_and_take_lose_nothing_damage_nothing_and_bring_nothing_back() {
    const KILLS: u64 = 200;
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    drop(open(dir));
    let start = |killed: usize| Process::running(KILLED[killed].0, dir);
    let mut processes = [start(0), start(1)];
    let (mut random, mut before, mut kills) = (1_u64, [0; 2], Words::of(dir, "kills"));
    for kill in 0..KILLS {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let turn = (kill % 2) as usize;
        // It has no pause between what it says and what it does next.
        until("nothing is done", || count(dir, KILLED[turn].1) >= before[turn] + (random >> 60));
        // The other one goes on; but now and then nobody is left, and the next one finds a file that nobody has closed.
        let killed = if kill.is_multiple_of(10) { 0..2 } else { turn..turn + 1 };
        processes[killed.clone()].iter_mut().for_each(Process::kill);
        check(dir, kill);
        before = KILLED.map(|(_, done)| count(dir, done));
        kills.say(kill);
        killed.for_each(|killed| processes[killed] = start(killed));
    }
    drop(processes);
    check(dir, KILLS);
    let (written, taken) = (said(dir, "written"), said(dir, "taken"));
    assert!(written.len() as u64 > KILLS && taken.len() as u64 > KILLS, "{} and {}", written.len(), taken.len());
    assert_eq!(taken.iter().collect::<HashSet<_>>().len(), taken.len(), "one was taken twice");
    let store = open(dir);
    let found = |number: &u64| fetch(&store, &id(*number)).is_some();
    assert!(written.iter().step_by(7).flat_map(together).filter(|number| stays(*number)).all(|number| found(&number)));
    assert!(!taken.iter().step_by(7).any(found));
}

/// Holds the file against what was said. Somebody may go on with it: what was said before the look
/// is true in it, and what is not there any more was asked for before, for whoever takes a session
/// says first that it will.
fn check(dir: &Path, kill: u64) {
    let (written, taken) = (said(dir, "written"), said(dir, "taken"));
    let connection = beside(dir);
    let there = there(&connection);
    let asked: HashSet<u64> = said(dir, "asked").into_iter().collect();
    let back: Vec<u64> = taken.into_iter().filter(|number| there.contains(number)).collect();
    assert!(back.is_empty(), "kill {kill}: {back:?} were taken and are there again");
    let lost = written.iter().flat_map(together).filter(|number| !there.contains(number) && !asked.contains(number));
    let lost: Vec<u64> = lost.collect();
    assert!(lost.is_empty(), "kill {kill}: of {} written {lost:?} are lost", TOGETHER * written.len() as u64);
    let damage: String = connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(damage, "ok", "kill {kill}");
}

/// The numbers of the sessions in the file.
fn there(connection: &Connection) -> HashSet<u64> {
    let mut ids = connection.prepare("SELECT id FROM sessions").unwrap();
    let ids = ids.query_map([], |row| row.get::<_, [u8; 32]>(0)).unwrap();
    ids.map(|id| number(&id.unwrap())).collect()
}

fn number(id: &[u8; 32]) -> u64 {
    u64::from_be_bytes(*id.last_chunk().unwrap())
}

/// The sessions that were put together.
fn together(put: &u64) -> Range<u64> {
    put * TOGETHER..(put + 1) * TOGETHER
}

/// Some of the sessions are not taken.
fn stays(number: u64) -> bool {
    number % 8 == 7
}

/// What a process says that may be killed: numbers in a file, which outlive it. Each is written
/// whole or not at all, for none lies across pages.
struct Words(File);

impl Words {
    fn of(dir: &Path, what: &str) -> Self {
        Self(File::options().append(true).create(true).open(dir.join(what)).unwrap())
    }

    fn say(&mut self, number: u64) {
        self.0.write_all(&number.to_be_bytes()).unwrap();
    }
}

/// What one of them may do until the next kill: without an end there would be more to look at after
/// each kill than after all before.
struct Leave {
    dir: PathBuf,
    at_once: u64,
    left: u64,
    kills: u64,
}

impl Leave {
    fn of(dir: &Path, at_once: u64) -> Self {
        Self { dir: dir.into(), at_once, left: at_once, kills: count(dir, "kills") }
    }

    fn wait(&mut self) {
        while self.left == 0 && self.kills == count(&self.dir, "kills") {
            thread::sleep(Duration::from_millis(1));
        }
        let kills = count(&self.dir, "kills");
        if kills != mem::replace(&mut self.kills, kills) {
            self.left = self.at_once;
        }
        self.left -= 1;
    }
}

/// How often something was said so far.
fn count(dir: &Path, what: &str) -> u64 {
    fs::metadata(dir.join(what)).map_or(0, |said| said.len() / 8)
}

/// What was said of this so far.
fn said(dir: &Path, what: &str) -> Vec<u64> {
    let said = fs::read(dir.join(what)).unwrap_or_default();
    said.chunks_exact(8).map(|number| u64::from_be_bytes(number.try_into().unwrap())).collect()
}

#[test]
#[ignore = "run by another test, in a process of its own"]
fn writes_without_pause() {
    let Some(dir) = told() else { return };
    let store = open(&dir);
    let (mut begun, mut written) = (Words::of(&dir, "begun"), Words::of(&dir, "written"));
    let mut leave = Leave::of(&dir, 20);
    // What one before may have put is not put again: it may have been taken.
    let first = said(&dir, "begun").last().map_or(0, |last| last + 1);
    for put in first.. {
        leave.wait();
        begun.say(put);
        for number in together(&put) {
            // Some take more than a page.
            let length = if number.is_multiple_of(50) { 10_000 } else { 100 };
            store.put(id(number), entry(length), 0);
        }
        if store.flush(PATIENCE) {
            written.say(put);
        }
    }
}

#[test]
#[ignore = "run by another test, in a process of its own"]
fn takes_without_pause() {
    let Some(dir) = told() else { return };
    let store = open(&dir);
    let connection = beside(&dir);
    let (mut asked, mut taken) = (Words::of(&dir, "asked"), Words::of(&dir, "taken"));
    let mut leave = Leave::of(&dir, 30 * TOGETHER);
    // Slots are hashes: from any of them on there are sessions of all ages.
    let mut some =
        connection.prepare("SELECT id FROM sessions WHERE slot >= (SELECT random()) ORDER BY slot LIMIT 8").unwrap();
    loop {
        let ids = some.query_map([], |row| row.get::<_, [u8; 32]>(0)).unwrap();
        let ids: Vec<[u8; 32]> = ids.map(Result::unwrap).collect();
        for number in ids.iter().map(number).filter(|number| !stays(*number)) {
            leave.wait();
            asked.say(number);
            let gone = if number.is_multiple_of(2) {
                fetch_with(&store, &id(number), Consume::Always, 0).is_some()
            } else {
                // None, too, where the answer takes longer than is waited for.
                store.remove(&id(number)).is_some()
            };
            if gone {
                taken.say(number);
            }
        }
    }
}

#[test]
fn of_processes_that_race_to_consume_the_same_sessions_exactly_one_finds_each() {
    // On a busy machine one may be done before the others have begun.
    let raced = (0..20).any(|_| race(4) > 1);
    assert!(raced, "nobody raced");
}

/// Has so many processes consume the same sessions, and gives how many of them found any.
fn race(processes: usize) -> usize {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    for number in 0..SESSIONS {
        store.put(id(number), Entry { single_use: number % 2 == 0, ..entry(100) }, 0);
    }
    written(&store);
    let mut processes: Vec<Process> =
        (0..processes).map(|_| Process::running("consumes_every_session", dir.path())).collect();
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
        finders += usize::from(any);
    }
    assert!(found.iter().all(|times| *times == 1), "{found:?}");
    until("sessions stay", || store.usage().sessions == 0);
    finders
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
        if fetch_with(&store, &id(number), Consume::Always, 0).is_some() {
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
    fs::write(&ballast, vec![1; 4 << 20]).unwrap();
    let store = open(&dir);
    let mut number = 0;
    let mut put = |sessions: u64| {
        for _ in 0..sessions {
            store.put(id(number), entry(1_000), 0);
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
    fs::remove_file(&ballast).unwrap();
    until("it does not recover", || {
        let last = put(1);
        fetch(&store, &id(last)).is_some()
    });
    assert!(fetch_with(&store, &id(1), Consume::Always, 0).is_some_and(|found| found.consumed));
    let check: String = beside(&dir).query_row("PRAGMA quick_check", [], |row| row.get(0)).unwrap();
    assert_eq!(check, "ok");
    say("it recovers");
}
