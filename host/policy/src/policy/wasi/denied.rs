//! Files and the network, of which a policy has none.
//!
//! What makes a handle is answered: with none of them, or with `access-denied`. A function that
//! takes one cannot be called, for want of a handle, and is there to be linked.

use wasmtime::{
    bail,
    component::{LinkerInstance, Resource, Val},
};

use super::{Descriptor, Network, hand_out};
use crate::policy::sandbox::Sandbox;

/// Defines this function, if it is one that can be called.
pub(super) fn define(
    instance: &mut LinkerInstance<'_, Sandbox>,
    interface: &str,
    name: &str,
) -> wasmtime::Result<bool> {
    match (interface, name) {
        ("filesystem/preopens", "get-directories") => {
            instance.func_wrap(name, |_, (): ()| Ok((Vec::<(Resource<Descriptor>, String)>::new(),)))?;
        }
        ("filesystem/types", "filesystem-error-code") | ("sockets/network", "network-error-code") => {
            instance.func_new(name, |_, _, _, results| answer(results, Val::Option(None)))?;
        }
        ("sockets/instance-network", "instance-network") => {
            instance.func_wrap(name, |mut context, (): ()| Ok((hand_out::<Network>(&mut context, 0)?,)))?;
        }
        ("sockets/ip-name-lookup", "resolve-addresses")
        | ("sockets/tcp-create-socket", "create-tcp-socket")
        | ("sockets/udp-create-socket", "create-udp-socket") => {
            instance.func_new(name, |_, _, _, results| {
                answer(results, Val::Result(Err(Some(Box::new(Val::Enum("access-denied".into()))))))
            })?;
        }
        _ => return Ok(false),
    }
    Ok(true)
}

/// Defines a function that nobody can call.
pub(super) fn out_of_reach(
    instance: &mut LinkerInstance<'_, Sandbox>,
    interface: &str,
    name: &str,
) -> wasmtime::Result<()> {
    let what = format!("wasi:{interface} `{name}`");
    instance.func_new(name, move |_, _, _, _| bail!("{what}: a policy has no files and no network"))
}

fn answer(results: &mut [Val], value: Val) -> wasmtime::Result<()> {
    results.iter_mut().for_each(|result| *result = value.clone());
    Ok(())
}
