//! The comparison of two ClientHellos.

#![cfg_attr(fuzzing, no_main)]

reprise_fuzz::target!(reprise_fuzz::second);
