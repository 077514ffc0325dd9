//! The page at `--admin`: how the server is doing, to look at.
//!
//! - `files`: what the browser loads, and what it may do with it
//! - `history`: the last hour
//! - `index.html`, `style.css` and the modules beside them: the page itself, of which everything is in this program
//!
//! It is told what is new by server-sent events: to every browser the same, made once. Where nobody looks, a sample of what was
//! counted is taken every [`SAMPLE`], and nothing else is done.

pub(crate) mod files;
mod history;

use std::{sync::Arc, time::Duration};

use hyper::{StatusCode, body::Bytes};
use reprise::{advice::Advice, metrics::Figures};
use reprise_session::{lock::Mutex, printable::json_line};
use serde::Serialize;
use tokio::{
    sync::{Notify, Semaphore, watch},
    time::sleep,
};

use self::history::{Change, History, Sample};
use crate::{
    health::{Health, ServerStatus},
    http::{Answer, Events},
};

/// Where the events are.
pub(crate) const EVENTS: &str = "/events";
/// Between two samples of the history.
const SAMPLE: Duration = Duration::from_secs(10);
/// Between two events.
const LOOK: Duration = Duration::from_secs(2);
/// Browsers that may look at once. They take seats that scrapers want, too.
const LOOKING: usize = 8;
/// Samples in an event: more than there are between two.
const NEWEST: usize = 6;

/// What all that look at it share.
pub(crate) struct Page {
    /// Whether it has recent handshakes, and with them who came.
    pub(crate) has_recent: bool,
    history: Mutex<History>,
    newest: watch::Sender<Bytes>,
    seats: Arc<Semaphore>,
    came: Notify,
}

/// What an event tells.
#[derive(Serialize)]
struct Now<'a> {
    /// The same as `/status`.
    status: &'a ServerStatus,
    figures: Figures,
    advice: &'a [Advice],
    /// What there is of handshakes; none where they are not shown.
    recent: Option<Recent>,
    samples: Vec<&'a Sample>,
    changes: Vec<&'a Change>,
}

/// How many handshakes are kept at the most, what of their clients, and how many there have been.
#[derive(Serialize)]
struct Recent {
    at_most: usize,
    clients: &'static str,
    of: u64,
}

impl Recent {
    fn of(health: &Health) -> Self {
        let (at_most, clients, of) = health.host().recent_kept();
        Self { at_most, clients: clients.as_str(), of }
    }
}

impl Page {
    pub(crate) fn new(has_recent: bool) -> Self {
        Self {
            has_recent,
            history: Mutex::default(),
            newest: watch::Sender::default(),
            seats: Arc::new(Semaphore::new(LOOKING)),
            came: Notify::new(),
        }
    }

    /// Keeps the history, and tells those that look what is new. Wakes every [`SAMPLE`] while nobody looks.
    pub(crate) async fn keep(self: Arc<Self>, health: Health) {
        loop {
            let (page, health) = (Arc::clone(&self), health.clone());
            // It takes locks.
            let looked = tokio::task::spawn_blocking(move || page.look(&health)).await;
            if let Err(error) = looked {
                tracing::error!("the page of --admin panicked: {error}");
            }
            let watched = self.is_watched();
            tokio::select! {
                () = sleep(if watched { LOOK } else { SAMPLE }) => {}
                () = self.came.notified(), if !watched => {}
            }
        }
    }

    fn is_watched(&self) -> bool {
        self.newest.receiver_count() > 0
    }

    fn look(&self, health: &Health) {
        let status = health.status_for_anybody();
        let mut history = self.history.lock();
        history.note(&status.host, || self.advice(health));
        if self.is_watched() {
            self.newest.send_replace(self.event(health, &status, &history, NEWEST).into());
        }
    }

    /// How everything is, and what comes after that.
    pub(crate) fn open(&self, health: &Health) -> Answer {
        let Ok(seat) = Arc::clone(&self.seats).try_acquire_owned() else {
            return Answer::text(
                StatusCode::SERVICE_UNAVAILABLE,
                format!("{LOOKING} browsers look at this page: close one of them"),
            );
        };
        let newest = self.newest.subscribe();
        self.came.notify_one();
        let status = health.status_for_anybody();
        let mut history = self.history.lock();
        history.note(&status.host, || self.advice(health));
        let first = self.event(health, &status, &history, usize::MAX);
        Answer::new(StatusCode::OK, "text/event-stream", first).going_on(Events::new(newest, seat))
    }

    /// Advice about networks is about clients.
    fn advice(&self, health: &Health) -> Vec<Advice> {
        const ABOUT_NO_CLIENT: [&str; 4] = ["lifetime-too-short", "store-too-small", "policy-objects", "tickets-only"];
        let mut advice = health.host().advice();
        advice.retain(|advice| self.has_recent || ABOUT_NO_CLIENT.contains(&&*advice.about));
        advice
    }

    fn event(&self, health: &Health, status: &ServerStatus, history: &History, samples: usize) -> String {
        let now = Now {
            status,
            figures: health.host().figures(),
            advice: history.advice(),
            recent: self.has_recent.then(|| Recent::of(health)),
            samples: history.newest(samples),
            changes: history.changes(),
        };
        // Strings, numbers, lists and maps with strings for keys: nothing in it can fail to serialize.
        json_line(&now).map_or_else(|_| String::new(), |line| format!("data: {}\n\n", line.trim_end()))
    }
}
