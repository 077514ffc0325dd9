//! The thread that looks, waits, loads and swaps.

use std::{
    path::PathBuf,
    sync::{
        Arc, Weak,
        mpsc::{Sender, SyncSender},
    },
    time::{Duration, Instant},
};

use arc_swap::ArcSwap;
use parking_lot::Mutex;

use super::{
    ContentHash, DirOptions, FileStatus, PolicyEvent,
    bell::Bell,
    listing::{Content, Files, Listing, policy_name},
    loader::{Candidate, Loader, load},
    roster::{Live, Roster, Step},
    settling::Settling,
    watch::Watch,
};

/// The longest wait between two looks, whatever is asked for.
const A_DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// What the thread shares with its owner.
#[derive(Default)]
pub(super) struct Shared {
    pub bell: Arc<Bell>,
    pub status: ArcSwap<Vec<FileStatus>>,
    pub subscribers: Mutex<Vec<Sender<PolicyEvent>>>,
}

/// One directory, looked at round after round.
pub(super) struct Rounds<L: Loader> {
    dir: PathBuf,
    loader: L,
    options: DirOptions,
    shared: Arc<Shared>,
    roster: Roster<L::Policy>,
    settling: Settling,
    /// The look before. `None` after the directory was lost, so that what is there when it is back settles anew.
    earlier: Option<Listing>,
    lost: Option<String>,
    draining: Vec<(String, u64, Weak<L::Policy>)>,
}

/// When to look again.
#[derive(PartialEq)]
enum Next {
    /// A change is about to settle, and others wait for it.
    Settle,
    /// Only files that change for longer than others wait are left.
    Linger,
    /// Nothing is left to do.
    Poll,
}

/// How far apart looks are.
struct Pace {
    settle: Duration,
    poll: Duration,
    /// The furthest apart while a file is written to without end: it is read at each look, and each write is an event.
    furthest: Duration,
    lingering: Duration,
}

impl Pace {
    fn new(options: &DirOptions) -> Self {
        let DirOptions { settle, poll, max_wait, .. } = *options;
        Self { settle, poll, furthest: poll.min(max_wait).max(settle), lingering: settle }
    }

    /// How soon after a look the next one may come, and how late it comes at the latest.
    fn after(&mut self, next: &Next) -> (Duration, Duration) {
        self.lingering = if *next == Next::Linger { (self.lingering * 2).min(self.furthest) } else { self.settle };
        match next {
            Next::Settle => (self.settle, self.settle),
            Next::Linger => (self.lingering, self.lingering),
            Next::Poll => (self.settle, self.poll),
        }
    }
}

impl<L: Loader> Rounds<L> {
    pub fn new(dir: PathBuf, loader: L, mut options: DirOptions, shared: Arc<Shared>) -> Self {
        // Neither a thread that never rests nor a point in time that cannot be counted.
        options.settle = options.settle.clamp(Duration::from_millis(1), A_DAY);
        options.poll = options.poll.clamp(options.settle, A_DAY);
        // Two looks are what it takes to settle.
        let settling = Settling::new(options.max_wait.max(options.settle * 2));
        let (roster, draining) = (Roster::default(), Vec::new());
        Self { dir, loader, options, shared, roster, settling, earlier: None, lost: None, draining }
    }

    /// Goes on until the bell says stop. `scanned` is told when the first scan is complete.
    pub fn run(mut self, scanned: SyncSender<()>) {
        let mut scanned = Some(scanned);
        let mut watch = self.options.events.then(|| Watch::start(&self.dir, self.shared.bell.clone())).flatten();
        let mut read_all = true;
        let mut pace = Pace::new(&self.options);
        loop {
            let next = self.round(read_all);
            if next != Next::Settle
                && let Some(scanned) = scanned.take()
            {
                self.note_missing();
                // The owner waits for it, unless it is gone.
                let _ = scanned.send(());
            }
            let looked = Instant::now();
            let (earliest, latest) = pace.after(&next);
            let rings = self.shared.bell.wait(looked + earliest, looked + latest);
            if rings.stop {
                return;
            }
            read_all = rings.look;
            if let Some(watch) = &mut watch {
                watch.follow(rings.watch_anew);
            }
        }
    }

    /// One look, and what follows from it. Unless `read_all`, files that seem untouched are not read again.
    fn round(&mut self, read_all: bool) -> Next {
        self.see_off();
        let trusted = self.earlier.as_ref().filter(|_| !read_all);
        let listing = match Listing::look(&self.dir, self.options.max_module_size, trusted) {
            Ok(listing) => listing,
            Err(error) => {
                self.lose_directory(format!(
                    "{}: the directory of policies cannot be read: {error}",
                    self.dir.display()
                ));
                return Next::Poll;
            }
        };
        if self.lost.take().is_some() {
            self.tell(PolicyEvent::DirectoryBack);
        }

        self.roster.forget_rejections(&listing);
        let found_or_given_up = self.roster.forget_missing(&listing);
        let earlier = self.earlier.take();
        let settled = |file: &str| earlier.as_ref().is_some_and(|earlier| listing.agrees_on(earlier, file));
        let ripe = self.settling.sort(Instant::now(), self.roster.steps(&listing), settled);
        self.earlier = Some(listing);

        for file in ripe.overdue {
            let waited = self.options.max_wait;
            tracing::warn!(
                file,
                "still changing after {waited:?}: loaded once it stops; better write elsewhere and rename"
            );
        }
        let fresh = ripe.fresh.into_iter().filter_map(|step| match step {
            Step::Load { file, .. } => Some(PolicyEvent::Seen { name: policy_name(&file).into(), file }),
            _ => None,
        });
        let mut events: Vec<_> = fresh.collect();
        events.append(&mut self.take(ripe.steps, found_or_given_up));
        self.shared.status.store(Arc::new(self.roster.status(self.settling.files())));
        events.into_iter().for_each(|event| self.tell(event));

        match (ripe.waits, self.settling.files().next()) {
            (true, _) => Next::Settle,
            (false, Some(_)) => Next::Linger,
            (false, None) => Next::Poll,
        }
    }

