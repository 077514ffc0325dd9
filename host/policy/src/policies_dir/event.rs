//! What the directory tells: events as they happen, and the state of each file.

use std::{fmt, time::Duration};

use reprise_session::hex::hex;

/// The content of a policy's files, by SHA-256.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ContentHash {
    /// Of `NAME.wasm`, as `sha256sum` prints it.
    pub module: [u8; 32],
    /// Of `NAME.toml`, if there is one.
    pub manifest: Option<[u8; 32]>,
    /// Of `NAME.wasm.sig`, if there is one and there are policy keys to hold it against.
    pub signature: Option<[u8; 32]>,
}

impl ContentHash {
    /// The module's hash in hexadecimal, as `sha256sum` prints it.
    pub fn module_hex(&self) -> String {
        hex(&self.module)
    }
}

/// The first 12 hexadecimal digits of the module's hash.
impl fmt::Display for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.module[..6]))
    }
}

impl fmt::Debug for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ContentHash({self}")?;
        if let Some(manifest) = self.manifest {
            write!(f, ", manifest {}", hex(&manifest[..6]))?;
        }
        write!(f, ")")
    }
}

/// Something that happened to a policy or to the directory. `file` is the module's file name, `name` the policy's.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PolicyEvent {
    /// New content was seen; it is loaded once it stops changing.
    Seen {
        /// The module's file name.
        file: String,
        /// The policy's name.
        name: String,
    },
    /// The policy decides from the next handshake on. Sent after the swap.
    Live {
        /// The module's file name.
        file: String,
        /// The policy's name.
        name: String,
        /// 1 for the first module that went live under this name, then counting.
        generation: u64,
        /// What went live.
        hash: ContentHash,
    },
    /// The content cannot be used. It is not tried again until it changes.
    Rejected {
        /// The module's file name.
        file: String,
        /// The policy's name.
        name: String,
        /// What was expected, what was found, and what to do.
        reason: String,
        /// The generation of this name that stays live, if any.
        keeping: Option<u64>,
    },
    /// The trial of a policy that went live or came back went well.
    Proven {
        /// The module's file name.
        file: String,
        /// The policy's name.
        name: String,
        /// The generation that has proven itself.
        generation: u64,
    },
    /// The generation misbehaved in its first trial, or an operator wished it gone: the one before
    /// is live again. The content is rejected, and not tried again until it changes or a reload is
    /// asked for.
    RolledBack {
        /// The module's file name.
        file: String,
        /// The policy's name.
        name: String,
        /// The generation that was live.
        from: u64,
        /// The one that is live now.
        to: u64,
        /// What it did, or who asked for it.
        reason: String,
    },
    /// The generation is not called any more. Sent again when it was tried and did not start.
    Quarantined {
        /// The module's file name.
        file: String,
        /// The policy's name.
        name: String,
        /// The generation that was set aside.
        generation: u64,
        /// What it did, or who asked for it.
        reason: String,
        /// The generation that answers in its place, if any. Without one the policy counts as failing.
        answering: Option<u64>,
        /// When it is tried again, if by itself.
        retry_in: Option<Duration>,
    },
    /// The generation was tried, answers again, and is on trial.
    Back {
        /// The module's file name.
        file: String,
        /// The policy's name.
        name: String,
        /// The generation that answers again.
        generation: u64,
    },
    /// The generation that answered in place of a quarantined one misbehaved too, and was given up:
    /// the policy counts as failing.
    StandInFailed {
        /// The module's file name.
        file: String,
        /// The policy's name.
        name: String,
        /// The generation that was given up.
        generation: u64,
        /// What it did.
        reason: String,
    },
    /// The module was deleted, and its policy decides no more.
    Unloaded {
        /// The module's file name.
        file: String,
        /// The policy's name.
        name: String,
        /// The generation that was live.
        generation: u64,
    },
    /// The generation was replaced, set aside or unloaded; handshakes that began with it end with it.
    Draining {
        /// The policy's name.
        name: String,
        /// The generation that decides no new handshake.
        generation: u64,
    },
    /// Neither a handshake nor supervision, which keeps the last good generation, holds it any
    /// more. Noticed at the next look, so up to [`DirOptions::poll`] late.
    ///
    /// [`DirOptions::poll`]: super::DirOptions::poll
    Gone {
        /// The policy's name.
        name: String,
        /// The generation that is no more.
        generation: u64,
    },
    /// The directory cannot be read; what is live stays live.
    DirectoryLost {
        /// What the operating system says.
        reason: String,
    },
    /// The directory can be read again; from here on the truth is what is in it.
    DirectoryBack,
}

