//! What a store costs: `cargo xtask bench -- stores [SESSIONS|quick]`.
//!
//! Each store is filled with so many sessions, a million unless told otherwise, and asked for them
//! one after the other, in an order that no cache helps with. Times are what a handshake waits, as
//! it waits: parked until the store's answer is there. `put` is what a handshake spends; `written`
//! what it takes until a session is where it survives the process, by the clock. A hit is also
//! measured a millisecond after the one before, when threads and cores have fallen asleep. Then the
//! stores are measured in turn, with Redis among them: see `side_by_side`.

mod record;
mod side_by_side;
mod wait;

use std::{
    env, thread,
    time::{Duration, Instant},
};

use reprise::{
    session::SessionId,
    store::{Consume, Disk, DiskOptions, Entry, Memory, Priority, Reach, RecordBytes, Store},
};

use self::wait::answer;

/// Look-ups of each kind.
const LOOK_UPS: u64 = 20_000;

/// And of those after a pause.
const AFTER_A_PAUSE: u64 = 2_000;
const PAUSE: Duration = Duration::from_millis(1);

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let (sessions, look_ups, rounds) = match arguments.first().map(String::as_str) {
        None => (1_000_000, 2_000, 15),
        Some("quick") => (20_000, 500, 5),
        Some(sessions) => (sessions.parse()?, 2_000, 15),
    };
    let (der, record) = record::lengths()?;
    println!("{sessions} sessions; DER {der} bytes, sealed record {record} bytes; times in µs\n");
    println!(
        "{:<10} {:>8} {:>9} {:>11} {:>8} {:>11} {:>8} {:>12} {:>8} {:>12} {:>8} {:>13}",
        "",
        "put",
        "written",
        "hit, median",
        "p99",
        "after 1 ms",
        "p99",
        "miss, median",
        "p99",
        "take, median",
        "p99",
        "bytes/session"
    );
    measure("memory", Memory::with_budgets(4 << 30, 0), sessions, record, |_| true);
    let dir = tempfile::tempdir()?;
    let disk = Disk::open(dir.path(), DiskOptions { size: 16 << 30 })?;
    measure("disk", disk, sessions, record, |disk| disk.flush(Duration::from_millis(20)));
    side_by_side::measure(sessions.min(100_000), look_ups, rounds, record)
}

/// A row of the table.
fn measure<S: Store>(name: &str, store: S, sessions: u64, record: usize, flushed: impl Fn(&S) -> bool) {
    let entry = entry(record);
    let (start, mut putting) = (Instant::now(), Duration::ZERO);
    for number in 0..sessions {
        // As busy as the store allows, and no busier: it drops what it cannot take.
        if number % 4_096 == 0 {
            while !flushed(&store) {}
        }
        let put = Instant::now();
        store.put(id(number), entry.clone(), 0);
        putting += put.elapsed();
    }
    while !flushed(&store) {}
    let written = start.elapsed();
    let per_session = |span: Duration| span.as_secs_f64() * 1e6 / sessions as f64;
    print!("{name:<10} {:>8.2} {:>9.2}", per_session(putting), per_session(written));
    // Before some are taken.
    let usage = store.usage();
    // What is put last is in memory everywhere.
    let scattered = |number: u64| id(number.wrapping_mul(0x9e37_79b9) % sessions);
    let none = Duration::ZERO;
    look_up(&store, scattered, Consume::Never, true, LOOK_UPS, none);
    look_up(&store, |number| scattered(LOOK_UPS + number), Consume::Never, true, AFTER_A_PAUSE, PAUSE);
    look_up(&store, |number| id(sessions + number), Consume::Never, false, LOOK_UPS, none);
    look_up(&store, scattered, Consume::Always, true, LOOK_UPS, none);
    println!(" {:>13.0}", usage.bytes as f64 / usage.sessions as f64);
    assert_eq!(usage.dropped + usage.evicted, 0, "there is room for all");
}

fn entry(record: usize) -> Entry {
    Entry {
        record: RecordBytes::new(vec![7; record]),
        expires: 1_000,
        single_use: false,
        renews: None,
        since: None,
        priority: Priority::Normal,
        reach: Reach::Node,
        prototype: None,
    }
}

/// The median and the 99th percentile of so many look-ups, each after a pause.
fn look_up(
    store: &dyn Store,
    id: impl Fn(u64) -> SessionId,
    consume: Consume,
    there: bool,
    look_ups: u64,
    pause: Duration,
) {
    let mut times: Vec<Duration> = (0..look_ups)
        .map(|number| {
            if !pause.is_zero() {
                thread::sleep(pause);
            }
            let start = Instant::now();
            let found = answer(store.fetch(&id(number), consume, 0)).expect("the store answers");
            let time = start.elapsed();
            assert!(found.is_some() == there || consume == Consume::Always, "the wrong answer");
            time
        })
        .collect();
    times.sort();
    let at = |part: usize| times[times.len() * part / 100].as_secs_f64() * 1e6;
    print!(" {:>11.1} {:>8.1}", at(50), at(99));
}

/// Spread as the ids of sessions are.
fn id(number: u64) -> SessionId {
    let mut id = [0; 32];
    for (index, part) in id.chunks_mut(8).enumerate() {
        let mixed = (number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(index as u32 * 16 + 7);
        part.copy_from_slice(&mixed.wrapping_mul(0xbf58_476d_1ce4_e5b9).to_be_bytes());
    }
    SessionId::from(id)
}
