//! The parent of a compiling process.

use std::{
    ffi::OsString,
    io::{self, Read, Write},
    os::unix::process::{CommandExt, ExitStatusExt},
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc::{Receiver, channel},
    thread,
    time::{Duration, Instant},
};

use wasmtime::Engine;
use zeroize::Zeroizing;

use super::{
    Failed, Mismatch, child,
    header::{Header, KEY},
    threads,
};
use crate::policy::{
    RuntimeOptions, Step,
    compiled::{Code, Doubt, Name, Seal},
    engine::Layout,
    observe::one_line,
};

/// The most that is read of what the process says of itself.
const WORDS: u64 = 4 << 10;
/// How often a process that has answered is looked at, until it has ended.
const ENDING: Duration = Duration::from_millis(5);

/// How many times its processor time a process may take by the clock: others come first.
const PATIENCE: u32 = 6;
/// The most threads that it compiles on: each takes memory of its own, and so what a module takes
/// would go by the machine.
const THREADS: usize = 8;

/// What is to be compiled, and how.
pub(super) struct Order<'a> {
    pub(super) path: &'a Path,
    pub(super) arguments: &'a [OsString],
    pub(super) engine: &'a Engine,
    pub(super) layout: Layout,
    pub(super) options: &'a RuntimeOptions,
    pub(super) file: &'a [u8],
}

/// A process that does not outlive its owner.
struct Compiling(Child);

