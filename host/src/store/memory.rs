//! The store in this process's memory.
/// stub
pub struct Memory;
