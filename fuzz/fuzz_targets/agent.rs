//! The wire between modules and the agent.

#![cfg_attr(fuzzing, no_main)]

reprise_fuzz::target!(reprise_fuzz::agent);