    /// Takes all steps, with one swap at the end if they or what else `changed` ask for one; returns what happened, to be told once the swap is done.
    fn take(&mut self, steps: Vec<Step>, changed: bool) -> Vec<PolicyEvent> {
        let mut events = Vec::new();
        let mut retired = Vec::new();
        for step in steps {
            let event = match step {
                Step::Load { file, hash } => {
                    let Some(candidate) = self.candidate(&file, hash) else { continue };
                    match load(&self.loader, &candidate) {
                        Ok(policy) => self.put(candidate, policy, &mut retired),
                        Err(reason) => self.reject(file, reason, Some(Ok(hash))),
                    }
                }
                Step::Reject { file, reason, content } => self.reject(file, reason, content),
                Step::Unload { file } => {
                    self.settling.done(&file);
                    let Some(live) = self.roster.unload(&file) else { continue };
                    let (name, generation) = (live.name.clone(), live.generation);
                    retired.push(live);
                    PolicyEvent::Unloaded { file, name, generation }
                }
            };
            events.push(event);
        }

        let swaps = |event: &PolicyEvent| matches!(event, PolicyEvent::Live { .. } | PolicyEvent::Unloaded { .. });
        if changed || events.iter().any(swaps) {
            self.loader.put_in_force(self.roster.policies(), self.roster.missing());
        }
        for Live { name, generation, policy, .. } in retired {
            self.loader.retire(&policy);
            events.push(PolicyEvent::Draining { name: name.clone(), generation });
            self.draining.push((name, generation, Arc::downgrade(&policy)));
        }
        events
    }

    /// The first scan is complete. A policy that should be in force from the start and is not must not be taken for one that
    /// has no objection: until it goes live, or is taken away, nothing is kept or resumed.
    fn note_missing(&mut self) {
        let Some(listing) = &self.earlier else { return };
        self.roster.note_missing(listing);
        let missing = self.roster.missing();
        for name in &missing {
            tracing::error!(
                policy = &**name,
                "not live at the start: no session is kept or resumed until it is; mend it, or remove its module"
            );
        }
        if !missing.is_empty() {
            self.loader.put_in_force(self.roster.policies(), missing);
        }
    }

    /// Reads the module in `file` to load it. `None` if it is not what has settled: it changed after all, and the next look
    /// sees that.
    fn candidate(&self, file: &str, settled: ContentHash) -> Option<Candidate> {
        let Files { module, manifest, hash } = Files::read(&self.dir.join(file), self.options.max_module_size).ok()?;
        let name = policy_name(file).to_string();
        let generation = self.roster.next_generation(&name);
        let candidate = Candidate { file: file.to_string(), name, generation, hash, module, manifest };
        (hash == settled).then_some(candidate)
    }

    fn put(&mut self, candidate: Candidate, policy: Arc<L::Policy>, retired: &mut Vec<Live<L::Policy>>) -> PolicyEvent {
        let Candidate { file, name, generation, hash, .. } = candidate;
        self.settling.done(&file);
        retired.extend(self.roster.put(Live { file: file.clone(), name: name.clone(), generation, hash, policy }));
        PolicyEvent::Live { file, name, generation, hash }
    }

    fn reject(&mut self, file: String, reason: String, content: Option<Content>) -> PolicyEvent {
        self.settling.done(&file);
        let keeping = self.roster.reject(&file, reason.clone(), content);
        PolicyEvent::Rejected { name: policy_name(&file).into(), file, reason, keeping }
    }

    /// Tells of each generation that no handshake holds any more.
    fn see_off(&mut self) {
        let gone: Vec<_> = self.draining.extract_if(.., |(.., policy)| policy.strong_count() == 0).collect();
        for (name, generation, _) in gone {
            self.tell(PolicyEvent::Gone { name, generation });
        }
    }

    /// A directory that is gone is no wish to unload everything: it may be on its way back, by a new mount or a redeployment.
    fn lose_directory(&mut self, reason: String) {
        self.earlier = None;
        self.settling.clear();
        self.shared.status.store(Arc::new(self.roster.status(self.settling.files())));
        if self.lost.replace(reason.clone()).is_none() {
            self.tell(PolicyEvent::DirectoryLost { reason });
        }
    }

    fn tell(&self, event: PolicyEvent) {
        event.log();
        self.shared.subscribers.lock().retain(|subscriber| subscriber.send(event.clone()).is_ok());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_written_to_without_end_is_looked_at_less_and_less_often_events_or_not() {
        let seconds = Duration::from_secs;
        let options =
            DirOptions { settle: seconds(1), poll: seconds(60), max_wait: seconds(5), ..DirOptions::default() };
        let mut pace = Pace::new(&options);
        assert_eq!(pace.after(&Next::Poll), (seconds(1), seconds(60)));
        for apart in [2, 4, 5, 5] {
            assert_eq!(pace.after(&Next::Linger), (seconds(apart), seconds(apart)));
        }
        assert_eq!(pace.after(&Next::Settle), (seconds(1), seconds(1)), "what else changes settles as ever");
        assert_eq!(pace.after(&Next::Linger), (seconds(2), seconds(2)));
    }
}
