//! A WASI 0.2 that gives nothing: what the standard library of a language imports whether it needs it or not.
//!
//! wasmtime's own, `wasmtime-wasi`, gives what one lets it give, and waits: for files, sockets and
//! clocks, on an executor of its own. Here nothing may be given and nothing may wait, since a call
//! runs on a handshake's thread, and what ends a call that takes too long (`ticker`) ends code of
//! the guest's, not of the host's. So the few functions that a policy can get to are answered here,
//! each at once and within bounds. Every other function of the interfaces takes a file or a socket,
//! which no policy ever has.
//!
//! - `io`: streams, of which standard output and standard error go to the log, and pollables, which are always ready
//! - `system`: the command line, clocks, random numbers
//! - `denied`: files and the network
//! - `output`: lines out of what is written piece by piece
//!
//! Only what a component imports is linked, under the very name that it imports, so that any 0.2.x
//! will do. `docs/wasi.md` has the interfaces as a table for authors; a test holds it against
//! [`INTERFACES`].

mod denied;
mod io;
mod output;
mod system;

use std::time::Instant;

use wasmtime::{
    Engine, StoreContextMut, bail,
    component::{Linker, LinkerInstance, Resource, ResourceType, types::ComponentItem},
};

use self::output::Lines;
use super::{contract::Mismatch, sandbox::Sandbox, wit::observe::Level};

/// Handles to streams, pollables and the like that one instance may hold at once: a table in the host grows with them.
const HANDLES: usize = 1_024;

/// How an interface is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    /// It works.
    Granted,
    /// It can be imported, and says that there is nothing, or that it is not permitted.
    Stubbed,
}

use Access::{Granted, Stubbed};

/// What of WASI 0.2 a policy may import.
const INTERFACES: [(&str, Access); 27] = [
    ("cli/environment", Stubbed),
    ("cli/exit", Granted),
    ("cli/stdin", Stubbed),
    ("cli/stdout", Granted),
    ("cli/stderr", Granted),
    ("cli/terminal-input", Stubbed),
    ("cli/terminal-output", Stubbed),
    ("cli/terminal-stdin", Stubbed),
    ("cli/terminal-stdout", Stubbed),
    ("cli/terminal-stderr", Stubbed),
    ("clocks/monotonic-clock", Granted),
    ("clocks/wall-clock", Granted),
    ("io/error", Granted),
    ("io/poll", Granted),
    ("io/streams", Granted),
    ("random/random", Granted),
    ("random/insecure", Granted),
    ("random/insecure-seed", Granted),
    ("filesystem/preopens", Stubbed),
    ("filesystem/types", Stubbed),
    ("sockets/instance-network", Stubbed),
    ("sockets/ip-name-lookup", Stubbed),
    ("sockets/network", Stubbed),
    ("sockets/tcp", Stubbed),
    ("sockets/tcp-create-socket", Stubbed),
    ("sockets/udp", Stubbed),
    ("sockets/udp-create-socket", Stubbed),
];

/// What of WASI an instance has.
pub(super) struct Guest {
    stdout: Lines,
    stderr: Lines,
    handles: usize,
    started: Instant,
}

impl Default for Guest {
    fn default() -> Self {
        Self { stdout: Lines::default(), stderr: Lines::default(), handles: 0, started: Instant::now() }
    }
}

/// Whether this is an import of WASI's, of whatever version.
pub(super) fn is_import(name: &str) -> bool {
    name.starts_with("wasi:")
}

