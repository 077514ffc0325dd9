//! The compiling process.

use std::{
    io::{self, Read, Write},
    process::ExitCode,
    thread,
};

use anyhow::Context;
use nix::sys::signal::{Signal, raise};

use super::{Failed, Prepared, header::Header, invalid, no_threads, on_threads, prepare};
use crate::policy::{
    compiled::{Code, Name, Seal},
    engine::{self, Layout},
};

/// What an answer begins with: code, or a reason.
pub(super) const CODE: u8 = b'c';
pub(super) const REASON: u8 = b'r';

/// Compiles one module for the process that started this one, as
/// [`Compiler::Program`](super::Compiler::Program) asks for: reads it from the standard input and
/// writes its code, or why there is none, to the standard output. For the program that is named
/// there, first thing when it is started with the arguments named there: no other thread may have
/// begun, for the limits that this sets hold for all.
///
/// The exit status says whether there was an answer.
#[must_use]
pub fn compile_for_parent() -> ExitCode {
    match answer() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Who started this may be gone, and its stderr with it.
            let _ = writeln!(io::stderr(), "{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn answer() -> anyhow::Result<()> {
    let mut input = io::stdin().lock();
    let header = Header::read(&mut input).context("no module to compile")?;
    header.confine().context("the limits of the compiling process cannot be set")?;
    let mut file = vec![0; usize::try_from(header.module)?];
    input.read_exact(&mut file).context("the module ends early")?;
    drop(input);
    // The parent keeps its end open for as long as it waits for an answer. Whatever its own end is, it is this one's.
    thread::Builder::new().name("reprise-parent".into()).spawn(|| {
        let _ = io::stdin().lock().read(&mut [0]);
        // Nobody is left to tell a status, and nothing may be cleaned up while other threads use it.
        let _ = raise(Signal::SIGKILL);
    })?;
    let (options, layout) = header.options();
    let threads = usize::try_from(header.threads)?;
    let compiled = on_threads(threads, || compile(&header, &options, layout, &file));
    let mut output = io::stdout().lock();
    match compiled.unwrap_or_else(|error| Err(no_threads(&error))) {
        Ok(entry) => {
            output.write_all(&[CODE])?;
            output.write_all(&entry)?;
        }
        Err(Failed { step, mismatch }) => {
            output.write_all(&[REASON])?;
            let words = (step.as_str(), mismatch.expected, mismatch.found, mismatch.hint);
            output.write_all(&postcard::to_stdvec(&words)?)?;
        }
    }
    Ok(output.flush()?)
}

fn compile(
    header: &Header,
    options: &crate::policy::RuntimeOptions,
    layout: Layout,
    file: &[u8],
) -> Result<Vec<u8>, Failed> {
    let engine = engine::compiling(options, layout).map_err(|error| invalid(&error))?;
    let Prepared { component, begins_with } = prepare(file)?;
    let code = Code::compile(&engine, &component, begins_with).map_err(|error| invalid(&error))?;
    let sealed = Seal::new(&header.key).and_then(|seal| seal.entry(&Name::of(&engine, file), &code));
    sealed.map_err(|error| invalid(&error.into()))
}
