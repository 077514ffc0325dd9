//! The command line, clocks and random numbers.

use std::time::Instant;

use wasmtime::{
    bail,
    component::{ComponentType, Lift, LinkerInstance, Lower, Resource},
    error::Context,
};

use super::{Pollable, TerminalInput, TerminalOutput, hand_out};
use crate::policy::sandbox::Sandbox;

/// Random bytes that are made in one call.
const MOST_RANDOM: u64 = 64 << 10;

/// `wasi:clocks/wall-clock.datetime`.
#[derive(ComponentType, Lift, Lower)]
#[component(record)]
struct Datetime {
    seconds: u64,
    nanoseconds: u32,
}

/// Defines this function, if it is one of these interfaces'.
pub(super) fn define(
    instance: &mut LinkerInstance<'_, Sandbox>,
    interface: &str,
    name: &str,
) -> wasmtime::Result<bool> {
    match (interface, name) {
        ("cli/environment", "get-environment") => {
            instance.func_wrap(name, |_, (): ()| Ok((Vec::<(String, String)>::new(),)))?;
        }
        ("cli/environment", "get-arguments") => {
            instance.func_wrap(name, |_, (): ()| Ok((Vec::<String>::new(),)))?;
        }
        ("cli/environment", "initial-cwd") => instance.func_wrap(name, |_, (): ()| Ok((None::<String>,)))?,
        ("cli/exit", "exit") => {
            instance.func_wrap(name, |_, (status,): (Result<(), ()>,)| -> wasmtime::Result<()> {
                bail!(
                    "the policy exited ({}) where it should have returned",
                    if status.is_ok() { "ok" } else { "error" }
                )
            })?
        }
        ("cli/exit", "exit-with-code") => instance.func_wrap(name, |_, (code,): (u8,)| -> wasmtime::Result<()> {
            bail!("the policy exited ({code}) where it should have returned")
        })?,
        ("cli/terminal-stdin", "get-terminal-stdin") => {
            instance.func_wrap(name, |_, (): ()| Ok((None::<Resource<TerminalInput>>,)))?;
        }
        ("cli/terminal-stdout", "get-terminal-stdout") | ("cli/terminal-stderr", "get-terminal-stderr") => {
            instance.func_wrap(name, |_, (): ()| Ok((None::<Resource<TerminalOutput>>,)))?;
        }
        ("clocks/monotonic-clock", "now") => instance.func_wrap(name, |context, (): ()| {
            let since = Instant::now().saturating_duration_since(context.data().wasi.started);
            Ok((since.as_nanos() as u64,))
        })?,
        ("clocks/monotonic-clock", "resolution") => instance.func_wrap(name, |_, (): ()| Ok((1u64,)))?,
        ("clocks/monotonic-clock", "subscribe-instant" | "subscribe-duration") => {
            instance.func_wrap(name, |mut context, _: (u64,)| Ok((hand_out::<Pollable>(&mut context, 0)?,)))?;
        }
        ("clocks/wall-clock", "now") => instance.func_wrap(name, |_, (): ()| {
            let now = reprise_session::clock::since_epoch();
            Ok((Datetime { seconds: now.as_secs(), nanoseconds: now.subsec_nanos() },))
        })?,
        ("clocks/wall-clock", "resolution") => {
            instance.func_wrap(name, |_, (): ()| Ok((Datetime { seconds: 0, nanoseconds: 1_000_000 },)))?;
        }
        ("random/random", "get-random-bytes") | ("random/insecure", "get-insecure-random-bytes") => {
            instance.func_wrap(name, |_, (length,): (u64,)| {
                if length > MOST_RANDOM {
                    bail!("the policy asks for {length} random bytes: expected at most {MOST_RANDOM} at once");
                }
                let mut bytes = vec![0; length as usize];
                openssl::rand::rand_bytes(&mut bytes).context("no random bytes")?;
                Ok((bytes,))
            })?;
        }
        ("random/random", "get-random-u64") | ("random/insecure", "get-insecure-random-u64") => {
            instance.func_wrap(name, |_, (): ()| Ok((random()?,)))?;
        }
        ("random/insecure-seed", "insecure-seed") => {
            instance.func_wrap(name, |_, (): ()| Ok(((random()?, random()?),)))?;
        }
        _ => return Ok(false),
    }
    Ok(true)
}

fn random() -> wasmtime::Result<u64> {
    let mut bytes = [0; 8];
    openssl::rand::rand_bytes(&mut bytes).context("no random bytes")?;
    Ok(u64::from_le_bytes(bytes))
}