/// Defines the functions that a component imports from the interface `import`, e.g. `wasi:io/streams@0.2.6`.
///
/// # Errors
/// There is no such interface for policies, or no such function in it.
pub(super) fn define(
    linker: &mut Linker<Sandbox>,
    engine: &Engine,
    import: &str,
    item: &ComponentItem,
) -> Result<(), Mismatch> {
    let (interface, access) = known(import)?;
    let ComponentItem::ComponentInstance(ty) = item else { return Err(unknown(import)) };
    let failed = |error: wasmtime::Error| Mismatch {
        expected: format!("`{import}` as WASI 0.2 has it"),
        found: format!("{error:#}"),
        hint: "Build it with current tools.".into(),
    };
    let mut instance = linker.instance(import).map_err(failed)?;
    for (name, item) in ty.exports(engine) {
        match item.ty {
            ComponentItem::Resource(_) => define_resource(&mut instance, name).map_err(failed)?,
            ComponentItem::ComponentFunc(_) => {
                let defined = define_function(&mut instance, interface, name).map_err(failed)?;
                // What takes a file or a socket is a method of it.
                if !defined && (access == Granted || !name.starts_with('[')) {
                    return Err(Mismatch {
                        expected: format!("imports from `{import}` to be functions of WASI 0.2"),
                        found: format!("`{name}`"),
                        hint: "Build the policy for WASI 0.2 as it was released, without its unstable features.".into(),
                    });
                }
                if !defined {
                    denied::out_of_reach(&mut instance, interface, name).map_err(failed)?;
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// The interface without package and version, if a policy may import it.
///
/// # Errors
/// It may not.
pub(super) fn known(import: &str) -> Result<(&str, Access), Mismatch> {
    let (interface, version) = import.split_once('@').unwrap_or((import, ""));
    let interface = interface.strip_prefix("wasi:").unwrap_or(interface);
    let found = INTERFACES.into_iter().find(|(known, _)| *known == interface);
    let Some((_, access)) = found else { return Err(unknown(import)) };
    if !version.strip_prefix("0.2.").is_some_and(|patch| patch.bytes().all(|byte| byte.is_ascii_digit())) {
        return Err(Mismatch {
            expected: "version 0.2 of WASI, which this host speaks".into(),
            found: format!("`{import}`"),
            hint: "Build the policy for WASI 0.2 (in Rust the target wasm32-wasip2), or without WASI.".into(),
        });
    }
    Ok((interface, access))
}

fn unknown(import: &str) -> Mismatch {
    let hint = if import.starts_with("wasi:http/") {
        "A policy makes no requests and serves none. In JavaScript, componentize it with `disableFeatures: [\"http\", \
         \"fetch-event\"]`; elsewhere, remove what needs it."
    } else {
        "Remove what needs it: a policy makes no I/O. docs/wasi.md lists what of WASI there is."
    };
    Mismatch {
        expected: "imports from WASI to be among those that give nothing away (docs/wasi.md)".into(),
        found: format!("`{import}`"),
        hint: hint.into(),
    }
}

fn define_function(instance: &mut LinkerInstance<'_, Sandbox>, interface: &str, name: &str) -> wasmtime::Result<bool> {
    Ok(io::define(instance, interface, name)?
        || system::define(instance, interface, name)?
        || denied::define(instance, interface, name)?)
}

/// A kind of handle; there are no values of it.
macro_rules! handles {
    ($($ty:ident $name:literal,)+) => {
        $(enum $ty {})+

        /// The resource type of this name. WASI's names of them are unique across its interfaces.
        fn resource_type(name: &str) -> Option<ResourceType> {
            match name {
                $($name => Some(ResourceType::host::<$ty>()),)+
                _ => None,
            }
        }
    };
}

handles! {
    IoError "error",
    Pollable "pollable",
    InputStream "input-stream",
    OutputStream "output-stream",
    TerminalInput "terminal-input",
    TerminalOutput "terminal-output",
    Descriptor "descriptor",
    DirectoryEntryStream "directory-entry-stream",
    Network "network",
    ResolveAddressStream "resolve-address-stream",
    TcpSocket "tcp-socket",
    UdpSocket "udp-socket",
    IncomingDatagramStream "incoming-datagram-stream",
    OutgoingDatagramStream "outgoing-datagram-stream",
}

fn define_resource(instance: &mut LinkerInstance<'_, Sandbox>, name: &str) -> wasmtime::Result<()> {
    let Some(ty) = resource_type(name) else { return Ok(()) };
    instance.resource(name, ty, |mut context, _| {
        let handles = &mut context.data_mut().wasi.handles;
        *handles = handles.saturating_sub(1);
        Ok(())
    })
}

/// Gives the guest a handle. What it stands for is all in its number and type.
fn hand_out<T: 'static>(context: &mut StoreContextMut<'_, Sandbox>, number: u32) -> wasmtime::Result<Resource<T>> {
    let guest = &mut context.data_mut().wasi;
    if guest.handles >= HANDLES {
        bail!("the policy holds {HANDLES} handles to streams and pollables: expected it to drop those it is done with");
    }
    guest.handles += 1;
    Ok(Resource::new_own(number))
}

impl Sandbox {
    /// Writes to standard output, or standard error: line by line to the log.
    fn print(&mut self, stream: u32, bytes: &[u8]) {
        let mut rest = bytes;
        while !rest.is_empty() {
            let line;
            (line, rest) = self.lines(stream).take(rest);
            if let Some(line) = line {
                self.say(level(stream), &line);
            }
        }
    }

    /// Writes what stands there without the end of a line, because nothing will follow.
    pub(super) fn print_the_rest(&mut self) {
        for stream in [io::STDOUT, io::STDERR] {
            if let Some(line) = self.lines(stream).rest() {
                self.say(level(stream), &line);
            }
        }
    }

    fn lines(&mut self, stream: u32) -> &mut Lines {
        if stream == io::STDERR { &mut self.wasi.stderr } else { &mut self.wasi.stdout }
    }
}

fn level(stream: u32) -> Level {
    if stream == io::STDERR { Level::Warn } else { Level::Info }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documentation_has_each_interface_as_it_is_answered_here() {
        let table = include_str!("../../../../../docs/wasi.md");
        for (interface, access) in INTERFACES {
            let row = format!("| `wasi:{interface}` | {} |", format!("{access:?}").to_lowercase());
            assert!(table.contains(&row), "{row}");
        }
        let rows =
            table.lines().filter(|line| line.ends_with('|') && line.contains("wasi:") && !line.contains("refused"));
        assert_eq!(rows.count(), INTERFACES.len(), "no other interface is in the table");
    }

    #[test]
    fn every_patch_of_0_2_is_known_and_no_other_version() {
        for version in ["0.2.0", "0.2.6", "0.2.12"] {
            assert!(known(&format!("wasi:io/streams@{version}")).is_ok(), "{version}");
        }
        for version in ["0.1.0", "0.3.0", "1.0.0", "0.2.0-rc-2023-11-10", ""] {
            assert!(known(&format!("wasi:io/streams@{version}")).is_err(), "{version}");
        }
    }
}
