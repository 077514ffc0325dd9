//! The thread that looks, waits, loads and swaps.

use std::{
    io,
    path::PathBuf,
    sync::{
        Arc, Weak,
        mpsc::{Sender, SyncSender},
    },
    time::{Duration, Instant},
};

use arc_swap::ArcSwap;
use reprise_session::lock::Mutex;
use reprise_session::{
    aside::Aside,
    clock,
    vital::{Ended, Heart},
};

use super::{
    ContentHash, ControlError, DirOptions, FileStatus, PolicyEvent,
    bell::{Bell, Rings},
    control::{Reply, Requests},
    history::Histories,
    listing::{Content, Files, Listing, Reading},
    loader::{Candidate, Loader},
    loading::{Loaded, Loading},
    report::View,
    roster::{Roster, Step},
    settling::Settling,
    trust::{self, Trust},
    ward::Generation,
    watch::Watch,
};
use crate::{
    names::policy_name,
    policy::{Alarm, SupervisionOptions},
};

/// A directory that takes longer than this to be looked at hangs, and nobody hangs with it.
const LOOKING: Duration = Duration::from_secs(30);

/// The longest wait between two looks, whatever is asked for.
const A_DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// How the first scan went.
pub(super) type Scanned = Result<(), String>;

/// What the thread shares with its owner.
#[derive(Default)]
pub(super) struct Shared {
    pub bell: Arc<Bell>,
    pub status: ArcSwap<Vec<FileStatus>>,
    pub views: ArcSwap<Vec<View>>,
    pub requests: Requests,
    pub subscribers: Mutex<Vec<Sender<PolicyEvent>>>,
    pub histories: Mutex<Histories>,
}

/// One directory, looked at round after round.
pub(super) struct Rounds<L: Loader> {
    dir: PathBuf,
    pub(super) loader: Arc<L>,
    loading: Loading<L>,
    options: DirOptions,
    pub(super) supervision: SupervisionOptions,
    /// Rung by a policy that misbehaves.
    alarm: Alarm,
    pub(super) shared: Arc<Shared>,
    pub(super) roster: Roster<L::Policy>,
    settling: Settling,
    looking: Aside<io::Result<Listing>>,
    /// The look before. `None` after the directory was lost, so that what is there when it is back settles anew.
    earlier: Option<Listing>,
    lost: Option<String>,
    draining: Vec<(String, u64, Weak<L::Policy>)>,
    trust: Trust,
    /// There was no room to read all that is to be loaded.
    postponed: bool,
    /// Who waits for a look that everything in the directory is taken up with.
    pub(super) reloading: Vec<SyncSender<Reply>>,
}

/// What is to be told, and what becomes of policies, once the next chain is in force.
pub(super) struct Changes<P> {
    pub events: Vec<PolicyEvent>,
    /// Answered until now.
    pub retired: Vec<Generation<P>>,
    /// Whether the chain is another one.
    pub swap: bool,
}

impl<P> Changes<P> {
    pub fn none() -> Self {
        Self { events: Vec::new(), retired: Vec::new(), swap: false }
    }
}

