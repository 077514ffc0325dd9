//! How the directory is watched.

use std::time::Duration;

use crate::{names::MAX_MODULE_SIZE, signing::PolicyKeys};

/// How a directory of policies is watched and read. The defaults suit a server; each says why.
#[derive(Clone, Debug)]
pub struct DirOptions {
    /// How far apart two looks at the directory are, at least, and how long a file must stay the
    /// same before it is loaded. Default 200 ms: longer than the gaps of a copy over a network,
    /// shorter than a person notices.
    pub settle: Duration,
    /// How often the directory is looked at when no event asks for it. Default 2 s: NFS, some
    /// overlays and the far end of a symbolic link raise no events; a look at unchanged files costs
    /// a few system calls each.
    pub poll: Duration,
    /// How long files that have settled wait for others that still change, so that what is dropped
    /// together goes live together. Default 5 s. A file that never stops changing delays the others
    /// by no more than this, and is never loaded; from then on looks are further and further apart,
    /// up to the lesser of this and [`DirOptions::poll`].
    pub max_wait: Duration,
    /// Whether the operating system's events shorten the wait for the next look. Default true; the result is the same
    /// without, up to [`DirOptions::poll`] later.
    pub events: bool,
    /// The largest module that is read, in bytes. Default 64 MiB: three times the largest policy that an interpreted
    /// language makes today. A file beyond it is rejected unread.
    pub max_module_size: u64,
    /// How many modules are looked at, in file-name order; default 256. Those after them are
    /// rejected unread, and what is live under their names stays. Each policy is asked in every
    /// handshake, so that a server has few.
    pub max_modules: usize,
    /// The keys one of which must have signed a module and its settings for them to go live.
    /// Default none: whoever may write the directory may drop a policy.
    ///
    /// A signature says who made a policy, not that it is the newest, nor that it is there: who may
    /// write the directory can take a policy away, or put back an earlier one.
    /// [`DirOptions::strict`] is against that.
    pub keys: Option<PolicyKeys>,
    /// Whether a directory or a file that others than its owner may write is refused. Default
    /// false: there is a warning in the log. The owner must be root or this process's user; what
    /// counts is every directory on the way, and what links lead to. Directories above with the
    /// sticky bit, such as `/tmp`, are no objection.
    pub strict: bool,
}

impl Default for DirOptions {
    fn default() -> Self {
        Self {
            settle: Duration::from_millis(200),
            poll: Duration::from_secs(2),
            max_wait: Duration::from_secs(5),
            events: true,
            max_module_size: MAX_MODULE_SIZE,
            max_modules: 256,
            keys: None,
            strict: false,
        }
    }
}
