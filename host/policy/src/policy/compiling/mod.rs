//! From a module's file to code: what takes memory and time by the file's own choice, and where it takes them.
//!
//! Everything that a module's bytes go through before they are machine code (its text assembled, a
//! component made of it, counted, held against the interface, compiled) is a function of these
//! bytes alone. So it can be done elsewhere: in a process that is given the bytes and so much
//! memory and time, and no more ([`Compiler::Program`]). What is not foreseen there costs that
//! process.
//!
//! - `program`: the parent's side, which starts it, waits for it, and believes none but its own child
//! - `child`: the other side; `header`: what the one tells the other

mod child;
mod header;
mod program;
#[cfg(test)]
mod tests;

use std::{borrow::Cow, ffi::OsString, io, path::PathBuf, thread};

use thread_priority::{ThreadPriority, set_current_thread_priority};
use wasmtime::{Engine, component::Component};

pub use self::child::compile_for_parent;
use super::{
    RuntimeOptions, Step, bounds,
    compiled::Code,
    componentize,
    contract::{self, Mismatch},
    engine::Layout,
};

/// Where modules are compiled.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Compiler {
    /// In this process. A module is counted before it is compiled, and what is too much is
    /// rejected; a way to take memory that is not counted is this process's trouble.
    #[default]
    InProcess,
    /// In a process of this program, one for each module, with so much memory and time
    /// ([`RuntimeOptions::compile_memory`], [`RuntimeOptions::compile_time`]): whatever happens
    /// there, the module is rejected and nothing else. The program calls [`compile_for_parent`]
    /// when it is started with these arguments, and is built with the same version of Reprise. What
    /// it gives back is run as machine code: name a program that you would run.
    Program {
        /// The program.
        path: PathBuf,
        /// What tells it to compile.
        arguments: Vec<OsString>,
    },
}

impl Compiler {
    /// This program, started with these arguments.
    ///
    /// # Errors
    /// The operating system does not say where the program is.
    pub fn this_program(arguments: impl IntoIterator<Item = impl Into<OsString>>) -> io::Result<Self> {
        // On Linux by a link that leads to this very program, even after another version has taken its place on disk.
        let link = PathBuf::from("/proc/self/exe");
        let path = if link.exists() { link } else { std::env::current_exe()? };
        Ok(Self::Program { path, arguments: arguments.into_iter().map(Into::into).collect() })
    }
}

/// Why a module did not become code.
#[derive(Debug)]
pub(super) struct Failed {
    pub(super) step: Step,
    pub(super) mismatch: Mismatch,
}

impl Failed {
    fn at(step: Step) -> impl Fn(Mismatch) -> Self {
        move |mismatch| Self { step, mismatch }
    }

    fn compiling(expected: impl Into<String>, found: impl Into<String>, hint: impl Into<String>) -> Self {
        let mismatch = Mismatch { expected: expected.into(), found: found.into(), hint: hint.into() };
        Self { step: Step::Compile, mismatch }
    }
}

/// Code for `file`, made where `options` say.
///
/// # Errors
/// It is no policy, too much, or what it was compiled in came to its end.
pub(super) fn compile(
    engine: &Engine,
    layout: Layout,
    options: &RuntimeOptions,
    file: &[u8],
) -> Result<(Component, usize, Option<Code>), Failed> {
    match &options.compiler {
        Compiler::InProcess => on_threads(threads(), || {
            let Prepared { component, begins_with } = prepare(file)?;
            let component = Component::from_binary(engine, &component).map_err(|error| invalid(&error))?;
            let code = Code::of(&component, begins_with).ok();
            Ok((component, begins_with, code))
        })
        .unwrap_or_else(|error| Err(no_threads(&error))),
        Compiler::Program { path, arguments } => {
            let code = program::compile(&program::Order { path, arguments, engine, layout, options, file })?;
            let (component, begins_with) = code.load(engine).map_err(|doubt| {
                Failed::compiling(
                    "compiled code of this version of Reprise",
                    doubt.to_string(),
                    "Name this very program as the compiler (`Compiler::this_program`).",
                )
            })?;
            Ok((component, begins_with, Some(code)))
        }
    }
}

/// A component that may be compiled.
struct Prepared<'a> {
    component: Cow<'a, [u8]>,
    /// Bytes of linear memory that an instance begins with.
    begins_with: usize,
}

/// Makes a component of `file` if it is none, and holds it against what is too much and what no policy may import.
fn prepare(file: &[u8]) -> Result<Prepared<'_>, Failed> {
    let not_one = Failed::at(Step::Componentize);
    let too_much = Failed::at(Step::Compile);
    let binary = componentize::binary(file).map_err(&not_one)?;
    let mut begins_with = bounds::check(&binary).map_err(&too_much)?;
    let component = match componentize::component(&binary).map_err(&not_one)? {
        None => binary,
        Some(made) => {
            // With what was linked to it.
            begins_with = bounds::check(&made).map_err(&too_much)?;
            made.into()
        }
    };
    contract::foresee(&component).map_err(Failed::at(Step::Link))?;
    Ok(Prepared { component, begins_with })
}

fn invalid(error: &wasmtime::Error) -> Failed {
    Failed::compiling(
        "a valid component",
        format!("{error:#}"),
        "Unless that names a limit, build it again: a file cut short looks like this. `wasm-tools validate FILE` says more.",
    )
}

/// Threads that a module is compiled on: one core is left to handshakes.
fn threads() -> usize {
    super::options::cores().saturating_sub(1).max(1)
}

/// What parsers recurse into is bounded; this is far more than what is left.
const STACK: usize = 8 << 20;

/// Does `work` on so many threads, behind everybody else on the machine, so that no handshake waits
/// for it. The threads are there for this work only, and have ended when it is done: rayon itself waits for none of its
/// threads, and what OpenSSL cleans up at the end of one must not meet what it cleans up at the end of the process.
fn on_threads<T: Send>(threads: usize, work: impl FnOnce() -> T + Send) -> Result<T, rayon::ThreadPoolBuildError> {
    let mut spawned = Vec::with_capacity(threads);
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .spawn_handler(|worker| {
            let thread = thread::Builder::new().name("reprise-compile".into()).stack_size(STACK);
            spawned.push(thread.spawn(|| {
                step_back();
                worker.run();
            })?);
            Ok(())
        })
        .build();
    let done = pool.map(|pool| pool.install(work));
    spawned.into_iter().for_each(|thread| drop(thread.join()));
    done
}

fn no_threads(error: &rayon::ThreadPoolBuildError) -> Failed {
    let hint = "Raise --compile-memory, or allow more threads (ulimit -u, TasksMax=); then `reprise policies reload`.";
    Failed::compiling("threads to compile it on", error.to_string(), hint)
}

/// The priority of compiling threads, from 0 to 99: `nice 10`, which on a busy machine leaves
/// handshakes nine tenths of a core that both want, and a compilation the rest.
const COMPILE_PRIORITY: u8 = 22;

/// Lowers the priority of this thread.
fn step_back() {
    let lowered = COMPILE_PRIORITY.try_into().map(ThreadPriority::Crossplatform);
    let lowered = lowered.and_then(|low| set_current_thread_priority(low).map_err(|error| error.to_string()));
    if let Err(error) = lowered {
        tracing::debug!(error, "a compiling thread keeps its priority");
    }
}
