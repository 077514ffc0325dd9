//! `reprise probe`.
//!
//! - `visit`: one connection, and what the server gave
//! - `starttls`: what comes before TLS in protocols that begin in clear
//! - `finding`: what is made of two connections of one version, in words and in JSON

mod finding;
mod starttls;
mod visit;

use std::{
    net::{SocketAddr, ToSocketAddrs},
    path::PathBuf,
    process::ExitCode,
};

use anyhow::{Context, Result};
use clap::Args;
use reprise_session::session::{Keyring, ServerName};
use serde_json::json;

use self::{
    finding::{Finding, VERSIONS},
    starttls::Protocol,
    visit::Visitor,
};
use super::{core_dumps, output};
use crate::hosting::Timeout;

/// Ask any TLS server, from outside, whether and how it resumes sessions.
///
/// Two connections in TLS 1.2 and two in TLS 1.3, one after the other: the second offers the session that the first was given. Nothing
/// is installed there, and certificates are not verified. The exit status is 0 if every version that is served resumes (with --keyring:
/// by Reprise), 1 if one does not, and 2 if that cannot be told.
#[derive(Args)]
pub(super) struct Probe {
    /// The server
    #[arg(value_name = "HOST:PORT")]
    server: String,

    /// The server name that is asked for [default: HOST, unless it is an address]
    #[arg(long, value_name = "NAME")]
    server_name: Option<ServerName>,

    /// Begin in clear, as this protocol does
    #[arg(long, value_name = "PROTOCOL")]
    starttls: Option<Protocol>,

    /// Tell sessions that Reprise keeps, by the keys of its servers, and expect them
    #[arg(long, value_name = "FILE")]
    keyring: Option<PathBuf>,

    /// How long each step of a connection may take
    #[arg(long, value_name = "SPAN", default_value = "5s")]
    timeout: Timeout,

    /// Write JSON
    #[arg(long)]
    json: bool,
}

/// That nothing can be told.
const UNKNOWN: u8 = 2;

impl Probe {
    pub(super) fn run(self) -> Result<ExitCode> {
        core_dumps::forbid()?;
        let (host, _) = self.server.rsplit_once(':').unwrap_or((&self.server, ""));
        let server_name = self.server_name.clone().or_else(|| name_of(host));
        let keyring = self.keyring.as_deref().map(Keyring::open).transpose().context("--keyring")?;
        let address = match resolve(&self.server) {
            Ok(address) => address,
            Err(error) => {
                output::tell(format_args!("{error:#}"));
                return Ok(ExitCode::from(UNKNOWN));
            }
        };
        let visitor = Visitor {
            address,
            server_name: server_name.as_ref().map(ServerName::as_str),
            starttls: self.starttls,
            patience: self.timeout.0,
        };
        let findings = VERSIONS.map(|version| Finding::of(version, &visitor, keyring.as_ref()));
        if self.json {
            let versions: Vec<_> = findings.iter().map(Finding::json).collect();
            let found = json!({ "server": self.server, "address": address.to_string(), "server_name": server_name.as_ref().map(ServerName::as_str), "versions": versions });
            output::document(&found.to_string());
        } else {
            output::say(format_args!("{} ({address})", self.server));
            findings.iter().for_each(|finding| output::say(format_args!("  {finding}")));
        }
        Ok(status(&findings, keyring.is_some()))
    }
}

/// A name that can be asked for; an address is none (RFC 6066 section 3).
fn name_of(host: &str) -> Option<ServerName> {
    host.parse().ok()
}

/// One address for all connections: another one may be another machine.
fn resolve(server: &str) -> Result<SocketAddr> {
    let mut addresses = server
        .to_socket_addrs()
        .with_context(|| format!("`{server}` cannot be resolved: expected HOST:PORT, such as `www.example.com:443`"))?;
    addresses.next().with_context(|| format!("`{server}` has no address: is the name right?"))
}

/// What the findings come to.
fn status(findings: &[Finding], by_reprise: bool) -> ExitCode {
    let told: Vec<bool> = findings.iter().filter_map(|finding| finding.resumes(by_reprise)).collect();
    match told[..] {
        [] => ExitCode::from(UNKNOWN),
        _ if told.iter().all(|resumes| *resumes) => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_no_server_name() {
        assert_eq!(name_of("www.example.com.").unwrap().as_str(), "www.example.com");
        assert!(["192.0.2.1", "[2001:db8::1]", ""].iter().all(|host| name_of(host).is_none()));
    }

    #[test]
    fn what_is_no_server_is_refused_with_an_example() {
        for server in ["localhost", "localhost:https2", ":x"] {
            assert!(resolve(server).unwrap_err().to_string().contains("`www.example.com:443`"), "{server}");
        }
    }
}
