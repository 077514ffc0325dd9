//! What a policy costs a server, by its language. Not a test of anything:
//! `cargo test --release --workspace --test end_to_end languages -- --ignored --nocapture` prints
//! what docs/languages.md has.

use std::{fs, path::Path, time::Instant};

use reprise_tests::{Place, Server, built};

#[test]
#[ignore = "a measurement"]
fn from_drop_to_live() {
    println!("{:<22}{:>10}{:>14}{:>16}{:>14}", "", "KB", "live after s", "restarted, s", "server, MB");
    let shipped = [built::policies(), built::policies().join("languages")];
    let mut modules: Vec<_> = shipped.iter().flat_map(|folder| fs::read_dir(folder).unwrap()).collect();
    modules.retain(|entry| entry.as_ref().is_ok_and(|entry| is_wanted(&entry.path())));
    for module in modules.into_iter().map(|entry| entry.unwrap().path()) {
        let name = module.file_stem().unwrap().to_string_lossy().into_owned();
        let place = Place::new();
        let server = place.serve(&[]);
        let before = resident(&server);
        if let Ok(settings) = fs::read(module.with_extension("toml")) {
            place.policy(&format!("{name}.toml"), settings);
        }
        let content = fs::read(&module).unwrap();
        let dropped = Instant::now();
        place.policy(&format!("{name}.wasm"), &content);
        server.live(&name, 1);
        let first = dropped.elapsed();
        let mut server = server;
        server.kill();
        let restarted = Instant::now();
        let server = place.serve(&[]);
        server.live(&name, 1);
        let again = restarted.elapsed();
        let memory = resident(&server).saturating_sub(before) as f64 / 1024.0;
        let (size, first, again) = (content.len().div_ceil(1024), first.as_secs_f64(), again.as_secs_f64());
        println!("{name:<22}{size:>10}{first:>14.2}{again:>16.2}{memory:>14.1}");
    }
}

fn is_wanted(file: &Path) -> bool {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    name.starts_with("tenants") && name.ends_with(".wasm")
}

/// A server's memory, in KB.
fn resident(server: &Server) -> usize {
    let status = fs::read_to_string(format!("/proc/{}/status", server.process())).unwrap();
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    resident.trim().trim_end_matches(" kB").parse().unwrap()
}
