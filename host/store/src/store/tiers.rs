//! Several stores as one: near ones in front of far ones.
//!
//! Each session has one *home*, the furthest tier that takes its reach. There it is consumed, and
//! what it says holds. Tiers in front of its home have copies, of sessions that may resume many
//! times; a session for single use is at home only. A look-up goes from the nearest tier to the
//! home and leaves a copy in the tiers that it passed.

use std::{sync::Arc, time::Duration};

use reprise_session::lock::Mutex;
use reprise_session::{session::Prototype, session::SessionId, vital::Vital};

use super::{
    Answer, Consume, Entry, Fetch, FetchError, Found, InvalidationObserver, Later, Notice, NoticeObserver, Priority,
    Published, Reach, RecordBytes, RemovalObserver, Scope, Store, TierStatus, Unavailable, Usage,
};

/// A store that was not heard from about its notices for this long is unreachable. It is asked several times a second.
const UNHEARD: Duration = Duration::from_secs(2);

/// Stores that make no sense as tiers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TiersError {
    /// There are none.
    #[error("no store is given; expected at least one")]
    None,
    /// A store is behind one that more can see.
    #[error(
        "the stores are in the wrong order: number {number} is nearer than the one before it; put memory first, then disk, then what \
         other machines share"
    )]
    Order {
        /// The place of the store, counted from 1.
        number: usize,
    },
}

/// Several stores, the nearest first.
pub struct Tiers(Arc<Inner>);

struct Inner {
    tiers: Box<[Arc<dyn Store>]>,
    copy_age: u64,
}

impl Tiers {
    /// `tiers`, the nearest first. While a tier that shares notices cannot be reached, what tiers
    /// in front of it were handed longer than `copy_age` ago does not resume: it may have been
    /// revoked since.
    ///
    /// # Errors
    /// There are none, or a nearer one is behind one further away.
    pub fn new(tiers: Vec<Arc<dyn Store>>, copy_age: Duration) -> Result<Self, TiersError> {
        if tiers.is_empty() {
            return Err(TiersError::None);
        }
        if let Some(behind) = tiers.windows(2).position(|pair| pair[0].scope() > pair[1].scope()) {
            return Err(TiersError::Order { number: behind + 2 });
        }
        let inner = Arc::new(Inner { tiers: tiers.into(), copy_age: copy_age.as_secs() });
        for (place, tier) in inner.tiers.iter().enumerate().skip(1) {
            let inner = Arc::downgrade(&inner);
            tier.observe_invalidations(Arc::new(move |id| {
                if let Some(inner) = inner.upgrade() {
                    inner.tiers[..place].iter().for_each(|nearer| nearer.forget(id));
                }
            }));
        }
        Ok(Self(inner))
    }
}

impl Inner {
    /// The place of the tier where sessions of this reach are at home; none where no tier takes them.
    fn home(&self, reach: Reach) -> Option<usize> {
        self.tiers.iter().rposition(|tier| reach == Reach::Fleet || tier.scope() != Scope::Fleet)
    }

    /// Asks the tiers from `place` on. `unavailable`: what a tier before them could not answer.
    fn fetch_from(
        self: &Arc<Self>,
        mut place: usize,
        mut unavailable: Option<FetchError>,
        id: &SessionId,
        consume: Consume,
        now: u64,
    ) -> Fetch {
        while let Some(tier) = self.tiers.get(place) {
            match tier.fetch(id, consume, now) {
                Fetch::Ready(answer) => {
                    if let Some(answer) = self.answered(place, answer, &mut unavailable, id, now) {
                        return Fetch::Ready(answer);
                    }
                }
                Fetch::Pending(answer) => {
                    let (tiers, id) = (Arc::clone(self), *id);
                    return Fetch::Pending(Box::pin(async move {
                        let mut unavailable = unavailable;
                        let answer = answer.await;
                        if let Some(answer) = tiers.answered(place, answer, &mut unavailable, &id, now) {
                            return answer;
                        }
                        match tiers.fetch_from(place + 1, unavailable, &id, consume, now) {
                            Fetch::Ready(answer) => answer,
                            Fetch::Pending(answer) => answer.await,
                        }
                    }));
                }
            }
            place += 1;
        }
        Fetch::Ready(unavailable.map_or(Ok(None), Err))
    }

    /// What the answer of the tier at `place` comes to; none if the next one is to be asked.
    fn answered(
        &self,
        place: usize,
        answer: Answer,
        unavailable: &mut Option<FetchError>,
        id: &SessionId,
        now: u64,
    ) -> Option<Answer> {
        match answer {
            Ok(Some(mut found)) if self.home(found.reach) == Some(place) || !found.consumed => {
                match self.known_good(place, &found, now) {
                    Ok(since) => (found.since, found.tier) = (since, place),
                    Err(unheard) => {
                        *unavailable = Some(unheard.into());
                        return None;
                    }
                }
                // What was only looked at is for single use at home all the same.
                if !found.consumed && !found.single_use {
                    self.leave_copies(place, id, &found, now);
                }
                Some(Ok(Some(found)))
            }
            // A copy of what is to be consumed is gone now; whether it may resume is known at home.
            Ok(_) => None,
            Err(error) => {
                *unavailable = Some(error);
                None
            }
        }
    }

