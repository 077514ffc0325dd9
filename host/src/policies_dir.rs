//! Watching the directory of policies.
//!
//! `10-tenants.wasm` is the policy `tenants`, its settings are in `10-tenants.toml` beside it, and policies are asked in
//! file-name order. What is in the directory is what is in force:
//!
//! - A new or changed module, or a changed `.toml`, is loaded and swapped in once it has stopped changing; changes made
//!   together go in force together, in one step. A content that is in force already is left alone, whatever its time stamps.
//! - What cannot be loaded is rejected with its reason, once per content, and the live generation stays.
//! - What is there at the start and cannot be loaded has no live generation that could stay: it counts as a policy that fails on
//!   every call, so that a restart never leaves a server without the policy that it ran with. Every handshake is a full one,
//!   until it goes live or is removed.
//! - Deleting a module unloads its policy. Deleting the `.toml` reloads the policy without settings.
//! - Of two files with one policy name the first in order counts, and the other is rejected.
//! - Where there are policy keys, only what is signed by one of them is loaded; a signature that comes, goes or changes is a
//!   change of the module.
//! - What others than its owner may write is warned of or, with [`DirOptions::strict`], rejected.
//! - If the directory itself is gone or cannot be read, what is live stays live. When it is back, the truth is again what is
//!   in it; one that is made empty and filled later unloads the policies in between.
//!
//! - What misbehaves while it is live is set aside, or rolled back to the generation before, and comes back when it has mended.
//!   Other content replaces it at once. ([`SupervisionOptions`](crate::policy::SupervisionOptions) says when.)

pub use reprise_policy::policies_dir::{
    CheckError, Checked, ContentHash, ControlError, DirOptions, FileState, FileStatus, Former, LastRejection,
    PoliciesDir, PolicyEvent, PolicyHistory, PolicyReport, PolicyState, check, exposed,
};
