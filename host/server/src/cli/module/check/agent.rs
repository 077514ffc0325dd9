//! Whether an agent is there, answers, and is one that the module trusts.

use std::{io::Read as _, os::unix::fs::PermissionsExt, path::Path, time::Duration};

use nix::sys::socket::{getsockopt, sockopt::PeerCredentials};
use socket2::{Domain, SockAddr, Socket, Type};

use super::{Findings, Subject};

/// How long it may take.
const PATIENCE: Duration = Duration::from_secs(2);
/// Who nobody knows (user_namespaces(7)).
const OVERFLOW: u32 = 65_534;

pub(super) fn look(subject: &Subject<'_>, findings: &mut Findings) {
    if !subject.root.is_machine() {
        return;
    }
    let (socket, agent) = (&subject.configured.socket, subject.configured.agent);
    let shown = socket.display();
    match ask(socket) {
        Err(error) => {
            let what = format!("no agent answers at {shown} ({error}): every handshake is a full one");
            findings.trouble(what, "systemctl start reprise-agent, or see `reprise agent --help`");
        }
        Ok(OVERFLOW) => {
            findings.trouble(
                format_args!(
                    "the agent at {shown} is shown as user {OVERFLOW}, who may be anybody: it is never trusted"
                ),
                "run it in the user namespace of the servers",
            );
        }
        Ok(user) if user == 0 || agent == Some(user) => {
            findings.well(format_args!("an agent of user {user} answers at {shown}"));
        }
        Ok(user) => {
            let what = format!(
                "the agent at {shown} is user {user}, and the module trusts {}",
                agent.map_or("root, and the server's own user".into(), |agent| format!(
                    "root, {agent} and the server's own"
                ))
            );
            let fix = format!("reprise module enable {}, where that user is called `reprise`", subject.server);
            findings.trouble(what, fix);
        }
    }
    if let Some(secret) = &subject.configured.secret {
        keeps_secret(secret, findings);
    }
}

/// Only root and the agent may read the secret.
fn keeps_secret(secret: &Path, findings: &mut Findings) {
    if let Ok(about) = std::fs::metadata(secret)
        && about.permissions().mode() & 0o007 != 0
    {
        let what = format!("{} can be read by anybody, and is the proof of who the agent is", secret.display());
        findings.trouble(what, format_args!("chmod o= {}", secret.display()));
    }
}

/// The user of the agent there, which ends a line on which it is sent what makes no sense: so it lives.
fn ask(path: &Path) -> std::io::Result<u32> {
    let mut socket = Socket::new(Domain::UNIX, Type::SEQPACKET, None)?;
    socket.connect(&SockAddr::unix(path)?)?;
    let user = getsockopt(&socket, PeerCredentials)?.uid();
    socket.set_read_timeout(Some(PATIENCE))?;
    socket.send(&[0xff])?;
    match socket.read(&mut [0; 256]) {
        // What it says beside does not matter.
        Ok(_) => Ok(user),
        Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => Ok(user),
        Err(error) => Err(error),
    }
}
