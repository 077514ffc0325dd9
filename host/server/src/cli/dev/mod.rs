//! `reprise dev`.
//!
//! - `sources`: whether a project's sources changed, and waiting until they do
//! - `rounds`: built, checked, dropped in; and again
//! - `place`: the directory that the policy is dropped into
//! - `telling`: what happens to the policy and what it decides, in lines

mod place;
mod rounds;
mod sources;
mod telling;

use std::{path::PathBuf, process::ExitCode, sync::Arc, time::Duration};

use anyhow::{Context, Result};
use clap::Args;
use reprise_authoring::Project;
use reprise_session::vital::{Ended, Heart};

use self::{place::Place, rounds::Rounds, telling::Teller};
use super::{
    compile::compiler,
    kept_code, output,
    running::{log, run_to_end, started},
    signals::Signals,
};
use crate::{
    hosting::{LogFilter, Span},
    log::LogFormat,
    serve::{Listen, Options, Server, Settings},
};

/// The project's folder for what a server keeps: certificate, compiled code, and the directory of policies.
const OWN: &str = ".reprise";

/// How long open connections have when it ends: nothing that matters is on them.
const DRAIN: Duration = Duration::from_secs(1);

/// Work on a policy: build it at each save, drop it into a server, and show each decision.
///
/// Runs a server of its own with the policy in it. When a source is saved, the policy is built as `reprise build` does, checked as
/// `reprise check` does, and dropped in; one that does not build or would not go live is shown with its reason, and the one before
/// stays live. Each decision is a line: policy, generation, callback, server name, peer, verdict, session.
///
///   openssl s_client -connect 127.0.0.1:8443 -servername bank.example
#[derive(Args)]
pub(super) struct Dev {
    /// The project, as `reprise new` makes it
    #[arg(value_name = "DIR", default_value = ".")]
    dir: PathBuf,

    /// Serve this directory of policies, and drop the policy in there [default: one with this policy alone]
    ///
    /// It may be a running server's: that one takes the policy up too. Settings that lie there stay as they are.
    #[arg(long, value_name = "DIR")]
    policies: Option<PathBuf>,

    /// Where to listen [default: 127.0.0.1:8443]
    #[arg(long, value_name = "ADDR")]
    listen: Option<Listen>,

    /// What the server logs: a level, or levels by module [default: warn, and what policies log]
    #[arg(long, value_name = "FILTER")]
    log: Option<LogFilter>,
}

impl Dev {
    pub(super) fn run(self) -> Result<ExitCode> {
        let project = Project::open(&self.dir)?;
        let filter = self.log.map_or_else(|| "warn,reprise::policy::sandbox=debug".parse(), Ok)?;
        log(&filter, LogFormat::Text)?;
        let own = self.dir.join(OWN);
        let place = Place::new(self.policies, &own)?;
        let mut settings = Settings::new(Options {
            listen: self.listen.into_iter().collect(),
            policies: Some(place.dir().to_owned()),
            state_dir: Some(own.join("state")),
            drain: Some(Span(DRAIN)),
            ..Options::default()
        })?;
        settings.host.compiler = compiler()?;
        settings.host.compiled = kept_code::folder().or(settings.host.compiled);
        run_to_end(async |signals| dev(project, place, settings, signals).await)
    }
}

async fn dev(project: Project, place: Place, settings: Settings, signals: &Signals) -> Result<()> {
    let compiled = settings.host.compiled.clone();
    let Some(mut server) = started(Server::bind(settings), signals).await? else { return Ok(()) };
    let teller = Arc::new(Teller::new(project.name()));
    let (events, mut consultations) =
        (server.hosting().host().policy_events(), server.hosting().host().consultations());
    for (address, _) in server.addresses() {
        output::tell(format_args!("listening on {address}"));
    }
    // They end with the server, or with the process: what is being built is nobody's loss.
    let vitals = server.hosting().health().vitals().clone();
    let spawn = |name: &str, body: Box<dyn FnMut() + Send>| {
        let mut body = body;
        let alive = move |_: &Heart| {
            body();
            Ended::Told
        };
        vitals.thread(name, alive).map(drop).with_context(|| format!("the thread {name} cannot start"))
    };
    let told = Arc::clone(&teller);
    spawn("reprise-events", Box::new(move || events.iter().for_each(|event| told.event(&event))))?;
    spawn("reprise-telling", Box::new(move || consultations.by_ref().for_each(|event| telling::consultation(&event))))?;
    let mut rounds = Rounds::new(project, place, compiled, teller)?;
    spawn("reprise-rounds", Box::new(move || rounds.run()))?;
    let stopped = async {
        tokio::select! {
            () = signals.came(1) => {}
            () = crate::log::reader_gone() => {}
        }
    };
    server.run(stopped, signals.came(2)).await?;
    Ok(())
}
