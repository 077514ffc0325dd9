//! Supervision: a policy that misbehaves while it is live is set aside, and comes back only when it has mended.
//!
//! # What counts as misbehaviour
//!
//! Of the last [`window`](SupervisionOptions::window), for each generation by itself:
//!
//! - *Faults*: calls that trapped or gave no valid verdict, and instances that could not be made
//!   anew because the policy's own start or `configure` failed.
//!   [`failures`](SupervisionOptions::failures) of them are misbehaviour, however many calls went
//!   well.
//! - *Overruns*: calls that ran past their deadline though they had an instance at once and at
//!   least half of the time that a call may take. As many of them are misbehaviour if they are at
//!   least [`deadline_percent`](SupervisionOptions::deadline_percent) of the calls made.
//! - *Excused*, and neither a failure nor a call in this count: no instance came free, the time was
//!   spent by other policies or on waiting, the generation had been retired.
//!
//! `window` counts, in the call that failed; `breaker` is what a misbehaviour opens: from the next
//! call on the policy is not called, and counts as failing. What happens then is decided off the
//! handshake threads.
//!
//! # What becomes of a generation
//!
//! ```text
//!                     trial went well
//! goes live ─► Trial ────────────────► Live
//!               │ ▲                     │
//!   misbehaves, │ │ tried again:        │ misbehaves
//!   or asked    │ │ starts, is probed   │ or asked
//!               ▼ │                     ▼
//!              Quarantined ◄────────────┘
//! ```
//!
//! - A generation that goes live is on *trial*. If it misbehaves in its first trial and the
//!   generation before is kept, it is rolled back: the one before is live again, and the content is
//!   rejected as if it had failed its probe, until it changes.
//! - Where none is kept, and later on, it is *quarantined*. The kept generation answers in its
//!   place; without one, the policy goes on objecting, or abstaining, as its NAME.toml says,
//!   without being called.
//! - A quarantined generation is tried again: an instance is started and probed on scratch state.
//!   If that goes well it is live, on trial again; it was good in a probe before, so only a trial
//!   that goes well makes its setbacks forgotten. Each setback doubles the wait for the next try.
//! - What an operator quarantines is not tried again before a reload, and nothing answers in its place.
//! - A stand-in that misbehaves is given up.
//!
//! Other content in the directory replaces a generation at once, whatever state it is in.

mod breaker;
mod options;
mod state;
mod window;

pub(super) use self::breaker::{Breaker, Weight};
pub(crate) use self::{
    breaker::Alarm,
    state::{Action, Course, Event, State},
};
pub use self::{
    options::SupervisionOptions,
    window::{Misbehaviour, WindowCounts},
};
