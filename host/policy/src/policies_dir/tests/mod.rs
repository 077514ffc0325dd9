//! A directory with a simple loader behind it, which takes what begins with `good`.

mod living;
mod loading;
mod rejecting;
mod replacing;
mod restless;
mod starting;
mod supervision;
mod volumes;
mod wishes;

use std::{
    fs::{self, File},
    io::Write,
    os::unix::fs::symlink,
    path::PathBuf,
    sync::{
        atomic::{AtomicBool, Ordering::Relaxed},
        mpsc::Receiver,
    },
    thread,
    time::{Duration, SystemTime},
};

use openssl::sha::sha256;
use reprise_session::lock::{Condvar, Mutex};
use tempfile::TempDir;

use super::{
    loader::{Candidate, Vitals},
    *,
};
use crate::policy::{Alarm, Mode, PolicyStatus, ShadowCounts, SupervisionOptions, WindowCounts};

/// Far beyond what any step takes. Reached only by a test that fails.
const PATIENCE: Duration = Duration::from_secs(30);
const NEVER: Duration = Duration::from_secs(3600);

/// Loads what begins with `good`, unless the manifest is `bad`; keeps a record.
#[derive(Clone, Default)]
struct Record(Arc<Mutex<Recorded>>, Arc<Gate>);

/// What holds up the loading of what has `slow` in it.
#[derive(Default)]
struct Gate {
    open: Mutex<bool>,
    opened: Condvar,
}

impl Gate {
    fn open(&self) {
        *self.open.lock() = true;
        self.opened.notify_all();
    }

    fn pass(&self) {
        drop(self.opened.wait_while(self.open.lock(), |open| !*open));
    }
}

#[derive(Default)]
struct Recorded {
    loaded: Vec<String>,
    /// Each chain that was put in force, as `file=content`.
    chains: Vec<Vec<String>>,
    policies: Vec<Arc<Simple>>,
    missing: Vec<Arc<str>>,
    retired: usize,
    /// Each policy that was to be taken back, as `content`.
    taken_back: Vec<String>,
    set_aside: Vec<String>,
    alarm: Option<Alarm>,
}

/// A policy whose content says how it is: `shadow` somewhere in it, and it is in shadow mode.
#[derive(Default)]
struct Simple {
    file: String,
    content: String,
    misbehaves: AtomicBool,
    does_not_start: AtomicBool,
}

impl Simple {
    fn misbehave(&self) {
        self.misbehaves.store(true, Relaxed);
    }
}

impl Vitals for Simple {
    fn mode(&self) -> Mode {
        if self.content.contains("shadow") { Mode::Shadow } else { Mode::Enforce }
    }

    fn share(&self) -> u8 {
        100
    }

    fn window(&self) -> WindowCounts {
        WindowCounts::default()
    }

    fn status(&self) -> PolicyStatus {
        PolicyStatus::default()
    }

    fn shadow_counts(&self) -> ShadowCounts {
        ShadowCounts::default()
    }
}

impl Loader for Record {
    type Policy = Simple;

    fn load(&self, candidate: &Candidate) -> Result<Arc<Simple>, String> {
        let content = String::from_utf8_lossy(&candidate.module).into_owned();
        self.0.lock().loaded.push(content.clone());
        if content.contains("slow") {
            self.1.pass();
        }
        match (&candidate.manifest, content.as_str()) {
            (Some(manifest), _) if manifest == "bad" => Err("bad manifest".into()),
            (_, "panic") => panic!("as the test asks for"),
            (_, good) if good.starts_with("good") => {
                Ok(Arc::new(Simple { file: candidate.file.clone(), content, ..Simple::default() }))
            }
            _ => Err("not good".into()),
        }
    }

    fn put_in_force(&self, policies: Vec<Arc<Simple>>, missing: Vec<Arc<str>>) {
        assert!(!policies.iter().any(|policy| policy.content.contains("fatal")), "as the test asks for");
        let mut record = self.0.lock();
        record.chains.push(policies.iter().map(|policy| format!("{}={}", policy.file, policy.content)).collect());
        record.policies = policies;
        record.missing = missing;
    }

    fn retire(&self, _: &Arc<Simple>) {
        self.0.lock().retired += 1;
    }

    fn supervision(&self) -> SupervisionOptions {
        SupervisionOptions::default()
    }

    fn supervise(&self, _: &Arc<Simple>, alarm: Alarm) {
        self.0.lock().alarm = Some(alarm);
    }

    fn misbehaviour(&self, policy: &Arc<Simple>) -> Option<String> {
        policy.misbehaves.load(Relaxed).then(|| "as the test asks for".into())
    }

