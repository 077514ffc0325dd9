//! The PROXY protocol.

#![cfg_attr(fuzzing, no_main)]

reprise_fuzz::target!(reprise_fuzz::proxy);
