//! A store on disk, and what a test asks of it.

use std::{
    future::Future,
    path::Path,
    process::{Command, Stdio},
    sync::{Arc, Mutex},
    time::Duration,
};

use reprise::{
    session::SessionId,
    store::{
        Answer, Consume, Disk, DiskOptions, Fetch, Found, InvalidationObserver, KnownBy, Notice, Published, Removed,
        Store,
    },
};
use rusqlite::Connection;

/// Longer than anything takes, on the busiest machine.
pub const PATIENCE: Duration = Duration::from_secs(60);

pub fn open(dir: &Path) -> Disk {
    Disk::open(dir, DiskOptions::default()).unwrap()
}

/// A connection beside the store's, to see or do what the store would not.
pub fn beside(dir: &Path) -> Connection {
    Connection::open(dir.join("sessions.sqlite")).unwrap()
}

pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

/// The answer, whatever time the store takes.
pub fn ask(store: &Disk, id: &SessionId, consume: Consume, now: u64) -> Answer {
    match store.fetch(id, consume, now) {
        Fetch::Ready(answer) => answer,
        Fetch::Pending(answer) => block_on(answer),
    }
}

/// What is found; a store whose file others write to for long is asked again.
pub fn fetch_with(store: &Disk, id: &SessionId, consume: Consume, now: u64) -> Option<Found> {
    loop {
        if let Ok(found) = ask(store, id, consume, now) {
            return found;
        }
    }
}

pub fn fetch(store: &Disk, id: &SessionId) -> Option<Found> {
    fetch_with(store, id, Consume::Never, 0)
}

/// Waits until what was put is written.
pub fn written(store: &Disk) {
    assert!(store.flush(PATIENCE), "the store does not write");
}

/// What its observer is told.
pub fn removals(store: &Disk) -> Arc<Mutex<Vec<Removed>>> {
    let told = Arc::new(Mutex::new(Vec::new()));
    let tell = told.clone();
    store.observe_removals(Arc::new(move |removed| tell.lock().unwrap().push(removed)));
    told
}

/// The notices that the store's observer was told of last.
pub fn notices(store: &Disk) -> Arc<Mutex<Vec<Notice>>> {
    let told = Arc::new(Mutex::new(Vec::new()));
    let tell = told.clone();
    store.observe_notices(Arc::new(move |notices| *tell.lock().unwrap() = notices));
    told
}

/// What the store says is gone elsewhere, as it comes.
pub fn invalidations(store: &Disk) -> std::sync::mpsc::Receiver<SessionId> {
    let (tell, told) = std::sync::mpsc::channel();
    let observer: InvalidationObserver = Arc::new(move |id| {
        let _ = tell.send(*id); // Nobody listens any more.
    });
    store.observe_invalidations(observer);
    told
}

pub fn notice(byte: u8, expires: u64) -> Notice {
    Notice { bytes: vec![byte], expires }
}

/// Publishes a notice, and says who knew.
pub fn publish(store: &Disk, notice: Notice, wait: Duration) -> Vec<KnownBy> {
    let Published { nodes } = block_on(store.publish(notice, wait).unwrap()).unwrap();
    nodes
}

/// Set to 1, it leaves out what takes a file system of its own.
const WITHOUT: &str = "REPRISE_WITHOUT_MOUNTS";

/// What `unshare` is told: root may need no more, and others are root in a namespace of their own.
const NAMESPACES: [&[&str]; 2] = [&["--mount"], &["--user", "--map-root-user", "--mount"]];

/// Runs its arguments where `dir` is a file system of eight MiB, which nobody else sees; none where
/// `REPRISE_WITHOUT_MOUNTS=1` leaves it out.
pub fn on_a_small_disk(dir: &Path) -> Option<Command> {
    if std::env::var_os(WITHOUT).is_some_and(|without| without == "1") {
        eprintln!("left out by {WITHOUT}=1: what takes a file system of its own");
        return None;
    }
    let unshared = |namespaces: &[&str]| {
        let mount = "mount -t tmpfs -o size=8m,mode=700 tmpfs \"$0\" && exec \"$@\"";
        let mut unshared = Command::new("unshare");
        unshared.args(namespaces).args(["sh", "-c", mount]).arg(dir);
        unshared
    };
    let allowed = |namespaces: &&[&str]| {
        let tried = unshared(namespaces).arg("true").stderr(Stdio::null()).status();
        tried.is_ok_and(|tried| tried.success())
    };
    let namespaces = NAMESPACES.into_iter().find(allowed).unwrap_or_else(|| {
        panic!(
            "a file system of one's own is missing: neither `unshare --mount` nor `unshare --user --map-root-user --mount` may mount a \
             tmpfs here; run as root with CAP_SYS_ADMIN, allow user namespaces, or leave this test out with {WITHOUT}=1"
        )
    });
    Some(unshared(namespaces))
}

/// Does it again until it holds.
pub fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = std::time::Instant::now() + PATIENCE;
    while !holds() {
        assert!(std::time::Instant::now() < deadline, "{what}");
        std::thread::yield_now();
    }
}
