//! Reprise from outside: the real server, real clients.
//!
//! One program rather than one for each file: they share what they link.

mod admin;
mod agent;
mod clock;
mod command_line;
mod early_data;
mod embedders;
mod exceptions;
mod explain;
mod failing_policies;
mod hostile;
mod invariants;
mod keys;
mod languages;
mod leaks;
mod lifecycle;
mod logs;
mod observability;
mod outside;
mod owners;
mod page;
mod policies;
mod proxy_protocol;
mod reload_under_load;
mod renewal;
mod resumption;
mod revoking;
mod second_hello;
mod service;
mod shipped_policies;
mod sites;
mod strangers;
mod supervision;
mod tickets;
mod trust;
