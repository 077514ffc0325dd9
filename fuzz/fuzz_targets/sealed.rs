//! What a shared store gives back as sealed.

#![cfg_attr(fuzzing, no_main)]

reprise_fuzz::target!(reprise_fuzz::sealed);
