//! What a policy costs: `cargo xtask bench`.
//!
//! Every variant of a measurement runs in turn, round after round, in one process, so that what
//! else the machine is doing meets all of them alike; medians and ratios are what to read.
//! Instructions are counted too, where valgrind is installed: that figure repeats.
//! `count VARIANT CASE N` runs N resumed handshakes and nothing else, for a profiler.

mod callback;
mod hostile;
mod instructions;
mod server;
mod wire;

use std::{env, hint::black_box, path::PathBuf, time::Instant};

use self::{
    server::{Case, Server, Variant},
    wire::Client,
};

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = env::args().skip(1).filter(|argument| argument != "--bench").collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["count", variant, case, handshakes] => count(variant.parse()?, case.parse()?, handshakes.parse()?),
        ["hostile"] => hostile::measure(4_000),
        ["quick"] => measure(40, 5),
        _ => measure(300, 15),
    }
}

/// The policy that is measured: one with both callbacks that look at their facts.
pub fn policy() -> PathBuf {
    let built = env::var_os("REPRISE_POLICIES").map(PathBuf::from);
    let built = built.unwrap_or_else(|| concat!(env!("CARGO_MANIFEST_DIR"), "/../target/policies").into());
    built.join("tenants.wasm")
}

fn count(variant: Variant, case: Case, handshakes: usize) -> anyhow::Result<()> {
    let server = Server::new(variant, case)?;
    let mut client = Client::new(&server, case)?;
    client.handshake(&server)?;
    for _ in 0..handshakes {
        let resumed = client.handshake(&server)?;
        anyhow::ensure!(black_box(resumed), "a handshake of {variant} did not resume");
    }
    Ok(())
}

fn measure(handshakes: usize, rounds: usize) -> anyhow::Result<()> {
    println!("{}; medians, {} resumed handshakes of each variant", openssl::version::version(), rounds * handshakes);
    for case in Case::ALL {
        println!("\n## {case}: resumed handshakes, both ends");
        println!("{:<34} {:>12} {:>12} {:>10}", "", "µs", "per second", "ratio");
        resumed_handshakes(case, handshakes, rounds)?;
    }
    for case in Case::ALL {
        println!("\n## {case}: callbacks");
        println!("{:<34} {:>12} {:>12}", "", "get, µs", "new, µs");
        callback::measure(case, handshakes, rounds)?;
    }
    hostile::measure(10 * handshakes)?;
    instructions::measure()
}

/// Handshakes of a turn: enough that a variant's code and data are warm, few enough that what else
/// the machine does in the meantime meets all variants of a round alike.
const TURN: usize = 50;

/// Handshakes per second of each variant, and their ratio to the first in the same round.
fn resumed_handshakes(case: Case, handshakes: usize, rounds: usize) -> anyhow::Result<()> {
    let mut runs = Vec::new();
    for variant in Variant::ALL {
        let server = Server::new(variant, case)?;
        let mut client = Client::new(&server, case)?;
        client.handshake(&server)?;
        runs.push((variant, server, client, Vec::new()));
    }
    let variants = runs.len();
    for round in 0..rounds * handshakes.div_ceil(TURN) {
        for turn in 0..variants {
            // Whoever comes after another finds what that one left in the caches.
            let (variant, server, client, times) = &mut runs[(round + turn) % variants];
            anyhow::ensure!(client.handshake(server)?, "a handshake of {variant} did not resume");
            let start = Instant::now();
            for _ in 0..TURN {
                anyhow::ensure!(client.handshake(server)?, "a handshake of {variant} did not resume");
            }
            times.push(start.elapsed().as_secs_f64() * 1e6 / TURN as f64);
        }
    }
    let baselines: Vec<f64> = runs[0].3.clone();
    for (variant, _, _, times) in &mut runs {
        let ratio = median(&mut baselines.iter().zip(times.iter()).map(|(base, time)| base / time).collect::<Vec<_>>());
        let time = median(times);
        println!("{:<34} {time:>12.1} {:>12.0} {ratio:>10.3}", variant.to_string(), 1e6 / time);
    }
    Ok(())
}

/// The middle one.
pub fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
