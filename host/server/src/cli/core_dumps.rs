//! No core dumps: one of a server holds its private keys and every session's secrets.

use anyhow::{Context, Result};
use nix::sys::resource::{Resource, setrlimit};

/// Keeps the kernel from writing this process's memory to disk, whatever `ulimit -c` and `core_pattern` say.
///
/// Two locks, for each leaves something open: a program that `core_pattern` pipes dumps to is not bound by the limit, and the
/// limit does not keep others out. On Linux the process is then not *dumpable* (PR_SET_DUMPABLE(2const)): processes of the same user
/// cannot attach to it or read its memory (ptrace, `/proc/PID/mem`), and its files in `/proc` belong to root, so that without
/// being root neither it nor they can open `environ`, `fd/` and the like. What a supervisor reads (`stat`, `status`,
/// `cgroup`) stays open. It ends with the next `execve`.
pub(super) fn forbid() -> Result<()> {
    setrlimit(Resource::RLIMIT_CORE, 0, 0)
        .context("core dumps cannot be turned off (setrlimit); allow them with --core-dumps")?;
    #[cfg(target_os = "linux")]
    nix::sys::prctl::set_dumpable(false)
        .context("core dumps cannot be turned off (prctl); allow them with --core-dumps")?;
    Ok(())
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use nix::sys::{prctl, resource::getrlimit};

    use super::*;

    #[test]
    fn the_process_is_not_dumpable_and_its_limit_is_none() {
        forbid().unwrap();
        assert!(!prctl::get_dumpable().unwrap());
        assert_eq!(getrlimit(Resource::RLIMIT_CORE).unwrap(), (0, 0));
    }
}
