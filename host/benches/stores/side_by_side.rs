//! Stores side by side: what a hit takes, how many there are a second, and what a session takes.
//!
//! All stores are full before the first is measured, and each round measures all of them, so that
//! what else the machine is doing meets all alike. Redis is one server on loopback. The times of
//! one look-up after the other are what a single handshake waits; the rate is that of many
//! handshakes that wait at once.

use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use reprise::{
    session::SessionId,
    store::{Consume, Disk, DiskOptions, Memory, Redis, RedisOptions, Store},
};
use reprise_tests::redis::RedisServer;

use super::{entry, id, wait::answer};

/// Look-ups that are under way at once, where the rate is measured.
const AT_ONCE: usize = 64;

/// A store, and what was measured of it.
struct Row {
    name: &'static str,
    store: Arc<dyn Store>,
    /// µs, the median of each round.
    times: Vec<f64>,
    /// Hits per second, of each round.
    rates: Vec<f64>,
    bytes: f64,
}

/// Prints the table.
pub fn measure(sessions: u64, look_ups: u64, rounds: u64, record: usize) -> Result<()> {
    let directory = tempfile::tempdir()?;
    let disk = Disk::open(directory.path(), DiskOptions { size: 16 << 30 })?;
    let server = RedisServer::start();
    let redis = Redis::connect(&server.url(), RedisOptions::default())?;
    let mut rows = vec![
        row("memory", Memory::with_budgets(4 << 30, 0), sessions, record, |_, _| true)?,
        row("disk", disk, sessions, record, |disk, _| disk.flush(Duration::from_millis(20)))?,
        // A look-up waits for a put that is under way. An error is that it is not connected yet.
        row("redis", redis, sessions, record, |redis, last| {
            matches!(answer(redis.fetch(last, Consume::Never, 0)), Ok(Some(_)))
        })?,
    ];
    rows[2].bytes = memory_usage(&server)?;
    for round in 0..rounds {
        for row in &mut rows {
            let scattered = |number: u64| id((round * look_ups + number).wrapping_mul(0x9e37_79b9) % sessions);
            row.times.push(one_after_another(&*row.store, look_ups, scattered)?);
            row.rates.push(at_once(&*row.store, look_ups, scattered)?);
        }
    }
    println!("\n{sessions} sessions; medians of {rounds} rounds of {look_ups} look-ups of each kind; times in µs\n");
    println!("{:<10} {:>12} {:>14} {:>14} {:>14}", "", "hit, median", "over memory", "hits/second", "bytes/session");
    let memory = rows[0].times.clone();
    for Row { name, times, rates, bytes, .. } in &mut rows {
        let over: Vec<f64> = times.iter().zip(&memory).map(|(time, memory)| time - memory).collect();
        let (time, over, rate) = (median(times.clone()), median(over), median(rates.clone()));
        println!("{name:<10} {time:>12.1} {over:>14.1} {rate:>14.0} {bytes:>14.0}");
    }
    Ok(())
}

/// A store that has so many sessions. `written`: whether it has all up to this one.
fn row<S: Store>(
    name: &'static str,
    store: S,
    sessions: u64,
    record: usize,
    written: impl Fn(&S, &SessionId) -> bool,
) -> Result<Row> {
    for number in 0..sessions {
        store.put(id(number), entry(record), 0);
        // It is written behind, and what comes faster is dropped.
        if number % 1_024 == 1_023 || number + 1 == sessions {
            let patience = Instant::now() + Duration::from_secs(60);
            while !written(&store, &id(number)) {
                ensure!(Instant::now() < patience, "{name} does not keep up: {:?}", store.usage());
            }
        }
    }
    let usage = store.usage();
    ensure!(usage.dropped + usage.evicted == 0, "{name} has no room for all: {usage:?}");
    let bytes = usage.bytes as f64 / usage.sessions.max(1) as f64;
    Ok(Row { name, store: Arc::new(store), times: Vec::new(), rates: Vec::new(), bytes })
}

/// The median time of a hit, in µs.
fn one_after_another(store: &dyn Store, look_ups: u64, id: impl Fn(u64) -> SessionId) -> Result<f64> {
    let mut times = Vec::new();
    for number in 0..look_ups {
        let start = Instant::now();
        let found = answer(store.fetch(&id(number), Consume::Never, 0))?;
        times.push(start.elapsed().as_secs_f64() * 1e6);
        ensure!(found.is_some(), "a session is lost");
    }
    Ok(median(times))
}

/// Hits per second, of many look-ups under way at once.
fn at_once(store: &dyn Store, look_ups: u64, id: impl Fn(u64) -> SessionId) -> Result<f64> {
    let start = Instant::now();
    let mut under_way = VecDeque::new();
    for number in 0..look_ups {
        under_way.push_back(store.fetch(&id(number), Consume::Never, 0));
        if under_way.len() == AT_ONCE {
            let first = under_way.pop_front().map(answer).transpose()?;
            ensure!(first.flatten().is_some(), "a session is lost");
        }
    }
    for fetch in under_way {
        ensure!(answer(fetch)?.is_some(), "a session is lost");
    }
    Ok(look_ups as f64 / start.elapsed().as_secs_f64())
}

/// What the server says that a session takes, its key and its place in the table of keys counted.
fn memory_usage(server: &RedisServer) -> Result<f64> {
    const OF_A_HUNDRED: &str = "local bytes = 0
        for _ = 1, 100 do bytes = bytes + redis.call('MEMORY', 'USAGE', redis.call('RANDOMKEY')) end
        return bytes";
    Ok(server.try_ask::<u64>(&["EVAL", OF_A_HUNDRED, "0"])? as f64 / 100.0)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
