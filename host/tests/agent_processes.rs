//! An agent with thousands of processes connected. In a program of its own, for it looks at all of its memory.

use std::{fs, process::Command, sync::Arc, time::Duration};

use reprise::{
    Host,
    agent::{Agent, Options},
};
use reprise_tests::until;
use reprise_wire::{
    greeting::Greeting,
    socket::{Inbox, Line},
};

/// As many as 20,000 descriptors are enough for, which many systems give a process: two lines of each, at both ends.
const PROCESSES: usize = 4_000;

/// What the agent may keep for one of them, in bytes: 40 MB for ten thousand.
const MOST: usize = 4_096;

/// Bytes of memory that are this process's (proc(5), `statm`).
fn resident() -> usize {
    let statm = fs::read_to_string("/proc/self/statm").unwrap();
    statm.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() * 4_096
}

#[test]
fn thousands_of_processes_take_little_memory_each() {
    let files = format!("--nofile={}:", 5 * PROCESSES);
    let raised = Command::new("prlimit").args(["--pid", &std::process::id().to_string(), &files]).status().unwrap();
    assert!(raised.success(), "the system gives a process fewer than {} descriptors", 5 * PROCESSES);
    let (host, folder) = (Arc::new(Host::builder().build().unwrap()), tempfile::tempdir().unwrap());
    let socket = folder.path().join("agent.sock");
    let agent = Agent::start(&host, Options { socket: socket.clone(), ..Options::default() }).unwrap();
    let mut inbox = Inbox::new();
    let mut lines = Vec::with_capacity(2 * PROCESSES);
    let mut connect = |process: usize| {
        for quiet in [false, true] {
            let line = Line::connect(&socket, Duration::from_secs(60)).unwrap();
            let greeting = Greeting { process: process.try_into().unwrap(), ..Greeting::new("nginx", 1, quiet) };
            line.send(&greeting.encode()).unwrap();
            lines.push(line);
        }
        assert!(lines[lines.len() - 2].receive(&mut inbox).unwrap());
    };
    (1..=100).for_each(&mut connect);
    let before = resident();
    (101..=PROCESSES).for_each(&mut connect);
    let grown = resident().saturating_sub(before);
    assert_eq!(agent.processes().len(), PROCESSES);
    assert!(grown < PROCESSES * MOST, "{} bytes for each", grown / PROCESSES);
    drop(lines);
    until("all of them are seen to be gone", || agent.processes().is_empty());
}
