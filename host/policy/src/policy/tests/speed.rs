//! What a call costs. Not a test of anything: `cargo test --release -p reprise --lib policy::tests::speed -- --ignored
//! --nocapture` prints it.

use std::{fs, hint::black_box, path::Path, time::Instant};

use reprise_fixtures::policies;

use super::*;

const CALLS: u32 = 200_000;

fn median_nanoseconds(mut call: impl FnMut()) -> u128 {
    median_of(CALLS, &mut call)
}

fn median_of(calls: u32, call: &mut dyn FnMut()) -> u128 {
    let mut rounds: Vec<_> = (0..21)
        .map(|_| {
            let start = Instant::now();
            (0..calls / 21).for_each(|_| call());
            start.elapsed().as_nanos() / u128::from(calls / 21)
        })
        .collect();
    rounds.sort_unstable();
    rounds[rounds.len() / 2]
}

#[test]
#[ignore = "a measurement"]
fn what_a_decision_costs() {
    let runtime = runtime();
    let (connection, session) = (connection(), session());
    let mut with_attributes = (connection.clone(), session.clone());
    with_attributes.0.attributes = vec![("site".into(), "a".into())];
    with_attributes.1.attributes = vec![("site".into(), "a".into())];
    let notes: Notes = vec![("a".into(), b"note".to_vec())];
    let none = Notes::new();
    let one = chain_of(&runtime, &[("a", policies::no_opinion())]);
    let three = chain_of(
        &runtime,
        &[("a", policies::no_opinion()), ("b", policies::no_opinion()), ("c", policies::no_opinion())],
    );
    let empty = Chain::default();
    let get = |chain: &Chain, connection: &Connection, session: &Session, notes: &Notes| {
        median_nanoseconds(|| {
            black_box(chain.decide_get(&mut ample(), black_box(connection), session, notes));
        })
    };
    println!("get-session, no policy:            {:>6} ns", get(&empty, &connection, &session, &none));
    println!("get-session, one policy:           {:>6} ns", get(&one, &connection, &session, &none));
    println!("get-session, one, with its note:   {:>6} ns", get(&one, &connection, &session, &notes));
    println!("get-session, one, site not asked:  {:>6} ns", get(&one, &with_attributes.0, &with_attributes.1, &none));
    println!("get-session, three policies:       {:>6} ns", get(&three, &connection, &session, &none));
    let new = median_nanoseconds(|| {
        black_box(one.decide_new(&mut ample(), black_box(&connection), &session, &none));
    });
    println!("new-session, one policy:           {new:>6} ns");

    let module = policies::no_opinion();
    let mut loads: Vec<_> = (0..11)
        .map(|_| {
            let start = Instant::now();
            load(&runtime, "loaded", &module, "").unwrap();
            start.elapsed().as_micros()
        })
        .collect();
    loads.sort_unstable();
    println!("load, {} bytes, 2 instances:     {:>6} µs", module.len(), loads[5]);
}

/// The policies that `cargo xtask languages` makes, as docs/languages.md has them: what each takes
/// to compile, to load again from the cache, to ask, and to keep an instance of.
#[test]
#[ignore = "a measurement"]
fn what_a_language_costs() {
    const INSTANCES: usize = 9;
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/policies");
    let folders = [shipped.clone(), shipped.join("languages")];
    let mut files: Vec<_> =
        folders.iter().flat_map(|folder| fs::read_dir(folder).into_iter().flatten().flatten()).collect();
    files.retain(|file| file.path().extension().is_some_and(|extension| extension == "wasm"));
    files.sort_by_key(|file| file.file_name());
    println!(
        "{:<24}{:>10}{:>12}{:>10}{:>10}{:>10}{:>12}",
        "", "KB", "compile ms", "load ms", "get ns", "new ns", "instance KB"
    );
    for file in files.iter().map(|file| file.path()) {
        let module = fs::read(&file).unwrap();
        let cache = tempfile::tempdir().unwrap();
        let runtime = runtime_with(|options| {
            options.cache = Some(cache.path().join("compiled"));
            options.policies = 16;
        });
        let name = file.file_stem().unwrap().to_string_lossy();
        let timed = |instances: usize| {
            let start = Instant::now();
            let loaded = load(&runtime, &name, &module, &format!("memory = \"64 MiB\"\ninstances = {instances}"));
            (loaded.unwrap(), start.elapsed().as_millis())
        };
        let (policy, compile) = timed(1);
        let (_, again) = timed(1);
        let before = resident();
        let (several, _) = timed(INSTANCES);
        let instance = (resident().saturating_sub(before)) / INSTANCES;
        drop(several);
        let chain = Chain::new(vec![policy]);
        let (connection, session) = (connection(), session());
        let calls = |call: &mut dyn FnMut()| median_of(2_100, call);
        let get = calls(&mut || drop(black_box(chain.decide_get(&mut ample(), &connection, &session, &Notes::new()))));
        let new = calls(&mut || drop(black_box(chain.decide_new(&mut ample(), &connection, &session, &Notes::new()))));
        let size = module.len().div_ceil(1024);
        println!("{name:<24}{size:>10}{compile:>12}{again:>10}{get:>10}{new:>10}{instance:>12}");
    }
}

/// This process's memory, in KB.
fn resident() -> usize {
    let pages = fs::read_to_string("/proc/self/statm").unwrap();
    pages.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4
}
