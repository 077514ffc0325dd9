//! A thread that looks sessions up.

use reprise_session::{session::SessionId, vital::Heart};
use rusqlite::Connection;
use tokio::sync::oneshot::Sender;

use super::{
    jobs::{Job, Pace},
    living::Shared,
    queue::{Change, Urgent},
    table::{self, Stored},
    unavailable,
};
use crate::store::{Answer, RecordBytes};

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
        Job::Fetch { id, now, takes, asked, reply } => match fetch(shared, connection, &id, now, takes) {
            Ok(Found::Answer(answer)) => {
                let _ = reply.send(answer); // Nobody waits any more.
                shared.jobs.answered(asked);
            }
            Ok(Found::SingleUse) => take(shared, id, now, reply),
            Err(error) => return Err(Box::new((Job::Fetch { id, now, takes, asked, reply }, error))),
        },
        Job::Peek { id, reply } => match peek(shared, connection, &id) {
            Ok(record) => drop(reply.try_send(record)),
            Err(error) => return Err(Box::new((Job::Peek { id, reply }, error))),
        },
    }
    Ok(())
}

/// Hands a look-up that consumes to the writer.
pub fn take(shared: &Shared, id: SessionId, now: u64, reply: Sender<Answer>) {
    // Where the writer is gone so is the reply, which tells.
    shared.queue.urge(Urgent::Take { id, now, reply });
}

enum Found {
    Answer(Answer),
    SingleUse,
}

fn fetch(shared: &Shared, connection: &Connection, id: &SessionId, now: u64, takes: bool) -> rusqlite::Result<Found> {
    // Looked at before the store: what is committed in between is there.
    let waiting = shared.queue.waiting(id);
    let (notices, stored) = table::find(connection, id)?;
    shared.common.notices.catch_up(connection, notices)?;
    let stored = match waiting.as_deref() {
        Some(Change::Put { entry, since }) => Some(Stored::waiting(entry, *since, shared.boot)),
        Some(Change::Remove) => None,
        None => stored,
    };
    Ok(match stored.filter(|stored| stored.expires > now) {
        None => Found::Answer(Ok(None)),
        Some(stored) if stored.single_use && takes => Found::SingleUse,
        // Looked at, it is not used.
        Some(stored) if stored.single_use => Found::Answer(Ok(Some(stored.found(false, 0, now)))),
        Some(stored) => Found::Answer(Ok(Some(stored.found(false, shared.queue.fetched(id), now)))),
    })
}

fn peek(shared: &Shared, connection: &Connection, id: &SessionId) -> rusqlite::Result<Option<RecordBytes>> {
    match shared.queue.waiting(id).as_deref() {
        Some(Change::Put { entry, .. }) => Ok(Some(entry.record.clone())),
        Some(Change::Remove) => Ok(None),
        None => Ok(table::find(connection, id)?.1.map(|stored| stored.record)),
    }
}
