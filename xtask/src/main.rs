//! `cargo xtask`: what is done with this repository, each with one command that works on a bare machine.
//!
//! `start` builds it, and runs it.
//!
//! # Layout
//!
//! - `invocation`: the command line
//! - `languages`: the policies in languages other than Rust
//! - `package`: a Debian package; `debian`: systems of Debian's, to try it and the module in
//! - `serve`, `policies`, `test`, `dependencies`, `docs`, `bench`: the commands, one each
//! - `checking_compiler`: lints and documentation, checked of what is compiled anyway
//! - `suite`: jobs, several at a time: the programs with the tests, each test timed, and what else takes a while
//! - `phases`: what took how long
//! - `requirements`: what a command needs of the machine, and how it gets there; `pypi`: programs from there
//! - `machine`: what the machine is, and who we are on it
//! - `wasm_compiler`: which compiler makes WebAssembly here
//! - `run`: running other programs, visibly

#![forbid(unsafe_code)]

mod bench;
mod checking_compiler;
mod debian;
mod dependencies;
mod docs;
mod invocation;
mod languages;
mod machine;
mod package;
mod phases;
mod policies;
mod pypi;
mod requirements;
mod run;
mod serve;
mod suite;
mod test;
mod valkey;
mod wasm_compiler;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use invocation::Invocation;

fn main() -> ExitCode {
    if let Some(done) = checking_compiler::run_if_asked() {
        return done;
    }
    let workspace = Workspace::of_this_crate();
    let done = match Invocation::parse(std::env::args().skip(1)) {
        Ok(Invocation::Help) => {
            println!("{}", invocation::HELP);
            Ok(())
        }
        Ok(Invocation::Plugins) => policies::build(&workspace).map(drop),
        Ok(Invocation::Languages { languages, test: false }) => languages::build(&workspace, &languages),
        Ok(Invocation::Languages { languages, test: true }) => test::languages(&workspace, &languages),
        Ok(Invocation::Serve { arguments }) => serve::serve(&workspace, &arguments),
        Ok(Invocation::Test { openssl }) => test::test(&workspace, openssl.as_deref()),
        Ok(Invocation::Package { source }) => package::package(&workspace, &source).map(drop),
        Ok(Invocation::Debian { wish }) => debian::debian(&workspace, wish),
        Ok(Invocation::Docs) => docs::write(&workspace),
        Ok(Invocation::Dependencies) => dependencies::check(&workspace).map(drop),
        Ok(Invocation::Bench { arguments }) => bench::bench(&workspace, &arguments),
        Err(wrong) => Err(anyhow::anyhow!(wrong)),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nxtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Where things are.
struct Workspace {
    root: PathBuf,
}

impl Workspace {
    fn of_this_crate() -> Self {
        let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
        Self { root: xtask.parent().unwrap_or(xtask).to_owned() }
    }

    fn path(&self, relative: &str) -> PathBuf {
        self.root.join(relative)
    }

    /// Where the policies that ship are built to, as NAME.wasm.
    fn built_policies(&self) -> PathBuf {
        self.path("target/policies")
    }
}