    /// When what was found at `place` was last known not to be revoked: now, if every tier behind
    /// it was heard from; else a short time ago. What comes of it, copies and renewals, is as old:
    /// passed on, a session gets no younger.
    fn known_good(&self, place: usize, found: &Found, now: u64) -> Result<Option<u64>, Unavailable> {
        let behind = &self.tiers[place + 1..];
        let unheard = behind.iter().filter_map(|tier| tier.notices_age()).max();
        let Some(unheard) = unheard.filter(|age| *age > UNHEARD) else { return Ok(Some(now)) };
        match found.since {
            Some(since) if now.saturating_sub(since) <= self.copy_age => Ok(Some(since)),
            _ => Err(Unavailable(match unheard {
                Duration::MAX => {
                    "a copy is there, but it may have been revoked: the store behind it was not reached yet".into()
                }
                unheard => format!(
                    "a copy is there, but it may have been revoked: the store behind it was not heard from for {} s",
                    unheard.as_secs()
                ),
            })),
        }
    }

    fn leave_copies(&self, place: usize, id: &SessionId, found: &Found, now: u64) {
        let Some(remaining) = found.remaining else { return };
        for nearer in &self.tiers[..place] {
            let copy = Entry {
                record: found.record.clone(),
                expires: now.saturating_add(remaining),
                single_use: false,
                renews: None,
                since: found.since,
                priority: Priority::Normal,
                reach: found.reach,
                prototype: None,
            };
            nearer.put(*id, copy, now);
        }
    }
}

impl Store for Tiers {
    /// That of the nearest: whether there is room for what stays on this node.
    fn scope(&self) -> Scope {
        self.0.tiers[0].scope()
    }

    fn put(&self, id: SessionId, entry: Entry, now: u64) {
        let Some(home) = self.0.home(entry.reach) else { return };
        let nearest = if entry.single_use { home } else { 0 };
        for (place, tier) in self.0.tiers.iter().enumerate().take(home + 1).skip(nearest) {
            if place == home {
                return tier.put(id, entry, now);
            }
            tier.put(id, entry.clone(), now);
        }
    }

    fn fetch(&self, id: &SessionId, consume: Consume, now: u64) -> Fetch {
        self.0.fetch_from(0, None, id, consume, now)
    }

    fn remove(&self, id: &SessionId) -> Option<RecordBytes> {
        // From home outwards: a look-up that begins now finds no more at home than in front of it.
        // One that had its answer before may still leave a copy, which is good until it ends.
        let mut record = None;
        for tier in self.0.tiers.iter().rev() {
            record = tier.remove(id).or(record);
        }
        record
    }

    /// From home outwards too.
    fn forget(&self, id: &SessionId) {
        self.0.tiers.iter().rev().for_each(|tier| tier.forget(id));
    }

    fn peek(&self, id: &SessionId) -> Option<RecordBytes> {
        self.0.tiers.iter().find_map(|tier| tier.peek(id))
    }

    fn keep_prototype(&self, id: &SessionId, prototype: Prototype) {
        self.0.tiers[0].keep_prototype(id, prototype);
    }

    fn maintain(&self, now: u64) {
        self.0.tiers.iter().for_each(|tier| tier.maintain(now));
    }

    /// Only what leaves its home is told of: a copy that goes is no session that goes.
    fn observe_removals(&self, observer: RemovalObserver) {
        for (place, tier) in self.0.tiers.iter().enumerate() {
            let (observer, inner) = (observer.clone(), Arc::downgrade(&self.0));
            tier.observe_removals(Arc::new(move |removed| {
                let home = inner.upgrade().and_then(|inner| inner.home(removed.reach));
                if home == Some(place) {
                    observer(removed);
                }
            }));
        }
    }

    fn publish(&self, notice: Notice, wait: Duration) -> Option<Later<Result<Published, Unavailable>>> {
        let published: Vec<_> = self.0.tiers.iter().filter_map(|tier| tier.publish(notice.clone(), wait)).collect();
        if published.is_empty() {
            return None;
        }
        Some(Box::pin(async move {
            let mut all = Published::default();
            let mut failed = None;
            for published in published {
                match published.await {
                    Ok(published) => all.nodes.extend(published.nodes),
                    Err(error) => failed = Some(error),
                }
            }
            failed.map_or(Ok(all), Err)
        }))
    }

    fn observe_notices(&self, observer: NoticeObserver) {
        // Each tier tells of its own notices; the host wants all there are.
        let known = Arc::new(Mutex::new(vec![Vec::new(); self.0.tiers.len()]));
        for (place, tier) in self.0.tiers.iter().enumerate() {
            let (observer, known) = (observer.clone(), known.clone());
            tier.observe_notices(Arc::new(move |notices| {
                // Told under the lock: else the older of two lists could be told last.
                let mut known = known.lock();
                known[place] = notices;
                observer(known.concat());
            }));
        }
    }

    fn observe_invalidations(&self, observer: InvalidationObserver) {
        self.0.tiers.iter().for_each(|tier| tier.observe_invalidations(observer.clone()));
    }

    fn notices_age(&self) -> Option<Duration> {
        self.0.tiers.iter().filter_map(|tier| tier.notices_age()).max()
    }

    fn vitals(&self) -> Vec<Vital> {
        self.0.tiers.iter().flat_map(|tier| tier.vitals()).collect()
    }

    fn usage(&self) -> Usage {
        self.0.tiers.iter().map(|tier| tier.usage()).fold(Usage::default(), |sum, tier| Usage {
            sessions: sum.sessions.max(tier.sessions),
            bytes: sum.bytes + tier.bytes,
            prototypes: sum.prototypes + tier.prototypes,
            evicted: sum.evicted + tier.evicted,
            expired: sum.expired + tier.expired,
            dropped: sum.dropped + tier.dropped,
        })
    }

    fn tiers(&self) -> Vec<TierStatus> {
        self.0.tiers.iter().flat_map(|tier| tier.tiers()).collect()
    }
}
