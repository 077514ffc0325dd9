//! `reprise probe`.
//!
//! - `line`: one connection, from TCP on
//! - `visits`: what is done, and what was seen. Knows no RFC
//! - `rows`: what is judged, and by which RFC. Makes no connection
//! - `course`: which visits are made, in which order
//! - `output`: the table, and JSON

mod course;
mod line;
mod output;
mod rows;
mod visits;

use std::{
    net::{SocketAddr, ToSocketAddrs},
    path::PathBuf,
    process::ExitCode,
};

use anyhow::{Context, Result};
use clap::{Args, builder::NonEmptyStringValueParser};
use reprise_openssl::client::Identity;
use reprise_session::{
    reading::Reader,
    session::{Keyring, ServerName},
};

use self::{
    course::Course,
    line::{Protocol, Visitor},
    output::Subject,
    rows::{Expected, Row, Verdict},
};
use super::core_dumps;
use crate::{
    hosting::Timeout,
    serve::{self, SiteFiles},
};

/// Ask any TLS server, from outside, whether it resumes sessions, how, and whether that is safe.
///
/// Nothing is installed there, and certificates are not verified. Each row of the answer says what
/// was done, what was seen, what the RFCs say of it, and whether it is fine, to note, bad, or
/// unknown. A few connections are made, one after the other, in TLS 1.2 by session id and by ticket
/// and in TLS 1.3, and only to HOST:PORT and to what --also names.
///
/// Always: does it resume; a session used twice, and without its server name; in TLS 1.3, the name
/// changed after a HelloRetryRequest, and where tickets invite it an empty line as 0-RTT data, and
/// the same once more. All else is looked at where an option asks for it.
///
/// The exit status is 1 if something is bad: a version that is served resumes in no way (with
/// --keyring: by Reprise), or resumes where it must not. It is 2 if nothing is, and whether it
/// resumes, or what an option asks for, could not be told. Else it is 0.
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

    /// Offer sessions under this name, too: they should not resume. May be repeated
    #[arg(long, value_name = "NAME")]
    also_name: Vec<ServerName>,

    /// Offer sessions at this address or port, too. May be repeated
    #[arg(long, value_name = "HOST:PORT", value_parser = NonEmptyStringValueParser::new())]
    also: Vec<String>,

    /// Show this certificate where the server asks for one, and offer a session without it
    #[arg(long, value_name = "FILE", requires = "key")]
    cert: Option<PathBuf>,

    /// The key of --cert
    #[arg(long, value_name = "FILE", requires = "cert")]
    key: Option<PathBuf>,

    /// Renew sessions until their full handshake is this long ago: they should resume no more
    #[arg(long, value_name = "SPAN")]
    wait: Option<Timeout>,

    /// Run this by `sh -c`, and offer sessions from before it
    #[arg(long, value_name = "COMMAND", value_parser = NonEmptyStringValueParser::new())]
    after: Option<String>,

    /// What should become of them, as after a reload or a revocation
    #[arg(long, value_name = "OUTCOME", requires = "after")]
    expect: Option<Expected>,

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
        let identity = self.identity()?;
        let resolved = resolve(&self.server).and_then(|address| {
            let also = self.also.iter().map(|written| Ok((written.clone(), resolve(written).context("--also")?)));
            Ok((address, also.collect::<Result<Vec<_>>>()?))
        });
        let (address, also) = match resolved {
            Ok(resolved) => resolved,
            Err(error) => {
                super::output::tell(format_args!("{error:#}"));
                return Ok(ExitCode::from(UNKNOWN));
            }
        };
        let server_name = server_name.as_ref().map(ServerName::as_str);
        let course = Course {
            home: Visitor {
                address,
                server_name,
                identity: identity.as_ref(),
                starttls: self.starttls,
                patience: self.timeout.0,
            },
            names: &self.also_name,
            addresses: also,
            wait: self.wait.map(|wait| wait.0),
            after: self.after.as_deref(),
            expected: self.expect,
            keyring: keyring.as_ref(),
        };
        let rows = course.run();
        let verdict = verdict(&rows);
        let (address, not_asked) = (address.to_string(), course.not_asked());
        let subject = Subject { server: &self.server, address, server_name, not_asked };
        if self.json {
            super::output::document(&output::json(&subject, &rows, verdict).to_string());
        } else {
            super::output::page(&output::table(&subject, &rows));
        }
        Ok(match verdict {
            Verdict::Bad => ExitCode::FAILURE,
            Verdict::Unknown => ExitCode::from(UNKNOWN),
            Verdict::Note | Verdict::Fine => ExitCode::SUCCESS,
        })
    }

    fn identity(&self) -> Result<Option<Identity>> {
        let (Some(cert), Some(key)) = (&self.cert, &self.key) else { return Ok(None) };
        let files = SiteFiles { name: serve::DEFAULT.into(), cert: cert.clone(), key: key.clone(), client_ca: None };
        let parsed = serve::Material::read(&files, Reader::begin())?.parse(&files)?;
        Ok(Some(Identity { chain: parsed.chain, key: parsed.key }))
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

/// What the rows come to. That nobody is served is nothing to be fine about.
fn verdict(rows: &[Row]) -> Verdict {
    let worst = rows.iter().filter(|row| row.verdict != Verdict::Unknown || row.counts).map(|row| row.verdict).max();
    let served = rows.iter().any(|row| row.outcome != "not-served");
    if served { worst.unwrap_or(Verdict::Unknown) } else { Verdict::Unknown }
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

    #[test]
    fn what_nobody_asked_for_and_nobody_can_tell_leaves_the_status() {
        use super::{
            rows::again,
            visits::{Kind, Outcome},
        };
        let row = |outcome| again(Kind::Tls13, &outcome);
        let untold = || row(Outcome::Untold("gone".into()));
        assert_eq!(verdict(&[row(Outcome::Full), untold()]), Verdict::Fine);
        assert_eq!(verdict(&[row(Outcome::Resumed), Row { counts: true, ..untold() }]), Verdict::Unknown);
        assert_eq!(verdict(&[]), Verdict::Unknown);
    }
}
