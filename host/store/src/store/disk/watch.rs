//! A thread that hears what other processes have to say: notices, and sessions that they consumed or removed.

use std::{
    sync::atomic::Ordering::Relaxed,
    time::{Duration, Instant},
};

use reprise_session::{clock, session::SessionId, vital::Heart};
use rusqlite::{Connection, params};
use tokio::sync::oneshot::Sender;

use super::{living::Shared, notices, room::Pages};
use crate::store::{KnownBy, Published, Unavailable};

/// How often it looks; oftener while somebody waits to hear who knows a notice.
const LOOK: Duration = Duration::from_millis(250);
const LOOK_FOR_ANSWERS: Duration = Duration::from_millis(20);

/// How often a process says that it is there, and after how many seconds of silence it is taken to
/// be gone. Whoever is gone and comes back reads the notices before it finds a session.
const BEAT: Duration = Duration::from_secs(1);
const GONE: u64 = 10;

/// The most changes that are remembered for other processes, those read at once, and those
/// forgotten at once. Processes look four times a second; one that was stopped for so long that
/// more came is not told of the first of them.
const REMEMBERED: i64 = 65_536;
const AT_ONCE: i64 = 4_096;
const FORGOTTEN_AT_ONCE: i64 = 16_384;

/// A notice that the store has, and who waits to hear who knows it.
pub struct Publication {
    /// The count of notices with it.
    pub count: i64,
    pub until: Instant,
    pub reply: Sender<Result<Published, Unavailable>>,
}

pub fn run(shared: &Shared, heart: &Heart) {
    let mut held = None;
    let mut seen = None;
    let mut beat = None;
    let mut said = false;
    loop {
        let busy = heart.works();
        let looked = shared.connected(&mut held).and_then(|opened| {
            if seen.is_some_and(|(file, _)| file != opened.identity) {
                // Its changes are counted anew, and nobody there knows of this process yet.
                (seen, beat) = (None, None);
            }
            let number = look(shared, &opened.connection, seen.map(|(_, number)| number))?;
            seen = Some((opened.identity, number));
            Ok(())
        });
        match looked {
            Ok(()) => said = false,
            Err(error) => {
                if !said {
                    tracing::warn!(%error, "the session store on disk cannot be read: nothing is heard from others");
                }
                said = true;
                shared.failed(&mut held, &error);
            }
        }
        let known = shared.common.notices.known();
        if beat.is_none_or(|(last, said): (Instant, i64)| last.elapsed() >= BEAT || said != known) {
            shared.queue.beat(known);
            beat = Some((Instant::now(), known));
        }
        drop(busy);
        let look = if shared.publications.lock().is_empty() { LOOK } else { LOOK_FOR_ANSWERS };
        if !shared.wait(look) {
            return;
        }
    }
}

/// Says that this process is there. Within a transaction.
pub fn beat(connection: &Connection, node: i64, knows: i64) -> rusqlite::Result<()> {
    let mut beat = connection.prepare_cached(
        "INSERT INTO nodes (node, name, heard, knows) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT DO UPDATE SET heard = excluded.heard, knows = excluded.knows",
    )?;
    let now = clock::now();
    beat.execute(params![node, format!("process {}", std::process::id()), now, knows])?;
    connection.prepare_cached("DELETE FROM nodes WHERE heard < ?1")?.execute([now.saturating_sub(GONE)]).map(drop)
}

/// Says that this process is gone.
pub fn leave(connection: &Connection, node: i64) -> rusqlite::Result<()> {
    connection.execute("DELETE FROM nodes WHERE node = ?1", [node]).map(drop)
}

/// Tells the other processes that copies of a session are to go. Within a transaction.
pub fn changed(connection: &Connection, node: i64, id: &SessionId) -> rusqlite::Result<()> {
    let mut changed = connection.prepare_cached("INSERT INTO changes (node, id) VALUES (?1, ?2)")?;
    changed.execute(params![node, id.as_bytes()]).map(drop)
}

