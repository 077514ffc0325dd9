//! The agent.

use std::{
    fs::{self, File},
    process::{Child, Command, Stdio},
};

use anyhow::{Context, Result, ensure};
use reprise_tests::{built, modules::Guests, until};

/// An agent. It is killed when dropped.
pub struct Agent {
    process: Child,
}

impl Agent {
    /// One that listens, with this policy in force. It keeps sessions in memory, or in this Redis.
    pub fn start(guests: &Guests, policy: Option<&str>, redis: Option<&str>) -> Result<Self> {
        let (place, log) = (guests.place(), guests.place().path("agent.log"));
        let mut command = Command::new(built::server());
        command.args(["agent", "--socket"]).arg(guests.socket()).arg("--state-dir").arg(guests.state());
        command.arg("--policies").arg(place.path("policies"));
        if let Some(policy) = policy {
            place.policy(&format!("10-{policy}.wasm"), built::policy(policy));
        }
        if let Some(redis) = redis {
            let made = Command::new(built::server()).args(["keys", "new"]).arg(place.path("keyring")).output()?;
            ensure!(made.status.success(), "no keyring: {}", String::from_utf8_lossy(&made.stderr));
            command.args(["--store", redis, "--keyring"]).arg(place.path("keyring"));
        }
        let said = File::create(&log)?;
        command.stdin(Stdio::null()).stdout(said.try_clone()?).stderr(said);
        let mut agent = Self { process: command.spawn().context("the agent does not start")? };
        let log = || fs::read_to_string(&log).unwrap_or_default();
        until("the agent listens, with its policy", || {
            let ended = !matches!(agent.process.try_wait(), Ok(None));
            assert!(!ended, "the agent ended:\n{}", log());
            let live = |policy| log().lines().any(|line| line.contains("policy is live") && line.contains(policy));
            log().contains("modules ask at") && policy.is_none_or(live)
        });
        Ok(agent)
    }

    /// Its process.
    pub fn number(&self) -> u32 {
        self.process.id()
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
