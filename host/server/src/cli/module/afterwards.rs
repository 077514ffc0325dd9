//! What is left to do once files are written: systemd is told; servers are restarted by whoever may.

use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::{files::Files, names::Server, root::Root};
use crate::cli::output;

/// What was done to servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Done {
    Nothing,
    Enabled,
    Disabled,
}

/// Has systemd read its units again, and says what is to be typed for these servers.
///
/// # Errors
/// systemd does not.
pub(super) fn say(root: &Root, changed: &[Server], done: Done) -> Result<()> {
    if changed.is_empty() {
        return Ok(());
    }
    if done == Done::Nothing {
        output::say("nothing was written (--dry-run)");
    } else if !root.has_systemd() {
        changed.iter().for_each(|server| by_hand(server, done));
    } else {
        if root.is_machine() {
            let told = Command::new("systemctl").arg("daemon-reload").status();
            let told = told.context("the files are written, but `systemctl daemon-reload` does not start")?;
            ensure!(told.success(), "the files are written, but `systemctl daemon-reload` failed: run it again");
            output::say("systemctl daemon-reload: done");
        }
        let names: Vec<&str> = changed.iter().map(Server::name).collect();
        output::say("it counts from their next start on; now type:");
        output::say(format_args!("  systemctl restart {}", names.join(" ")));
    }
    Ok(())
}

/// What is to be done where systemd starts nothing.
fn by_hand(server: &Server, done: Done) {
    let files = Files::of(server);
    let value = files.value();
    if files.envvars.is_some() {
        output::say(format_args!(
            "systemd does not run here: it counts from the next start of {server} by apache2ctl on"
        ));
    } else if done == Done::Enabled {
        output::say(format_args!(
            "systemd does not run here: start {server} with OPENSSL_CONF={value} in its environment"
        ));
    } else {
        output::say(format_args!("systemd does not run here: start {server} again, without OPENSSL_CONF={value}"));
    }
}
