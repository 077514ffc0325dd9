//! An agent with arguments of its own, and what its operators ask it.

use std::{
    fs,
    process::{Command, Output},
};

use serde_json::Value;

use super::{Agent, Guests};
use crate::{built, until};

impl Guests {
    /// An agent with these arguments beside its own.
    pub fn agent_with(&self, arguments: &[&str]) -> Agent {
        let mut command = self.command();
        command.args(arguments);
        self.started(command)
    }

    /// What an operator's command prints about this agent; it must go well.
    pub fn reprise(&self, arguments: &[&str]) -> String {
        let mut command = Command::new(built::server());
        command.args(arguments).arg("--state-dir").arg(self.state()).env_remove("RUST_LOG");
        let Output { status, stdout, stderr } = command.output().expect("the program starts");
        let said = [stdout, stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        assert!(status.success(), "{arguments:?}: {}", said.concat());
        said.into_iter().next().unwrap_or_default()
    }

    /// What `reprise status --json` tells of the agent.
    pub fn status(&self) -> Value {
        let told = self.reprise(&["status", "--json"]);
        serde_json::from_str(&told).unwrap_or_else(|error| panic!("{error} in {told}"))
    }

    /// Makes a keyring, for agents that share a store.
    pub fn new_keyring(&self, file: &str) {
        let made = Command::new(built::server()).args(["keys", "new", file]).output().expect("the program starts");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    }

    /// Waits until this generation of the policy decides.
    pub fn live(&self, policy: &str, generation: u64) {
        until("the policy is live", || {
            let status = self.status();
            let policies = status["policies"].as_array().expect("a list");
            let here = policies.iter().find(|known| known["name"] == policy);
            here.is_some_and(|known| known["generation"].as_u64() == Some(generation))
        });
    }

    /// Takes away what an agent that was killed has left behind, so that somebody else can listen there.
    pub fn clear_socket(&self) {
        fs::remove_file(self.socket()).expect("an agent has left it behind");
    }
}

impl Agent {
    /// Ends it in the middle of what it does (SIGKILL).
    pub fn kill(self) {
        drop(self);
    }
}
