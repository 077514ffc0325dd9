//! What a call costs. Not a test of anything: `cargo test --release -p reprise --lib policy::tests::speed -- --ignored
//! --nocapture` prints it.

use std::{hint::black_box, time::Instant};

use reprise_fixtures::policies;

use super::*;

const CALLS: u32 = 200_000;

fn median_nanoseconds(mut call: impl FnMut()) -> u128 {
    let mut rounds: Vec<_> = (0..21)
        .map(|_| {
            let start = Instant::now();
            (0..CALLS / 21).for_each(|_| call());
            start.elapsed().as_nanos() / u128::from(CALLS / 21)
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
