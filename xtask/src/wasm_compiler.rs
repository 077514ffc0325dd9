//! Which compiler makes WebAssembly here.
//!
//! The toolchain in use, if it has the target `wasm32-unknown-unknown` or rustup can add it. Else,
//! on a Debian that cannot reach rustup's server, Debian's own compiler, with the standard library
//! built from Debian's sources of it.

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Result, bail};

use crate::{
    machine::{Machine, System},
    requirements::{self, Requirement},
    run::{self, output, step},
};

/// The target that policies are built for.
pub const TARGET: &str = "wasm32-unknown-unknown";

/// Long enough for some 20 MB; a server that cannot be reached is noticed sooner.
const RUSTUP_LIMIT: Duration = Duration::from_secs(180);

/// A compiler that makes WebAssembly.
#[derive(Debug, PartialEq, Eq)]
pub enum WasmCompiler {
    /// The one of the toolchain in use.
    OfToolchain,
    /// Debian's, with the linker given.
    Debian { linker: PathBuf },
}

impl WasmCompiler {
    /// The one that is here, or one that could be installed.
    pub fn ensure() -> Result<Self> {
        let sysroot = PathBuf::from(output("rustc", &["--print", "sysroot"]).unwrap_or_default());
        if has_target(&sysroot) || rustup_adds_target() && has_target(&sysroot) {
            return Ok(Self::OfToolchain);
        }
        let machine = Machine::here();
        if machine.system != System::Debian {
            bail!(
                "the Rust toolchain has no target {TARGET}. Type this, then try again:\n  rustup target add {TARGET}"
            );
        }
        requirements::ensure(&[Requirement::DebianRust])?;
        let Some(linker) = linkers(&sysroot).into_iter().find(|linker| linker.exists()) else {
            bail!(
                "no linker for {TARGET}: there is no rust-lld, neither in the Rust toolchain nor in /usr/bin. Type this, then try \
                 again:\n  apt-get install -y rust-web-llvm lld-22"
            );
        };
        Ok(Self::Debian { linker })
    }

    /// Makes `cargo build` use it, for [`TARGET`].
    pub fn apply(&self, cargo: &mut Command) {
        cargo.args(["--target", TARGET]);
        // These are meant for this machine, not for Wasm.
        cargo.env_remove("RUSTFLAGS").env_remove("CARGO_ENCODED_RUSTFLAGS");
        if let Self::Debian { linker } = self {
            cargo.arg(format!("-Zbuild-std={STANDARD_LIBRARY}")).envs(debian(linker));
        }
    }

    /// Tells tests that play an author at work what that author's Cargo needs in its environment,
    /// under `REPRISE_AUTHOR_NAME`.
    pub fn tell_authors(&self, tests: &mut Command) {
        if let Self::Debian { linker } = self {
            let build_std = ("CARGO_UNSTABLE_BUILD_STD", OsStr::new(STANDARD_LIBRARY));
            for (name, value) in debian(linker).into_iter().chain([build_std]) {
                tests.env(format!("REPRISE_AUTHOR_{name}"), value);
            }
        }
    }
}

/// What is built of the standard library where no ready-made one is.
const STANDARD_LIBRARY: &str = "std,panic_abort";

fn debian(linker: &Path) -> [(&'static str, &OsStr); 3] {
    [
        ("RUSTC", OsStr::new("/usr/bin/rustc")),
        // The standard library is only built from source by those who ask for what is unstable.
        ("RUSTC_BOOTSTRAP", OsStr::new("1")),
        ("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker.as_os_str()),
    ]
}

fn has_target(sysroot: &Path) -> bool {
    sysroot.join("lib/rustlib").join(TARGET).join("lib").is_dir()
}

fn rustup_adds_target() -> bool {
    if output("rustup", &["--version"]).is_none() {
        return false;
    }
    step(&format!("adding the target {TARGET} to the Rust toolchain"));
    let added = run::ends_well_within(RUSTUP_LIMIT, Command::new("rustup").args(["target", "add", TARGET]));
    if !added {
        eprintln!("rustup could not add it; looking for another way");
    }
    added
}

/// Where a linker for WebAssembly may be, the toolchain's own first.
fn linkers(sysroot: &Path) -> Vec<PathBuf> {
    let hosts = std::fs::read_dir(sysroot.join("lib/rustlib")).into_iter().flatten().flatten();
    let own = hosts.map(|host| host.path().join("bin/rust-lld"));
    own.chain([PathBuf::from("/usr/bin/rust-lld")]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn applied(compiler: &WasmCompiler) -> Command {
        let mut cargo = Command::new("cargo");
        compiler.apply(&mut cargo);
        cargo
    }

    #[test]
    fn the_toolchains_own_compiler_needs_nothing_but_the_target() {
        let cargo = applied(&WasmCompiler::OfToolchain);
        assert_eq!(cargo.get_args().collect::<Vec<_>>(), ["--target", TARGET]);
        assert!(cargo.get_envs().all(|(_, value)| value.is_none()));
    }

    #[test]
    fn debians_compiler_builds_its_standard_library_and_links_with_what_was_found() {
        let cargo = applied(&WasmCompiler::Debian { linker: "/x/rust-lld".into() });
        assert!(cargo.get_args().any(|argument| argument == "-Zbuild-std=std,panic_abort"));
        let linker = cargo.get_envs().find(|(name, _)| *name == "CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER");
        assert_eq!(linker.and_then(|(_, value)| value), Some(OsStr::new("/x/rust-lld")));
    }

    #[test]
    fn flags_for_this_machine_do_not_reach_wasm() {
        let cargo = applied(&WasmCompiler::OfToolchain);
        assert!(cargo.get_envs().any(|(name, value)| name == "RUSTFLAGS" && value.is_none()));
    }
}