/// Forgets changes that every process has had time to hear of. The last ones stay: numbers go on from them.
pub fn forget(connection: &Connection) -> rusqlite::Result<()> {
    let mut forget = connection.prepare_cached(
        "DELETE FROM changes WHERE number <= (SELECT max(number) FROM changes) - ?1
         AND number < (SELECT min(number) FROM changes) + ?2",
    )?;
    forget.execute([REMEMBERED, FORGOTTEN_AT_ONCE]).map(drop)
}

/// Gives the number of the last change that is known.
fn look(shared: &Shared, connection: &Connection, seen: Option<i64>) -> rusqlite::Result<i64> {
    let count = notices::count(connection)?;
    shared.common.notices.catch_up(connection, count)?;
    let seen = invalidate(shared, connection, seen)?;
    let sessions =
        connection.prepare_cached("SELECT sessions FROM store")?.query_row([], |row| row.get::<_, u64>(0))?;
    shared.common.counts.sessions.store(sessions, Relaxed);
    shared.common.counts.bytes.store(Pages::count(connection)?.bytes(), Relaxed);
    answer(shared, connection)?;
    Ok(seen)
}

/// Tells of what other processes consumed or removed since, and gives the number of the last of it.
fn invalidate(shared: &Shared, connection: &Connection, seen: Option<i64>) -> rusqlite::Result<i64> {
    let Some(mut seen) = seen else {
        let mut last = connection.prepare_cached("SELECT coalesce(max(number), 0) FROM changes")?;
        return last.query_row([], |row| row.get(0));
    };
    let mut changes =
        connection.prepare_cached("SELECT number, node, id FROM changes WHERE number > ?1 ORDER BY number LIMIT ?2")?;
    loop {
        let before = seen;
        let mut rows = changes.query([seen, AT_ONCE])?;
        let mut gone = Vec::new();
        while let Some(row) = rows.next()? {
            seen = row.get(0)?;
            if row.get::<_, i64>(1)? != shared.node {
                gone.push(SessionId::from(row.get::<_, [u8; 32]>(2)?));
            }
        }
        // Told outside the transaction, which would keep the log from being begun anew.
        drop(rows);
        if let Some(observer) = shared.common.invalidations.get() {
            gone.iter().for_each(|id| observer(id));
        }
        if seen - before < AT_ONCE {
            return Ok(seen);
        }
    }
}

/// Answers those who published and whose time is up, or whose notice every process knows.
fn answer(shared: &Shared, connection: &Connection) -> rusqlite::Result<()> {
    let mut publications = shared.publications.lock();
    if publications.is_empty() {
        return Ok(());
    }
    let mut nodes = connection.prepare_cached("SELECT node, name, heard, knows FROM nodes ORDER BY name")?;
    let now = clock::now();
    let nodes = nodes.query_map([], |row| {
        let (node, knows): (i64, i64) = (row.get(0)?, row.get(3)?);
        // What this process knows need not have been written yet.
        let knows = if node == shared.node { shared.common.notices.known() } else { knows };
        Ok((row.get::<_, String>(1)?, now.saturating_sub(row.get(2)?), knows))
    })?;
    let nodes = nodes.collect::<rusqlite::Result<Vec<_>>>()?;
    // In a file that took the place of another, processes have yet to say that they are there.
    let settled = shared.common.notices.renewed().is_none_or(|since| since > 2 * BEAT);
    for publication in publications.extract_if(.., |publication| {
        Instant::now() >= publication.until || settled && nodes.iter().all(|(.., knows)| *knows >= publication.count)
    }) {
        let nodes = nodes.iter().map(|(node, heard, knows)| KnownBy {
            node: node.clone(),
            knows: *knows >= publication.count,
            heard: *heard,
        });
        let _ = publication.reply.send(Ok(Published { nodes: nodes.collect() })); // Nobody waits any more.
    }
    Ok(())
}
