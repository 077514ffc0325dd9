//! What policies are not told by this server. A policy does not say what it looks at; its NAME.toml gives it away, where it has
//! a share of clients, or networks among its settings.

use std::path::Path;

use reprise_policy::{names::policy_name, policy::Manifest};

use super::{Findings, Subject};
use crate::cli::module::service::processes;

const POLICIES: &str = "/etc/reprise/policies";
/// Servers whose OpenSSL has no socket, and so nobody at its other end.
const WITHOUT_PEER: [&str; 5] = ["apache2", "dovecot", "haproxy", "puma", "uvicorn"];
/// Those whose OpenSSL has one.
const WITH_PEER: [&str; 7] = ["nginx", "hitch", "lighttpd", "redis-server", "mosquitto", "vsftpd", "postgres"];

pub(super) fn look(subject: &Subject<'_>, findings: &mut Findings) {
    let program = subject.unit.program();
    let name = program.as_deref().and_then(processes::name).unwrap_or(subject.server.name());
    if WITH_PEER.contains(&name) {
        return;
    }
    let lacks = if WITHOUT_PEER.contains(&name) {
        "its OpenSSL does not know the client's address (`peer`), nor on which address it listens"
    } else {
        "it is not known whether its OpenSSL knows the client's address (`peer`): Python's asyncio, for one, does not"
    };
    findings.note(format_args!("{lacks}: policies are asked without"));
    for file in subject.root.names(POLICIES.as_ref()) {
        let Some(stem) = file.strip_suffix(".wasm") else { continue };
        let toml = Path::new(POLICIES).join(format!("{stem}.toml"));
        let text = subject.root.read(&toml).ok().flatten().unwrap_or_default();
        // What is wrong with it, `reprise check` says.
        let Ok(manifest) = Manifest::parse(&text) else { continue };
        let policy = policy_name(&file);
        if manifest.share < 100 {
            let share = manifest.share;
            let what = format!("{policy} is for {share} % of the clients, and here for {share} % of the time");
            findings.trouble(what, format_args!("{}: take `share` out, or know it", toml.display()));
        }
        if let Some((key, value)) = manifest.settings.iter().find(|(_, value)| is_network(value)) {
            let what =
                format!("{policy} has a network in its settings (`{key} = {value}`), and no client is in it here");
            findings.trouble(what, format_args!("{}: such a policy may object to every session", toml.display()));
        }
    }
}

fn is_network(value: &str) -> bool {
    value.parse::<ipnet::IpNet>().is_ok() || value.parse::<std::net::IpAddr>().is_ok()
}