    fn set_aside(&self, policy: &Arc<Simple>) {
        self.0.lock().set_aside.push(policy.content.clone());
    }

    fn take_back(&self, policy: &Arc<Simple>) -> Result<(), String> {
        self.0.lock().taken_back.push(policy.content.clone());
        if policy.does_not_start.load(Relaxed) {
            return Err("does not start".into());
        }
        policy.misbehaves.store(false, Relaxed);
        Ok(())
    }

    fn stands_in_for(&self, former: &Arc<Simple>, live: &Arc<Simple>) -> bool {
        former.mode() == Mode::Enforce && live.mode() == Mode::Enforce
    }
}

/// A directory that is watched.
struct Watched {
    root: TempDir,
    path: PathBuf,
    record: Record,
    dir: PoliciesDir,
    events: Receiver<PolicyEvent>,
    seen: Vec<PolicyEvent>,
}

impl Watched {
    fn start(options: &DirOptions, files: &[(&str, &str)]) -> Self {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("policies");
        fs::create_dir(&path).unwrap();
        for (file, content) in files {
            fs::write(path.join(file), content).unwrap();
        }
        let record = Record::default();
        let dir = PoliciesDir::start_with(&path, record.clone(), options.clone()).unwrap();
        let events = dir.subscribe();
        Self { root, path, record, dir, events, seen: Vec::new() }
    }

    /// From now on it is another process's. What that one's thread has, which a child could not reach.
    fn as_a_forked_child_finds_it(&mut self) -> Arc<Shared> {
        let running = self.dir.running.take().and_then(PerProcess::into_inner).unwrap();
        let shared = running.shared.clone();
        self.dir.running = Some(PerProcess::of_a_parent(running));
        shared
    }

    /// Replaces a file in one step.
    fn rename_over(&self, file: &str, content: &str) {
        let beside = self.root.path().join(file);
        fs::write(&beside, content).unwrap();
        fs::rename(beside, self.path.join(file)).unwrap();
    }

    fn wait(&mut self, what: impl Fn(&PolicyEvent) -> bool) -> PolicyEvent {
        loop {
            let event = self.events.recv_timeout(PATIENCE).unwrap_or_else(|_| {
                panic!("not told in time; seen {:#?}, status {:#?}", self.seen, self.dir.status());
            });
            self.seen.push(event.clone());
            if what(&event) {
                return event;
            }
        }
    }

    /// Waits until this content of the policy `name` is live; returns its generation.
    fn live(&mut self, name: &str, content: &str) -> u64 {
        let module: [u8; 32] = sha256(content.as_ref());
        match self.wait(|e| matches!(e, PolicyEvent::Live { name: n, hash, .. } if n == name && hash.module == module))
        {
            PolicyEvent::Live { generation, .. } => generation,
            other => unreachable!("{other:?}"),
        }
    }

    /// Waits until the module in `file` is rejected; returns the reason and the generation that stays.
    fn rejected(&mut self, file: &str) -> (String, Option<u64>) {
        match self.wait(|event| matches!(event, PolicyEvent::Rejected { file: f, .. } if f == file)) {
            PolicyEvent::Rejected { reason, keeping, .. } => (reason, keeping),
            other => unreachable!("{other:?}"),
        }
    }

    fn unloaded(&mut self, name: &str) -> u64 {
        match self.wait(|event| matches!(event, PolicyEvent::Unloaded { name: n, .. } if n == name)) {
            PolicyEvent::Unloaded { generation, .. } => generation,
            other => unreachable!("{other:?}"),
        }
    }

    /// Every event so far, after a look that surely came after everything done before.
    fn after_another_look(&mut self) -> &[PolicyEvent] {
        // Last in order, so that it is told of after all that the same look finds.
        self.rename_over("zz.wasm", "good marker");
        self.live("zz", "good marker");
        &self.seen
    }

    fn chain(&self) -> Vec<String> {
        self.record.0.lock().chains.last().cloned().unwrap_or_default()
    }

    fn missing(&self) -> Vec<Arc<str>> {
        self.record.0.lock().missing.clone()
    }
}

/// With events alone, and with polling alone.
fn both_ways(test: impl Fn(DirOptions)) {
    let settle = Duration::from_millis(20);
    test(DirOptions { settle, poll: NEVER, ..DirOptions::default() });
    test(DirOptions { settle, poll: settle, events: false, ..DirOptions::default() });
}

fn patient() -> DirOptions {
    DirOptions { settle: Duration::from_secs(1), poll: NEVER, ..DirOptions::default() }
}
