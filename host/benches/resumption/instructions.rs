//! Instructions for each resumed handshake, counted by callgrind: the figure that repeats on a noisy machine.

use std::{env, fs, process::Command};

use anyhow::{Context, Result, ensure};

use super::server::{Case, Variant};

/// Handshakes of the two runs whose difference is counted, so that start-up cancels out.
const RUNS: [usize; 2] = [50, 250];

/// Prints the table, or why there is none.
pub fn measure() -> Result<()> {
    println!("\n## Instructions per resumed handshake, both ends, by callgrind");
    if Command::new("valgrind").arg("--version").output().is_err() {
        println!("not counted: valgrind is not installed (apt-get install valgrind)");
        return Ok(());
    }
    println!("{:<44} {:>12} {:>10}", "", "thousands", "ratio");
    for case in Case::ALL {
        println!("{case}");
        let mut baseline = None;
        for variant in Variant::ALL {
            let [few, many] = RUNS.map(|handshakes| instructions(variant, case, handshakes));
            let each = (many? - few?) / (RUNS[1] - RUNS[0]) as f64;
            let ratio = *baseline.get_or_insert(each) / each;
            println!("  {:<42} {:>12.1} {ratio:>10.3}", variant.to_string(), each / 1e3);
        }
    }
    Ok(())
}

/// Instructions of the thread that does the handshakes, over the whole run. What the host's other
/// threads do in that time depends on how long it takes.
fn instructions(variant: Variant, case: Case, handshakes: usize) -> Result<f64> {
    let dir = tempfile::tempdir()?;
    let out = dir.path().join("counts");
    let ran = Command::new("valgrind")
        .args(["--tool=callgrind", "--separate-threads=yes"])
        .arg(format!("--callgrind-out-file={}", out.display()))
        .arg(env::current_exe()?)
        .args(["count", variant.name(), &case.name(), &handshakes.to_string()])
        .output()?;
    ensure!(ran.status.success(), "{variant} under callgrind: {}", String::from_utf8_lossy(&ran.stderr));
    let counts = fs::read_to_string(dir.path().join("counts-01")).context("callgrind wrote no counts")?;
    let total = counts.lines().find_map(|line| line.strip_prefix("totals: "));
    total.and_then(|total| total.trim().parse().ok()).context("callgrind's counts have no totals")
}
