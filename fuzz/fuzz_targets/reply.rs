//! What a Redis server says, read along.

#![cfg_attr(fuzzing, no_main)]

reprise_fuzz::target!(reprise_fuzz::reply);
