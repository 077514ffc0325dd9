//! A thread that moves what is committed from the log (WAL) into the database.
//!
//! That syncs both files, which may take long; nobody waits for it, and neither readers nor writers are held up. What is committed
//! and not checkpointed is what a power loss may cost.

use std::{
    sync::atomic::Ordering::Relaxed,
    time::{Duration, Instant},
};

use rusqlite::Connection;

use super::living::Shared;

/// How often it looks.
const LOOK: Duration = Duration::from_millis(100);
/// So many operations are checkpointed at the next look, fewer after a while.
pub const MANY: u64 = 500;
const AT_LATEST: Duration = Duration::from_secs(5);

/// A log of so many pages is begun anew, for which writers wait a moment: by itself it is only when none has written between a
/// checkpoint's end and the next commit. 64 MiB.
const LONG: i64 = 16_384;

pub fn run(shared: &Shared) {
    let mut connection = shared.place.open().ok();
    let mut last = Instant::now();
    while shared.wait(LOOK) {
        let committed = shared.committed.load(Relaxed);
        if committed == 0 || (committed < MANY && last.elapsed() < AT_LATEST) {
            continue;
        }
        let done = connection.take().map_or_else(|| shared.place.open(), Ok).and_then(|opened| {
            checkpoint(&opened)?;
            Ok(opened)
        });
        shared.committed.fetch_sub(committed, Relaxed);
        last = Instant::now();
        match done {
            Ok(opened) => connection = Some(opened),
            Err(error) => tracing::warn!(%error, "the session store on disk cannot be checkpointed: its log grows"),
        }
    }
}

fn checkpoint(connection: &Connection) -> rusqlite::Result<()> {
    let run =
        |mode: &str| connection.query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |row| row.get::<_, i64>(1));
    if run("PASSIVE")? > LONG {
        run("TRUNCATE")?;
    }
    Ok(())
}
