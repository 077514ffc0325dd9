//! A thread that looks sessions up.

use reprise_session::{session::SessionId, vital::Heart};
use rusqlite::Connection;

use super::{
    jobs::{Job, Pace},
    living::Shared,
    queue::Change,
    table::{self, Stored},
    unavailable,
};
use crate::store::{Found, RecordBytes};

pub fn run(shared: &Shared, heart: &Heart) {
    let mut held = None;
    let mut pace = Pace::default();
    while let Some(job) = shared.jobs.next(&mut pace) {
        let _busy = heart.works();
        let done = match shared.connected(&mut held) {
            Ok(opened) => look_up(shared, &opened.connection, job),
            Err(error) => Err(Box::new((job, error))),
        };
        if let Err(failed) = done {
            let (job, error) = *failed;
            // The next look-up has a new connection: what failed may lie in this one.
            shared.failed(&mut held, &error);
            let error = unavailable(&error);
            match job {
                Job::Fetch { reply, .. } => drop(reply.send(Err(error.into()))),
                Job::Peek { id, reply } => {
                    tracing::warn!(session = %id, %error, "a session cannot be read");
                    let _ = reply.try_send(None);
                }
            }
        }
    }
}

fn look_up(shared: &Shared, connection: &Connection, job: Job) -> Result<(), Box<(Job, rusqlite::Error)>> {
    match job {
        Job::Fetch { id, now, asked, reply } => match fetch(shared, connection, &id, now) {
            Ok(found) => {
                let _ = reply.send(Ok(found)); // Nobody waits any more.
                shared.jobs.answered(asked);
            }
            Err(error) => return Err(Box::new((Job::Fetch { id, now, asked, reply }, error))),
        },
        Job::Peek { id, reply } => match peek(shared, connection, &id) {
            Ok(record) => drop(reply.try_send(record)),
            Err(error) => return Err(Box::new((Job::Peek { id, reply }, error))),
        },
    }
    Ok(())
}

fn fetch(shared: &Shared, connection: &Connection, id: &SessionId, now: u64) -> rusqlite::Result<Option<Found>> {
    // Looked at before the store: what is committed in between is there.
    let waiting = shared.queue.waiting(id);
    let (notices, stored) = table::find(connection, id)?;
    shared.common.notices.catch_up(connection, notices)?;
    let stored = match waiting.as_deref() {
        Some(Change::Put { entry, since }) => Some(Stored::waiting(entry, *since, shared.boot)),
        Some(Change::Remove) => None,
        None => stored,
    };
    Ok(stored.filter(|stored| stored.expires > now).map(|stored| {
        // Looked at, a session for single use is not used.
        let fetched = if stored.single_use { 0 } else { shared.queue.fetched(id) };
        stored.found(false, fetched, now)
    }))
}

fn peek(shared: &Shared, connection: &Connection, id: &SessionId) -> rusqlite::Result<Option<RecordBytes>> {
    match shared.queue.waiting(id).as_deref() {
        Some(Change::Put { entry, .. }) => Ok(Some(entry.record.clone())),
        Some(Change::Remove) => Ok(None),
        None => Ok(table::find(connection, id)?.1.map(|stored| stored.record)),
    }
}
