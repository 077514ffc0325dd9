//! Several real servers as one service: what resumes where, and what breaks when something is broken.
//!
//! One program rather than one for each file: they share what they link.

mod disk;
mod faults;
mod replays;
mod revocation;
mod share;
mod single_use;
