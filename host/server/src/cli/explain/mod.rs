//! `reprise explain`.
//!
//! - `sentences`: a handshake in words; `remedies`: what would have let it resume
//! - `page`: the funnel and the advice

mod page;
mod remedies;
mod sentences;

use std::{process::ExitCode, thread, time::Duration};

use anyhow::{Context, Result};
use clap::Args;
use hyper::Method;
use ipnet::IpNet;
use reprise::{recent::Query, status::reasons};
use reprise_session::session::ServerName;

use super::output;
use crate::{
    admin::{
        client::Running,
        explaining::{Explanation, network, path},
    },
    hosting::Count,
};

/// How many handshakes are shown unless it is said.
const LAST: usize = 50;
/// How often a server is asked for what has come since.
const PAUSE: Duration = Duration::from_millis(500);

/// Explain why clients of a running server resumed or not.
///
/// Without arguments: how far handshakes came on the way to a resumption, why no further, and what would help. With any, the handshakes
/// of late that fit, each in words: what was offered, who objected and why, what would have let it resume.
#[derive(Args)]
pub(super) struct Explain {
    /// Handshakes of this client, or of clients of this network
    #[arg(long, value_name = "ADDR|NET", value_parser = client)]
    client: Option<IpNet>,

    /// Handshakes in which this name was asked for
    #[arg(long, value_name = "NAME")]
    server_name: Option<ServerName>,

    /// Handshakes that came no further for this reason, as the funnel names it
    #[arg(long, value_name = "REASON", value_parser = reason)]
    reason: Option<String>,

    /// How many, the last ones [default: 50]
    #[arg(long, value_name = "N")]
    last: Option<Count<1, 100_000>>,

    /// Go on with those that come, until interrupted
    #[arg(long)]
    follow: bool,

    /// As JSON; with --follow, one line for each handshake
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    server: Running,
}

fn client(text: &str) -> Result<IpNet, String> {
    network(text)
        .ok_or_else(|| format!("expected an address or a network, like `192.0.2.7` or `192.0.2.0/24`, found `{text}`"))
}

fn reason(text: &str) -> Result<String, String> {
    let known = || reasons().collect::<Vec<_>>().join("`, `");
    reasons()
        .any(|reason| reason == text)
        .then(|| text.to_owned())
        .ok_or_else(|| format!("expected one of `{}`", known()))
}

impl Explain {
    pub(super) fn run(self) -> Result<ExitCode> {
        let wants_handshakes = self.follow || self.last.is_some();
        let mut query = Query::default();
        query.client = self.client;
        query.server_name = self.server_name.as_ref().map(|name| name.as_str().to_owned());
        query.reason.clone_from(&self.reason);
        query.last = self.last.map_or(LAST, |last| last.0);
        let wants_handshakes =
            wants_handshakes || query.client.is_some() || query.server_name.is_some() || query.reason.is_some();
        let answer = self.server.ask(Method::GET, &path(&query))?;
        if self.json && !self.follow {
            output::document(&answer);
            return Ok(ExitCode::SUCCESS);
        }
        let all = parse(&answer)?;
        if !wants_handshakes {
            output::page(&page::page(&all));
            return Ok(ExitCode::SUCCESS);
        }
        self.show(&all)?;
        if self.follow {
            self.follow(query, &all)?;
        }
        Ok(ExitCode::SUCCESS)
    }

    /// Shows what comes, until whoever reads is gone or the server is.
    fn follow(&self, mut query: Query, all: &Explanation) -> Result<()> {
        query.last = usize::MAX;
        let newest = |all: &Explanation| all.handshakes.last().map_or(0, |last| last.number);
        query.after = all.kept.of.max(newest(all));
        while output::is_read() {
            thread::sleep(PAUSE);
            let all = parse(&self.server.ask(Method::GET, &path(&query))?)?;
            self.show(&all)?;
            query.after = query.after.max(newest(&all));
        }
        Ok(())
    }

    fn show(&self, all: &Explanation) -> Result<()> {
        for handshake in &all.handshakes {
            if self.json {
                output::document(&(serde_json::to_string(handshake)? + "\n"));
            } else {
                output::page(&sentences::told(handshake, all.now));
            }
        }
        if all.handshakes.is_empty() && !self.follow {
            output::page(&page::nothing(&all.kept));
        }
        Ok(())
    }
}

fn parse(answer: &str) -> Result<Explanation> {
    serde_json::from_str(answer)
        .context("the server is of another version than this command: use the one that it was started with")
}
