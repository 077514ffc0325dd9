//! Policies of 12 to 18 MB, with a language's interpreter inside.

use std::{env, fs, time::Instant};

use nix::sys::{
    resource::{UsageWho, getrusage},
    time::TimeValLike,
};

use super::*;

/// Bytes of this process that are in memory.
fn resident() -> usize {
    let statm = fs::read_to_string("/proc/self/statm").unwrap();
    statm.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
}

/// Seconds that this process has computed.
fn computed() -> f64 {
    let usage = getrusage(UsageWho::RUSAGE_SELF).unwrap();
    [usage.user_time(), usage.system_time()].iter().map(|time| time.num_microseconds() as f64 / 1e6).sum()
}

/// Prints what the policies in `REPRISE_LARGE` (files, separated by colons) cost: from bytes to a
/// policy that answers, the first time and again after a restart, in a call, and in memory.
#[test]
#[ignore = "a measurement, of files that another build makes"]
fn what_large_policies_cost() {
    let dir = tempfile::tempdir().unwrap();
    for file in env::var("REPRISE_LARGE").expect("files in REPRISE_LARGE").split(':') {
        let module = fs::read(file).unwrap();
        for round in ["first", "again"] {
            let runtime =
                Runtime::new(RuntimeOptions { cache: Some(dir.path().join("cache")), ..RuntimeOptions::default() });
            let runtime = runtime.unwrap();
            let (before, had_computed, start) = (resident(), computed(), Instant::now());
            let policy = load(&runtime, "large", &module, "").unwrap_or_else(|rejection| panic!("{rejection}"));
            let (live, computed) = (start.elapsed(), computed() - had_computed);
            let (resident, instances) = (resident().saturating_sub(before) >> 20, policy.status().instances);
            println!(
                "{file}, {round}: live after {live:?} ({computed:.2} s computed), {resident} MB, {instances} instances"
            );
            let chain = Chain::new(vec![policy]);
            for callback in ["new", "get"] {
                let mut calls = Vec::new();
                for _ in 0..1_000 {
                    let start = Instant::now();
                    if callback == "new" {
                        drop(decide_new(&chain, &mut ample()))
                    } else {
                        drop(decide_get(&chain, &mut ample()))
                    };
                    calls.push(start.elapsed());
                }
                let first: Vec<_> = calls[..5].to_vec();
                calls.sort();
                println!("  {callback}: first {first:?}, median {:?}, largest {:?}", calls[500], calls[999]);
            }
        }
    }
}