impl PolicyEvent {
    /// One line for the log, naming the file.
    pub(super) fn log(&self) {
        match self {
            Self::Seen { file, name } => tracing::debug!(file, policy = name, "new content: loaded once it settles"),
            Self::Live { file, name, generation, hash } => {
                tracing::info!(file, policy = name, generation, hash = %hash, "policy is live");
            }
            Self::Rejected { file, name, reason, keeping } => {
                let meanwhile = match keeping {
                    Some(generation) => format!("keeping generation {generation}"),
                    None => "no policy of this name is live".into(),
                };
                tracing::warn!(file, policy = name, "rejected: {}; {meanwhile}", reason.trim_end_matches('.'));
            }
            Self::Proven { file, name, generation } => {
                tracing::info!(file, policy = name, generation, "the trial went well");
            }
            Self::RolledBack { file, name, from, to, reason } => {
                tracing::error!(file, policy = name, generation = from, "rolled back to generation {to}: {reason}");
            }
            Self::Quarantined { file, name, generation, reason, answering, retry_in } => {
                let meanwhile = match answering {
                    Some(answering) => format!("generation {answering} answers in its place"),
                    None => "nothing answers in its place, and it counts as failing".into(),
                };
                let next = match retry_in {
                    Some(pause) => format!("tried again in {pause:?}"),
                    None => "not tried again before a reload".into(),
                };
                tracing::error!(file, policy = name, generation, "quarantined: {reason}; {meanwhile}; {next}");
            }
            Self::Back { file, name, generation } => {
                tracing::warn!(file, policy = name, generation, "back from quarantine, on trial");
            }
            Self::StandInFailed { file, name, generation, reason } => {
                tracing::error!(
                    file,
                    policy = name,
                    generation,
                    "does not stand in any more: {reason}; it counts as failing"
                );
            }
            Self::Unloaded { file, name, generation } => {
                tracing::warn!(file, policy = name, generation, "the module is gone: policy unloaded");
            }
            Self::Draining { name, generation } => tracing::debug!(policy = name, generation, "draining"),
            Self::Gone { name, generation } => tracing::debug!(policy = name, generation, "gone"),
            Self::DirectoryLost { reason } => {
                tracing::warn!("{reason}; what is live stays live until the directory is back");
            }
            Self::DirectoryBack => tracing::info!("the directory of policies is back"),
        }
    }
}

/// One module's file, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileStatus {
    /// The module's file name.
    pub file: String,
    /// The policy's name: the file's stem without its leading number and dash.
    pub name: String,
    /// What became of its present content.
    pub state: FileState,
}

/// What became of a module's present content.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FileState {
    /// It is live: it decides handshakes, unless supervision has set it aside ([`PolicyReport`](super::PolicyReport)).
    Live {
        /// Counting from 1 under this name.
        generation: u64,
        /// What is live.
        hash: ContentHash,
    },
    /// It was rejected, or rolled back.
    Rejected {
        /// What was expected, what was found, and what to do.
        reason: String,
        /// The generation of this name that stays live, if any.
        keeping: Option<u64>,
    },
    /// It has changed, and is loaded once it stops changing.
    Settling {
        /// The generation of this name that stays live meanwhile, if any.
        keeping: Option<u64>,
    },
}
