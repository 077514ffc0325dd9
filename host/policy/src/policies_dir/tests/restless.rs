//! Files that are written to without end. Between two looks the writer must have had its turn, so
//! these leave it half a second.

use std::sync::atomic::{AtomicBool, Ordering};

use super::*;

#[test]
fn a_file_that_never_stops_changing_is_never_loaded_and_holds_up_no_other() {
    let options = DirOptions {
        settle: Duration::from_millis(500),
        max_wait: Duration::from_millis(1500),
        poll: NEVER,
        ..DirOptions::default()
    };
    let mut watched = Watched::start(&options, &[]);
    let restless = watched.path.join("restless.wasm");
    let stop = Arc::new(AtomicBool::new(false));
    let stopped = stop.clone();
    let writer = thread::spawn(move || {
        let mut file = File::create(restless).unwrap();
        file.write_all(b"good").unwrap();
        while !stopped.load(Ordering::Relaxed) {
            file.write_all(b"+").unwrap();
            file.set_len(4096).unwrap();
            thread::yield_now();
        }
    });
    watched.wait(|event| matches!(event, PolicyEvent::Seen { file, .. } if file == "restless.wasm"));
    watched.rename_over("a.wasm", "good");
    watched.live("a", "good");
    assert_eq!(watched.record.0.lock().loaded, ["good"]);
    stop.store(true, Ordering::Relaxed);
    writer.join().unwrap();
    watched.wait(|event| matches!(event, PolicyEvent::Live { name, .. } if name == "restless"));
}

/// Appends to `path` until it is dropped.
struct Writer {
    stop: Arc<AtomicBool>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Writer {
    fn of(path: PathBuf) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let write = move || {
            let mut file = File::options().append(true).create(true).open(path).unwrap();
            while !stopped.load(Ordering::Relaxed) {
                file.write_all(b"+").unwrap();
                thread::yield_now();
            }
        };
        Self { stop, thread: Some(thread::spawn(write)) }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.take().unwrap().join().unwrap();
    }
}

#[test]
fn a_write_over_a_live_module_that_never_ends_leaves_it_live_and_holds_up_no_other() {
    let (settle, max_wait) = (Duration::from_millis(500), Duration::from_millis(1500));
    // With events, of which each write makes one, and without.
    for events in [true, false] {
        let options = DirOptions { settle, max_wait, events, ..DirOptions::default() };
        let mut watched = Watched::start(&options, &[("a.wasm", "good")]);
        let writer = Writer::of(watched.path.join("a.wasm"));
        watched.wait(|event| matches!(event, PolicyEvent::Seen { file, .. } if file == "a.wasm"));
        for round in 0..2 {
            let content = format!("good {round}");
            watched.rename_over("b.wasm", &content);
            watched.live("b", &content);
            assert_eq!(watched.chain(), ["a.wasm=good".to_string(), format!("b.wasm={content}")]);
        }
        let state = watched.dir.status().swap_remove(0).state;
        assert!(matches!(state, FileState::Settling { keeping: Some(1) }), "{state:?}");
        drop(writer);
        watched.wait(|event| matches!(event, PolicyEvent::Live { name, generation: 2, .. } if name == "a"));
    }
}

#[test]
fn a_file_that_grows_beyond_the_limit_is_rejected_while_it_still_grows() {
    let options = DirOptions { settle: Duration::from_millis(20), max_module_size: 64, ..DirOptions::default() };
    let mut watched = Watched::start(&options, &[("a.wasm", "good")]);
    let writer = Writer::of(watched.path.join("a.wasm"));
    let (reason, keeping) = watched.rejected("a.wasm");
    assert!(reason.contains("larger than 64 bytes") && keeping == Some(1), "{reason}");
    watched.after_another_look();
    assert_eq!(watched.chain(), ["a.wasm=good", "zz.wasm=good marker"]);
    let rejections = watched.seen.iter().filter(|event| matches!(event, PolicyEvent::Rejected { .. })).count();
    assert_eq!(rejections, 1, "said once, however it grows");
    drop(writer);
}