/// When to look again.
#[derive(Debug, PartialEq)]
pub(super) enum Next {
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
        let supervision = loader.supervision();
        let loader = Arc::new(loader);
        let loading = Loading::new(Arc::clone(&loader), Arc::clone(&shared.bell), options.max_module_size);
        let bell = Arc::clone(&shared.bell);
        let alarm: Alarm = Arc::new(move || bell.ring(Rings { attend: true, ..Rings::default() }));
        Self {
            dir,
            loader,
            loading,
            options,
            supervision,
            alarm,
            shared,
            roster: Roster::default(),
            settling,
            looking: Aside::new("reprise-look"),
            earlier: None,
            lost: None,
            draining: Vec::new(),
            trust: Trust::default(),
            postponed: false,
            reloading: Vec::new(),
        }
    }

    /// What was going on when the thread ended that went round before: nothing of that is trusted, and what is live
    /// is put in force once more.
    pub fn take_stock(&mut self) {
        self.earlier = None;
        self.settling.clear();
        self.loader.put_in_force(self.roster.policies(), self.roster.missing());
        self.publish();
    }

    /// Goes on until the bell says stop. `scanned` is told when the first scan is complete, or why there can be none,
    /// which is the end: a server must not come up without its policies.
    pub fn run(&mut self, scanned: &mut Option<SyncSender<Scanned>>, heart: &Heart) -> Ended {
        let shared = Arc::clone(&self.shared);
        let _closed_at_the_end = shared.requests.open();
        let mut watch = self.options.events.then(|| Watch::start(&self.dir, self.shared.bell.clone())).flatten();
        let mut read_all = true;
        let mut pace = Pace::new(&self.options);
        loop {
            let busy = heart.works();
            let next = self.round(Instant::now(), read_all);
            if next != Next::Settle {
                if let Some(scanned) = scanned.take() {
                    // The owner waits for it, unless it is gone.
                    if let Some(reason) = &self.lost {
                        let _ = scanned.send(Err(reason.clone()));
                        return Ended::Told;
                    }
                    self.note_missing();
                    let _ = scanned.send(Ok(()));
                }
                self.answer_reloads();
            }
            drop(busy);
            let (earliest, latest) = pace.after(&next);
            let Some(rings) = self.rest(earliest, latest, heart) else { return Ended::Told };
            // A reload does not trust the files' stamps.
            read_all = rings.look || !self.reloading.is_empty();
            if let Some(watch) = watch.as_mut().filter(|_| self.lost.is_none()) {
                watch.follow(rings.watch_anew);
            }
        }
    }

    /// Waits for the next look, and supervises meanwhile. None: the owner is going away.
    fn rest(&mut self, earliest: Duration, latest: Duration, heart: &Heart) -> Option<Rings> {
        let looked = Instant::now();
        let (earliest, mut latest) = (looked + earliest, looked + latest);
        loop {
            let due = self.roster.due().map_or(latest, |due| latest.min(due));
            let rings = self.shared.bell.wait(earliest, due);
            if rings.stop {
                return None;
            }
            let busy = heart.works();
            self.attend(Instant::now());
            drop(busy);
            if !self.reloading.is_empty() {
                latest = latest.min(earliest);
            }
            if rings.looks() || Instant::now() >= latest {
                return Some(rings);
            }
        }
    }

    /// One look, and what follows from it. Unless `read_all`, files that seem untouched are not read again.
    pub(super) fn round(&mut self, now: Instant, read_all: bool) -> Next {
        self.see_off();
        let trusted = self.earlier.clone().filter(|_| !read_all);
        let (dir, reading) = (self.dir.clone(), Reading::from(&self.options));
        let looked = self.looking.within(LOOKING, move || Listing::look(&dir, reading, trusted.as_ref()));
        let listing = match looked.unwrap_or_else(|hangs| Err(io::Error::other(hangs))) {
            Ok(listing) => self.trust.judged(listing, &self.dir, &self.options),
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
        self.loading.forget(&listing);
        let mut steps = self.roster.steps(&listing);
        steps.retain(|step| !matches!(step, Step::Load { file, hash } if self.loading.has(file, hash)));
        let ripe = self.settling.sort(now, steps, settled);
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
        let events: Vec<_> = fresh.collect();
        let taken = self.take(ripe.steps, now, found_or_given_up);
        let done = self.carry_out(taken);
        events.into_iter().chain(done).for_each(|event| self.tell(event));

        match (ripe.waits || self.postponed, self.settling.files().next()) {
            (true, _) => Next::Settle,
            (false, Some(_)) => Next::Linger,
            (false, None) => Next::Poll,
        }
    }

    /// Takes all steps; the chain is another one if they or what else `changed` ask for it.
    fn take(&mut self, steps: Vec<Step>, now: Instant, changed: bool) -> Changes<L::Policy> {
        let mut changes = Changes { swap: changed, ..Changes::none() };
        let (candidates, postponed) = self.candidates(&steps);
        self.postponed = postponed;
        let (to_load, unsigned) = trust::signed(&self.options, candidates);
        for candidate in &to_load {
            self.settling.done(&candidate.file);
        }
        for (Candidate { file, hash, .. }, reason) in unsigned {
            changes.events.push(self.reject(file, reason, Some(Ok(hash))));
        }
        let mut loaded = self.loading.load(to_load, self.options.max_wait);
        // One that was left behind may find its number taken: its content has been another
        // meanwhile. It is loaded anew.
        loaded.retain(|Loaded { candidate, .. }| candidate.generation == self.roster.next_generation(&candidate.name));
        loaded.sort_by(|one, other| one.candidate.file.cmp(&other.candidate.file));
        // First what goes live, so that what is said to stay does stay.
        for Loaded { candidate, result } in loaded {
            let event = match result {
                Ok(policy) => self.put(candidate, policy, now, &mut changes),
                Err(reason) => self.reject(candidate.file, reason, Some(Ok(candidate.hash))),
            };
            changes.events.push(event);
        }
        for step in steps {
            let event = match step {
                Step::Load { .. } => continue,
                Step::Reject { file, reason, content } => self.reject(file, reason, content),
                Step::Unload { file } => {
                    self.settling.done(&file);
                    let Some(ward) = self.roster.unload(&file) else { continue };
                    changes.swap = true;
                    changes.retired.extend(ward.answering().cloned());
                    PolicyEvent::Unloaded { file, name: ward.live.name, generation: ward.live.generation }
                }
            };
            changes.events.push(event);
        }
        changes
    }

    /// Reads what is to be loaded, as far as there is room for it; whether some has to wait for the next look.
    fn candidates(&self, steps: &[Step]) -> (Vec<Candidate>, bool) {
        let (mut candidates, mut bytes) = (Vec::new(), 0);
        for step in steps {
            let Step::Load { file, hash } = step else { continue };
            if !self.loading.has_room(bytes) {
                return (candidates, true);
            }
            let Some(candidate) = self.candidate(file, *hash) else { continue };
            bytes += candidate.module.len();
            candidates.push(candidate);
        }
        (candidates, false)
    }

    /// Puts the changes in force in one step; returns what is to be told.
    pub(super) fn carry_out(&mut self, changes: Changes<L::Policy>) -> Vec<PolicyEvent> {
        let Changes { mut events, retired, swap } = changes;
        if swap {
            self.loader.put_in_force(self.roster.policies(), self.roster.missing());
        }
        for Generation { name, generation, policy, .. } in retired {
            self.loader.retire(&policy);
            events.push(PolicyEvent::Draining { name: name.clone(), generation });
            self.draining.push((name, generation, Arc::downgrade(&policy)));
        }
        self.publish();
        events
    }

    /// A generation that was retired answers again.
    pub(super) fn drains_no_more(&mut self, policy: &Arc<L::Policy>) {
        self.draining.retain(|(.., draining)| !draining.ptr_eq(&Arc::downgrade(policy)));
    }

    /// Shows how everything is.
    fn publish(&self) {
        let changing = self.settling.files().chain(self.loading.files());
        self.shared.status.store(Arc::new(self.roster.status(changing)));
        let views = self.roster.wards().map(|(file, ward)| View::new(file, ward, self.roster.rejection(file)));
        self.shared.views.store(Arc::new(views.collect()));
    }

    /// Whoever asked for a reload has waited for this look.
    fn answer_reloads(&mut self) {
        for waiting in std::mem::take(&mut self.reloading) {
            let reply = match &self.lost {
                Some(reason) => Err(ControlError::DirectoryLost(reason.clone())),
                None => Ok(self.reports()),
            };
            // Whoever asked may have gone.
            let _ = waiting.send(reply);
        }
    }

    /// The first scan is complete. A policy that should be in force from the start and is not must
    /// not be taken for one that has no objection: until it goes live, or is taken away, nothing is
    /// kept or resumed.
    fn note_missing(&mut self) {
        let Some(listing) = &self.earlier else { return };
        self.roster.note_missing(listing);
        let missing = self.roster.missing();
        for name in &missing {
            if self.loading.files().any(|file| policy_name(file) == &**name) {
                tracing::warn!(
                    policy = &**name,
                    "not live yet: its module is still being compiled; no session is kept or resumed until it is"
                );
            } else {
                tracing::error!(
                    policy = &**name,
                    "not live at the start: no session is kept or resumed until it is; fix it, or remove its module"
                );
            }
        }
        if !missing.is_empty() {
            self.loader.put_in_force(self.roster.policies(), missing);
        }
    }

    /// Reads the module in `file` to load it. `None` if it is not what has settled: it changed
    /// after all, and the next look sees that.
    fn candidate(&self, file: &str, settled: ContentHash) -> Option<Candidate> {
        let files = Files::read(&self.dir.join(file), Reading::from(&self.options)).ok()?;
        let Files { module, manifest, signature, hash } = files;
        let name = policy_name(file).to_string();
        let generation = self.roster.next_generation(&name);
        let candidate =
            Candidate { file: file.to_string(), name, generation, hash, module, manifest, signature, signed: None };
        (hash == settled).then_some(candidate)
    }

    fn put(
        &mut self,
        candidate: Candidate,
        policy: Arc<L::Policy>,
        now: Instant,
        changes: &mut Changes<L::Policy>,
    ) -> PolicyEvent {
        self.trust.note(&candidate);
        let Candidate { file, name, generation, hash, .. } = candidate;
        self.settling.done(&file);
        self.loader.supervise(&policy, self.alarm.clone());
        let live = Generation { file: file.clone(), name: name.clone(), generation, hash, policy };
        changes.retired.extend(self.roster.put(live, now, &self.supervision));
        changes.swap = true;
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

    /// A directory that is gone is no wish to unload everything: it may be on its way back, by a
    /// new mount or a redeployment.
    fn lose_directory(&mut self, reason: String) {
        self.earlier = None;
        self.settling.clear();
        self.publish();
        if self.lost.replace(reason.clone()).is_none() {
            self.tell(PolicyEvent::DirectoryLost { reason });
        }
    }

    pub(super) fn tell(&self, event: PolicyEvent) {
        event.log();
        self.shared.histories.lock().note(&event, clock::time());
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
