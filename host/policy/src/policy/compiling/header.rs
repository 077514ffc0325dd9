//! What a compiling process is told before the module's bytes.

use std::{
    io::{self, Read},
    time::Duration,
};

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use zeroize::Zeroizing;

use super::STACK;
use crate::policy::{RuntimeOptions, engine::Layout};

const MAGIC: [u8; 8] = *b"reprise\x01";
pub(super) const KEY: usize = 32;
const LENGTH: usize = MAGIC.len() + KEY + 6 * 8;

/// A child's address space beyond what it may hold: its own code, and the heap that malloc reserves for each thread.
const SPACE: u64 = 1 << 30;
const SPACE_OF_A_THREAD: u64 = 128 << 20;

/// What holds for one module.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Header {
    /// What the answer is sealed with.
    pub(super) key: Zeroizing<Vec<u8>>,
    /// Bytes.
    pub(super) memory: u64,
    /// Of all threads together.
    pub(super) seconds: u64,
    pub(super) threads: u64,
    pub(super) stack: u64,
    pub(super) frugal: bool,
    pub(super) source_lines: bool,
    /// Bytes of the module.
    pub(super) module: u64,
}

impl Header {
    pub(super) fn encode(&self) -> Zeroizing<Vec<u8>> {
        let Self { key, memory, seconds, threads, stack, frugal, source_lines, module } = self;
        let flags = u64::from(*frugal) | u64::from(*source_lines) << 1;
        let mut bytes = Zeroizing::new(Vec::with_capacity(LENGTH));
        bytes.extend_from_slice(&MAGIC);
        bytes.extend_from_slice(key);
        for number in [*memory, *seconds, *threads, *stack, flags, *module] {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        bytes
    }

    /// # Errors
    /// It cannot be read whole, or is another version's.
    pub(super) fn read(from: &mut impl Read) -> io::Result<Self> {
        let mut bytes = Zeroizing::new([0; LENGTH]);
        from.read_exact(&mut *bytes)?;
        let (magic, rest) = bytes.split_at(MAGIC.len());
        if magic != MAGIC {
            return Err(io::Error::other("it is not Reprise of this version that asks"));
        }
        let (key, numbers) = rest.split_at(KEY);
        let mut numbers = numbers.as_chunks::<8>().0.iter().map(|bytes| u64::from_le_bytes(*bytes));
        let mut next = || numbers.next().unwrap_or_default();
        let (memory, seconds, threads, stack, flags, module) = (next(), next(), next(), next(), next(), next());
        Ok(Self {
            key: Zeroizing::new(key.to_vec()),
            memory,
            seconds,
            threads,
            stack,
            frugal: flags & 1 != 0,
            source_lines: flags & 2 != 0,
            module,
        })
    }

    /// The options that the code depends on.
    pub(super) fn options(&self) -> (RuntimeOptions, Layout) {
        let layout = if self.frugal { Layout::Frugal } else { Layout::Pooled };
        let options = RuntimeOptions {
            stack: usize::try_from(self.stack).unwrap_or(usize::MAX),
            source_lines: self.source_lines,
            ..RuntimeOptions::default()
        };
        (options, layout)
    }

    /// Lets this process have no more than it is to have, for good.
    ///
    /// What it may hold is bounded by RLIMIT_DATA, which counts what can be written, and so the
    /// heap, and threads' stacks; the address space (RLIMIT_AS) only as a second bound, for systems
    /// where the other one counts less.
    pub(super) fn confine(&self) -> nix::Result<()> {
        let stacks = self.threads.saturating_mul(STACK as u64);
        let space = SPACE.saturating_add(self.threads.saturating_mul(SPACE_OF_A_THREAD));
        lower(Resource::RLIMIT_DATA, self.memory.saturating_add(stacks))?;
        lower(Resource::RLIMIT_AS, self.memory.saturating_add(stacks).saturating_add(space))?;
        lower(Resource::RLIMIT_CPU, self.seconds)?;
        lower(Resource::RLIMIT_FSIZE, 0)?;
        lower(Resource::RLIMIT_CORE, 0)
    }

    pub(super) fn seconds_of(time: Duration) -> u64 {
        time.as_secs().max(1)
    }
}

fn lower(resource: Resource, to: u64) -> nix::Result<()> {
    let (_, hard) = getrlimit(resource)?;
    let to = to.min(hard);
    setrlimit(resource, to, to)
}
