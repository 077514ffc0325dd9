//! The binders of a ClientHello.

#![cfg_attr(fuzzing, no_main)]

reprise_fuzz::target!(reprise_fuzz::binder);
