//! The session record's decoder.

#![cfg_attr(fuzzing, no_main)]

reprise_fuzz::target!(reprise_fuzz::record);
