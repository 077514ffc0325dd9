//! The committed corpus, and a bounded number of mutations of it, through every target. What a
//! fuzzer finds is kept by adding its input to the corpus.

use std::{fs, path::PathBuf};

use mutatis::Session;

/// The same mutations every time.
const SEED: u64 = 0x7265_7072_6973_6500;

/// Runs `target` on every input in its corpus and on `mutations` of each: one to four changes one after another.
fn holds_for(name: &str, target: fn(&[u8]), mutations: u32) {
    let corpus = corpus(name);
    let mut inputs: Vec<_> = fs::read_dir(&corpus).unwrap().map(|entry| entry.unwrap().path()).collect();
    inputs.sort();
    assert!(!inputs.is_empty(), "{} has no inputs", corpus.display());
    for input in inputs {
        let whole = fs::read(&input).unwrap();
        target(&whole);
        let mut session = Session::new().seed(SEED);
        for number in 0..mutations {
            let mut mutated = whole.clone();
            for _ in 0..=number % 4 {
                session.mutate(&mut mutated).expect("bytes can always be changed");
            }
            target(&mutated);
        }
    }
}

fn corpus(target: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "corpus", target].iter().collect()
}

#[test]
fn what_the_hello_parser_reads_is_what_openssl_acts_on() {
    holds_for("hello", reprise_fuzz::hello, 400);
}

#[test]
fn an_agent_answers_what_it_is_asked_whatever_modules_say() {
    holds_for("agent", reprise_fuzz::agent, 20_000);
}

#[test]
fn a_binder_is_right_where_openssl_says_so() {
    holds_for("binder", reprise_fuzz::binder, 400);
}

#[test]
fn whatever_the_loader_is_given_becomes_a_policy_or_an_error_of_one_line() {
    holds_for("loader", reprise_fuzz::loader, 400);
}

#[test]
fn a_manifest_is_taken_whole_and_within_its_limits_or_not_at_all() {
    holds_for("manifest", reprise_fuzz::manifest, 20_000);
}

#[test]
fn a_record_that_decodes_encodes_to_itself_and_nothing_follows_it() {
    holds_for("record", reprise_fuzz::record, 30_000);
}

#[test]
fn a_redis_reply_is_read_in_step_with_the_parser() {
    holds_for("reply", reprise_fuzz::reply, 20_000);
}

#[test]
fn what_a_store_gives_back_opens_unchanged_or_not_at_all() {
    holds_for("sealed", reprise_fuzz::sealed, 20_000);
}

#[test]
fn of_a_notice_all_is_read_or_its_time() {
    holds_for("notice", reprise_fuzz::notice, 20_000);
}

#[test]
fn a_keyring_is_taken_whole_or_refused_without_showing_a_secret() {
    holds_for("keyring", reprise_fuzz::keyring, 2_000);
}

#[test]
fn a_second_hello_is_held_against_the_first_either_way() {
    holds_for("second", reprise_fuzz::second, 4_000);
}

#[test]
fn a_proxy_header_is_done_as_it_says_or_refused() {
    holds_for("proxy", reprise_fuzz::proxy, 20_000);
}

#[test]
fn a_verdict_is_lifted_as_the_guest_wrote_it_or_not_at_all() {
    holds_for("verdicts", reprise_fuzz::verdicts, 1_000);
}

#[test]
#[ignore = "writes the seeds into the corpus"]
fn the_corpus_has_every_seed() {
    // The session comes with the ClientHellos that offer it.
    let (session, hellos) = reprise_fuzz::seeds::offers();
    fs::write([env!("CARGO_MANIFEST_DIR"), "src", "binder.der"].iter().collect::<PathBuf>(), session).unwrap();
    fs::create_dir_all(corpus("binder")).unwrap();
    for (name, bytes) in hellos {
        fs::write(corpus("binder").join(name), bytes).unwrap();
    }
    for (target, seeds) in reprise_fuzz::seeds::all() {
        fs::create_dir_all(corpus(target)).unwrap();
        for (name, bytes) in seeds {
            fs::write(corpus(target).join(name), bytes).unwrap();
        }
    }
}
