//! A store that others than this process can see, behind a seal.
//!
//! What goes in is sealed and what comes out is opened, so that no store is ever handed a secret,
//! and the host never a record that somebody else made, or moved from another session or another
//! fleet.

use std::{sync::Arc, time::Duration};

use openssl::sha::sha256;
use reprise_session::lock::Mutex;
use reprise_session::{
    clock::Clock,
    session::Prototype,
    session::{Keyring, SessionId, Unsealable},
    vital::Vital,
};

use super::{
    Answer, Consume, Entry, Fetch, Found, Health, InvalidationObserver, Later, Notice, NoticeObserver, Published,
    RecordBytes, RemovalObserver, Removed, Scope, Store, Unavailable, Usage,
};

/// A store, and the keys that seal what goes into it.
pub struct Sealed {
    store: Arc<dyn Store>,
    seal: Seal,
    /// The notices told last, as the store has them, and the keys that they were read with.
    notices: Arc<Mutex<Told>>,
}

/// Seals for one namespace: what is sealed for a session there opens for no other one.
#[derive(Clone)]
struct Seal {
    keyring: Arc<Keyring>,
    namespace: Arc<str>,
    clock: Clock,
}

#[derive(Default)]
struct Told {
    observer: Option<NoticeObserver>,
    sealed: Vec<Notice>,
    /// [`Keyring::generation`] when they were opened.
    generation: usize,
}

impl Sealed {
    /// `store`, behind a seal with the keys of `keyring`, for one namespace.
    pub fn new(store: Arc<dyn Store>, keyring: Arc<Keyring>, namespace: &str, clock: Clock) -> Self {
        Self { store, seal: Seal { keyring, namespace: namespace.into(), clock }, notices: Arc::default() }
    }
}

impl Seal {
    fn record(&self, id: &SessionId, record: &[u8], now: u64) -> Option<RecordBytes> {
        let sealed = self.keyring.seal(&self.for_session(id), record, now);
        let sealed = sealed.inspect_err(|error| tracing::warn!(session = %id, %error, "a session cannot be sealed"));
        sealed.ok().map(RecordBytes::new)
    }

    fn open(&self, id: &SessionId, sealed: &[u8]) -> Result<RecordBytes, Unsealable> {
        let mut plain = self.keyring.open_sealed(&self.for_session(id), sealed)?;
        Ok(RecordBytes::new(std::mem::take(&mut *plain)))
    }

    fn open_answer(&self, id: &SessionId, answer: Answer) -> Answer {
        let Some(found) = answer? else { return Ok(None) };
        let record = self.open(id, &found.record)?;
        Ok(Some(Found { record, prototype: None, wants_prototype: false, ..found }))
    }

    fn for_session<'a>(&'a self, id: &'a SessionId) -> [&'a [u8]; 3] {
        [b"session", self.namespace.as_bytes(), id.as_bytes()]
    }

    fn notice(&self, notice: &Notice) -> Result<Notice, Unavailable> {
        let expires = notice.expires.to_be_bytes();
        let sealed = self.keyring.seal(&self.for_notice(&expires), &notice.bytes, (self.clock)());
        let bytes = sealed.map_err(|error| Unavailable(format!("a notice cannot be sealed: {error}")))?;
        Ok(Notice { bytes, expires: notice.expires })
    }

    /// A notice that does not open is passed on as bytes that nothing can be read from, other ones
    /// for each: what it says may be that everything is revoked.
    fn open_notice(&self, sealed: &Notice) -> Notice {
        let expires = sealed.expires.to_be_bytes();
        let bytes = match self.keyring.open_sealed(&self.for_notice(&expires), &sealed.bytes) {
            Ok(mut plain) => std::mem::take(&mut *plain),
            Err(why) => {
                tracing::warn!("a notice from the session store is {why}");
                sha256(&sealed.bytes)[..8].to_vec()
            }
        };
        Notice { bytes, expires: sealed.expires }
    }

    fn for_notice<'a>(&'a self, expires: &'a [u8; 8]) -> [&'a [u8]; 3] {
        [b"notice", self.namespace.as_bytes(), expires]
    }
}

impl Told {
    fn tell(&mut self, seal: &Seal) {
        self.generation = seal.keyring.generation();
        if let Some(observer) = &self.observer {
            observer(self.sealed.iter().map(|notice| seal.open_notice(notice)).collect());
        }
    }
}

impl Store for Sealed {
    fn scope(&self) -> Scope {
        self.store.scope()
    }

    fn kind(&self) -> &'static str {
        self.store.kind()
    }

    /// What cannot be sealed is not kept.
    fn put(&self, id: SessionId, entry: Entry, now: u64) {
        if let Some(record) = self.seal.record(&id, &entry.record, now) {
            self.store.put(id, Entry { record, prototype: None, ..entry }, now);
        }
    }

    fn fetch(&self, id: &SessionId, consume: Consume, now: u64) -> Fetch {
        match self.store.fetch(id, consume, now) {
            Fetch::Ready(answer) => Fetch::Ready(self.seal.open_answer(id, answer)),
            Fetch::Pending(answer) => {
                let (seal, id) = (self.seal.clone(), *id);
                Fetch::Pending(Box::pin(async move { seal.open_answer(&id, answer.await) }))
            }
        }
    }

    fn remove(&self, id: &SessionId) -> Option<RecordBytes> {
        self.store.remove(id).and_then(|sealed| self.seal.open(id, &sealed).ok())
    }

    fn forget(&self, id: &SessionId) {
        self.store.forget(id);
    }

    fn peek(&self, id: &SessionId) -> Option<RecordBytes> {
        self.store.peek(id).and_then(|sealed| self.seal.open(id, &sealed).ok())
    }

    /// A live session is not for a store that others see.
    fn keep_prototype(&self, _id: &SessionId, _prototype: Prototype) {}

    /// Tells notices again that keys which were added since may open.
    fn maintain(&self, now: u64) {
        self.store.maintain(now);
        let mut told = self.notices.lock();
        if told.generation != self.seal.keyring.generation() && !told.sealed.is_empty() {
            told.tell(&self.seal);
        }
    }

    fn observe_removals(&self, observer: RemovalObserver) {
        let seal = self.seal.clone();
        self.store.observe_removals(Arc::new(move |removed| {
            // Nothing can be told of what does not open.
            if let Ok(record) = seal.open(&removed.id, &removed.record) {
                observer(Removed { record, ..removed });
            }
        }));
    }

    fn publish(&self, notice: Notice, wait: Duration) -> Option<Later<Result<Published, Unavailable>>> {
        match self.seal.notice(&notice) {
            Ok(sealed) => self.store.publish(sealed, wait),
            Err(error) => Some(Box::pin(async { Err(error) })),
        }
    }

    fn observe_notices(&self, observer: NoticeObserver) {
        self.notices.lock().observer = Some(observer);
        let (notices, seal) = (self.notices.clone(), self.seal.clone());
        self.store.observe_notices(Arc::new(move |sealed| {
            // Told under the lock: else the older of two lists could be told last.
            let mut told = notices.lock();
            told.sealed = sealed;
            told.tell(&seal);
        }));
    }

    fn observe_invalidations(&self, observer: InvalidationObserver) {
        self.store.observe_invalidations(observer);
    }

    fn notices_age(&self) -> Option<Duration> {
        self.store.notices_age()
    }

    fn vitals(&self) -> Vec<Vital> {
        self.store.vitals()
    }

    fn health(&self) -> Health {
        self.store.health()
    }

    fn usage(&self) -> Usage {
        self.store.usage()
    }
}