impl Drop for Compiling {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Has `order` compiled in a process of its own.
///
/// # Errors
/// The module's own, or that the process came to its end without an answer.
pub(super) fn compile(order: &Order<'_>) -> Result<Code, Failed> {
    let mut key = Zeroizing::new(vec![0; KEY]);
    openssl::rand::rand_priv_bytes(&mut key).map_err(|error| order.not_started(&error))?;
    let seal = Seal::new(&key).map_err(|error| order.not_started(&error))?;
    let allowed = order.options.compile_time * PATIENCE;
    let until = Instant::now() + allowed;
    let mut compiling = order.start().map_err(|error| order.not_started(&error))?;
    let talk = Talk::begin(&mut compiling.0, order, key).map_err(|error| order.not_started(&error))?;
    let Ok(answer) = talk.answer.recv_timeout(allowed) else { return Err(order.too_long()) };
    let status = loop {
        match compiling.0.try_wait().map_err(|error| order.not_started(&error))? {
            Some(status) => break status,
            None if Instant::now() >= until => return Err(order.too_long()),
            None => thread::sleep(ENDING),
        }
    };
    if !status.success() {
        // It has ended, and so has what it says.
        return Err(order.ended(status, &talk.words.recv_timeout(ENDING * 20).unwrap_or_default()));
    }
    order.read(&seal, answer)
}

impl Order<'_> {
    fn start(&self) -> io::Result<Compiling> {
        let mut command = Command::new(self.path);
        command.args(self.arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // Out of reach of what a terminal sends to everyone in front of it.
        command.process_group(0).spawn().map(Compiling)
    }

    fn header(&self, key: Zeroizing<Vec<u8>>) -> Header {
        Header {
            key,
            memory: self.options.compile_memory as u64,
            seconds: Header::seconds_of(self.options.compile_time),
            threads: threads().min(THREADS) as u64,
            stack: self.options.stack as u64,
            frugal: matches!(self.layout, Layout::Frugal),
            source_lines: self.options.source_lines,
            module: self.file.len() as u64,
        }
    }

    /// What the process answered, if it is our own.
    fn read(&self, seal: &Seal, mut answer: Vec<u8>) -> Result<Code, Failed> {
        match answer.first() {
            Some(&child::CODE) => {
                answer.remove(0);
                seal.open(&Name::of(self.engine, self.file), answer).map_err(|doubt| self.garbage(&doubt))
            }
            Some(&child::REASON) => {
                let words: Result<(String, String, String, String), _> = postcard::from_bytes(&answer[1..]);
                let (step, expected, found, hint) = words.map_err(|_| self.garbage(&Doubt::Truncated))?;
                let step = [Step::Componentize, Step::Link].into_iter().find(|known| known.as_str() == step);
                let step = step.unwrap_or(Step::Compile);
                Err(Failed { step, mismatch: Mismatch { expected, found, hint } })
            }
            _ => Err(self.garbage(&Doubt::Truncated)),
        }
    }

    fn limits(&self) -> String {
        let (memory, time) = (self.options.compile_memory >> 20, self.options.compile_time);
        format!("it to compile with {memory} MiB of memory in {time:?} of processor time")
    }

    fn too_long(&self) -> Failed {
        let allowed = self.options.compile_time * PATIENCE;
        let found = format!("a compilation that was still going on after {allowed:?}");
        Failed::compiling(self.limits(), found, SMALLER)
    }

    fn ended(&self, status: ExitStatus, words: &[u8]) -> Failed {
        let words = String::from_utf8_lossy(words);
        let words = one_line(words.trim()).into_owned();
        let how = match status.signal() {
            Some(libc::SIGXCPU) => "that it took longer".to_owned(),
            Some(libc::SIGKILL) => {
                "that its process was killed, by the system for want of memory, or by somebody".to_owned()
            }
            Some(libc::SIGABRT) => "that its process gave up, most likely for want of memory".to_owned(),
            _ => format!("that its process ended with {status}"),
        };
        let found = if words.is_empty() { how } else { format!("{how}: \"{words}\"") };
        Failed::compiling(self.limits(), found, SMALLER)
    }

    fn not_started(&self, error: &dyn std::fmt::Display) -> Failed {
        Failed::compiling(
            format!("{} to start, which compiles policies", self.path.display()),
            error.to_string(),
            "Let the server start it, and `reprise policies reload`.",
        )
    }

    fn garbage(&self, doubt: &Doubt) -> Failed {
        Failed::compiling(
            format!("compiled code of {}", self.path.display()),
            format!("something else: {doubt}"),
            "The program has to be this one, or to call `compile_for_parent` of the same version of Reprise.",
        )
    }
}

const SMALLER: &str = "Make it smaller: build it with optimization, and leave out what it does not use. If it has to be as it is, \
     raise --compile-memory. A module from elsewhere may be malicious.";

/// The process's ends of three pipes, each with a thread, so that none waits for another. They end
/// when the process does.
struct Talk {
    answer: Receiver<Vec<u8>>,
    words: Receiver<Vec<u8>>,
    /// Closed, it tells the process that nobody waits any more.
    _input: Receiver<std::process::ChildStdin>,
}

impl Talk {
    fn begin(child: &mut Child, order: &Order<'_>, key: Zeroizing<Vec<u8>>) -> io::Result<Self> {
        let gone = || io::Error::other("a pipe to it is missing");
        let (mut input, output) = (child.stdin.take().ok_or_else(gone)?, child.stdout.take().ok_or_else(gone)?);
        let errors = child.stderr.take().ok_or_else(gone)?;
        let header = order.header(key).encode();
        let file = order.file.to_vec();
        let most = order.options.compile_memory as u64;
        let (sent, _input) = channel();
        spawn(move || {
            // It may have ended before it has read everything; then its status says so.
            if input.write_all(&header).and_then(|()| input.write_all(&file)).is_ok() {
                let _ = sent.send(input);
            }
        })?;
        Ok(Self { answer: collect(output, most)?, words: collect(errors, WORDS)?, _input })
    }
}

/// Reads all of `from`, and keeps at most so many bytes of it.
fn collect(from: impl Read + Send + 'static, most: u64) -> io::Result<Receiver<Vec<u8>>> {
    let (tell, told) = channel();
    spawn(move || {
        let (mut from, mut bytes) = (from, Vec::new());
        let whole = from.by_ref().take(most).read_to_end(&mut bytes);
        let _ = tell.send(bytes);
        if whole.is_ok() {
            let _ = io::copy(&mut from, &mut io::sink());
        }
    })?;
    Ok(told)
}

fn spawn(work: impl FnOnce() + Send + 'static) -> io::Result<()> {
    thread::Builder::new().name("reprise-compiler".into()).spawn(work).map(drop)
}
