//! The keyring's file.

#![cfg_attr(fuzzing, no_main)]

reprise_fuzz::target!(reprise_fuzz::keyring);
