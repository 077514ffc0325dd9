//! The tests that need no process of their own, as one program: each program is linked with all that the host
//! is made of, which takes seconds. Programs of their own, named in Cargo.toml, are those that fork, that
//! look at all of a process's memory or threads, or replace its allocator.
//!
//! Tests named `fact_NN` show what docs/internals/openssl-facts.md says of OpenSSL.

mod support;

#[cfg(feature = "agent")]
mod agent;
mod clock;
mod consultations;
mod counting;
mod debug_output;
#[cfg(feature = "disk")]
mod disk_store;
#[cfg(feature = "disk")]
mod disk_store_damage;
#[cfg(feature = "disk")]
mod disk_store_opening;
mod early_data;
mod facts_certificates;
mod facts_chains;
mod facts_early_data;
mod facts_hello;
mod facts_ids;
mod facts_invariants;
mod facts_messages;
mod facts_removal;
mod facts_switching;
mod facts_tickets;
mod guarding;
mod installing;
mod memory_store;
mod memory_store_model;
mod resumption;
mod revocation;
mod sealing;
mod second_hello;
mod strangers;
mod tiers;
mod waiting_on_tokio;

use std::{fs, path::Path};

/// Cargo finds no tests by itself here.
#[test]
fn no_file_of_tests_is_left_out() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |file: &str| fs::read_to_string(here.join(file)).unwrap();
    let (manifest, all) = (read("Cargo.toml"), read("tests/all.rs"));
    for entry in fs::read_dir(here.join("tests")).unwrap() {
        let file = entry.unwrap().file_name().into_string().unwrap();
        let Some(name) = file.strip_suffix(".rs") else { continue };
        let is_told = manifest.contains(&format!("[[test]]\nname = \"{name}\"\n"));
        assert!(is_told || all.contains(&format!("\nmod {name};\n")), "tests/{file} is in no program");
    }
}
