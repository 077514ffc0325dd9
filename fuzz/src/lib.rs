//! What parses bytes that are not ours, fuzzed. See README.md for how to run it, and what was found.
//!
//! # Layout
//!
//! - `loader`, `manifest`, `hello`, `binder`, `record`, `verdicts`, `sealed`, `notice`, `keyring`,
//!   `reply`, `second`, `proxy`, `agent`: the targets. Each is a function of bytes that panics when what it looks at does not
//!   hold
//! - `watching`: a server that keeps what its callbacks are given
//! - `wire`: TLS in memory: what a client sends, before anybody answers, and what it sends once it has a session
//! - [`seeds`]: where the corpus comes from
//! - `fuzz_targets/`: a program for each target, for cargo-fuzz; `tests/`: the corpus and its mutations, for everybody

mod agent;
mod binder;
mod hello;
mod keyring;
mod loader;
mod manifest;
mod notice;
mod proxy;
mod record;
mod reply;
mod sealed;
mod second;
pub mod seeds;
mod verdicts;
mod watching;
mod wire;

pub use self::{
    agent::agent, binder::binder, hello::hello, keyring::keyring, loader::loader, manifest::manifest, notice::notice,
    proxy::proxy, record::record, reply::reply, sealed::sealed, second::second, verdicts::verdicts,
};

/// The program of a target: with cargo-fuzz libFuzzer's, else one that runs the target on each file that it is given.
#[macro_export]
macro_rules! target {
    ($target:path) => {
        #[cfg(fuzzing)]
        libfuzzer_sys::fuzz_target!(|bytes: &[u8]| $target(bytes));

        #[cfg(not(fuzzing))]
        fn main() -> std::io::Result<()> {
            std::env::args_os().skip(1).try_for_each(|file| Ok($target(&std::fs::read(file)?)))
        }
    };
}

/// What goes into a log as one line, within reason.
fn is_one_line(text: &str) -> bool {
    text.len() < 4_096 && !text.contains(char::is_control)
}
