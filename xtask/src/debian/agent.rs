//! The agent of an installed package, started by its unit's lines as systemd would.
//!
//! What systemd does besides, such as its filter of system calls, is not tried: no systemd runs
//! here.

use std::{
    fs::{self, Permissions},
    os::unix::{
        fs::{FileTypeExt, PermissionsExt},
        net::UnixDatagram,
        process::ExitStatusExt,
    },
    path::Path,
    process::{Child, Command},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};

use crate::run::{output, run};

const UNIT: &str = "/usr/lib/systemd/system/reprise-agent.service";
const SOCKET: &str = "/run/reprise/agent.sock";
/// Where it tells how it is doing.
const NOTIFY: &str = "/run/notify";
/// Long enough for a machine that does much else.
const PATIENCE: Duration = Duration::from_secs(60);

/// Starts the agent, asks it and has others ask it, has it read its files again, and stops it.
pub fn serves(others: impl FnOnce(&str) -> Result<()>) -> Result<()> {
    let unit = fs::read_to_string(UNIT)?;
    let setting = |name: &str| setting(&unit, name);
    let user = setting("User")?;
    for (above, what) in [("/run", "Runtime"), ("/var/lib", "State")] {
        let name = setting(&format!("{what}Directory"))?;
        let mode = setting(&format!("{what}DirectoryMode"))?;
        let mut install = Command::new("install");
        run(install.args(["--directory", "--mode", mode, "--owner", user, &format!("{above}/{name}")]))?;
    }

    let (listener, agent) = (Listener::new()?, Agent::start(user, setting("ExecStart")?)?);
    listener.hears("READY=1")?;
    listener.hears("WATCHDOG=1")?;
    ensure!(fs::symlink_metadata(SOCKET)?.file_type().is_socket(), "{SOCKET} is no socket");
    // root has it where the unit has it.
    let status = output("reprise", &["status"]).context("`reprise status` fails")?;
    ensure!(status.contains("policies"), "`reprise status` says:\n{status}");
    let conf = output("reprise", &["module", "conf", "--program", "nginx"]).context("`reprise module conf` fails")?;
    let named = |name: &str| conf.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(" = "));
    ensure!(named("socket") == Some(SOCKET), "servers would ask elsewhere:\n{conf}");
    ensure!(named("path").is_some_and(|path| Path::new(path).is_file()), "servers would load another module:\n{conf}");
    others(&status)?;

    let reload = setting("ExecReload")?.replace("$MAINPID", &agent.0.id().to_string());
    run(&mut words(&reload)?)?;
    listener.hears("RELOADING=1")?;
    listener.hears("READY=1")?;
    agent.stop()?;
    listener.hears("STOPPING=1")?;
    ensure!(!Path::new(SOCKET).exists(), "{SOCKET} is there after the agent");
    Ok(())
}

/// What a unit says under a name.
fn setting<'a>(unit: &'a str, name: &str) -> Result<&'a str> {
    let value = unit.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
    value.with_context(|| format!("the unit has no {name}="))
}

/// A command line without quotation marks.
fn words(line: &str) -> Result<Command> {
    let mut words = line.split_whitespace();
    let mut command = Command::new(words.next().context("a command line is empty")?);
    command.args(words);
    Ok(command)
}

/// The process. It is killed when dropped.
struct Agent(Child);

impl Agent {
    fn start(user: &str, line: &str) -> Result<Self> {
        let user = [format!("--reuid={user}"), format!("--regid={user}"), "--init-groups".into()];
        let mut setpriv = Command::new("setpriv");
        setpriv.args(user).args(["--no-new-privs", "--bounding-set=-all", "--inh-caps=-all", "--"]);
        setpriv.args(line.split_whitespace()).env_clear().env("PATH", "/usr/sbin:/usr/bin");
        // Of a watchdog so short there is news soon.
        setpriv.env("NOTIFY_SOCKET", NOTIFY).env("WATCHDOG_USEC", "1000000").current_dir("/");
        Ok(Self(setpriv.spawn().context("setpriv could not be started")?))
    }

    fn stop(mut self) -> Result<()> {
        run(Command::new("/bin/kill").arg(self.0.id().to_string()))?;
        let status = self.0.wait()?;
        ensure!(status.success(), "the agent ended with {status}, signal {:?}", status.signal());
        Ok(())
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What systemd is told with (sd_notify(3)).
struct Listener(UnixDatagram);

impl Listener {
    fn new() -> Result<Self> {
        let listener = UnixDatagram::bind(NOTIFY)?;
        fs::set_permissions(NOTIFY, Permissions::from_mode(0o666))?;
        Ok(Self(listener))
    }

    /// Waits until it is told this.
    fn hears(&self, line: &str) -> Result<()> {
        let (mut buffer, deadline) = ([0; 4096], Instant::now() + PATIENCE);
        loop {
            // The watchdog is told all the while.
            let left = deadline.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
            self.0.set_read_timeout(Some(left))?;
            let length = self.0.recv(&mut buffer).with_context(|| format!("systemd would not hear {line}"))?;
            if String::from_utf8_lossy(&buffer[..length]).lines().any(|said| said == line) {
                return Ok(());
            }
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let _ = fs::remove_file(NOTIFY);
    }
}
