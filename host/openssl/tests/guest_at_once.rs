//! Threads that hook the first contexts of a process at once: none takes what another looks at for the program's.

mod guests;

use std::{
    process::Command,
    sync::{Arc, Barrier},
    thread,
};

use openssl::ssl::SslVersion;

use guests::{server, visit};

/// Each has its first contexts once.
const PROCESSES: usize = 24;

const THREADS: usize = 6;

/// Set in those.
const PROCESS: &str = "REPRISE_TESTS_FIRST_CONTEXTS";

#[test]
fn the_first_contexts_of_threads_are_hooked() {
    if std::env::var_os(PROCESS).is_some() {
        return first_contexts();
    }
    let this = std::env::current_exe().unwrap();
    for number in 0..PROCESSES {
        let mut command = Command::new(&this);
        let done =
            command.args(["--exact", "the_first_contexts_of_threads_are_hooked"]).env(PROCESS, "1").output().unwrap();
        assert!(done.status.success(), "process {number}: {}", String::from_utf8_lossy(&done.stdout));
    }
}

fn first_contexts() {
    let barrier = Arc::new(Barrier::new(THREADS));
    let threads = (0..THREADS).map(|number| {
        let barrier = barrier.clone();
        thread::spawn(move || {
            let name = format!("{number}.example");
            let server = server(&name, |_| {});
            barrier.wait();
            visit(&server, SslVersion::TLS1_2, &name, None).unwrap();
            (server, name)
        })
    });
    let threads: Vec<_> = threads.collect();
    for (server, name) in threads.into_iter().map(|thread| thread.join().unwrap()) {
        let session = visit(&server, SslVersion::TLS1_2, &name, None).unwrap().session;
        let again = visit(&server, SslVersion::TLS1_2, &name, Some(&session)).unwrap();
        let id = again.session;
        assert!(again.reused && keeps(&id), "{name} was left alone");
    }
}

/// Whether it is not the program that resumes it.
fn keeps(session: &[u8]) -> bool {
    use reprise_openssl::Handler;
    guests::KEEPS.recognises(openssl::ssl::SslSession::from_der(session).unwrap().id())
}
