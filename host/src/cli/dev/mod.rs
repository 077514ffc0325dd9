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

use std::{path::PathBuf, process::ExitCode, sync::Arc, thread, time::Duration};

use anyhow::{Context, Result};
use clap::Args;
use reprise_authoring::Project;

use self::{place::Place, rounds::Rounds, telling::Teller};
use super::{
    compile::compiler,
    serve::{Stop, log},
};
use crate::serve::{Listen, LogFormat, Options, Server, Settings, Span};

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
    log: Option<String>,
}

impl Dev {
    pub(super) fn run(self) -> Result<ExitCode> {
        let project = Project::open(&self.dir)?;
        log(self.log.as_deref().unwrap_or("warn,reprise::policy::sandbox=debug"), LogFormat::Text)?;
        let own = self.dir.join(OWN);
        let place = Place::new(self.policies, &own)?;
        let mut settings = Settings::new(Options {
            listen: self.listen.into_iter().collect(),
            policies: Some(place.dir().to_owned()),
            state_dir: Some(own.join("state")),
            drain: Some(Span(DRAIN)),
            ..Options::default()
        })?;
        settings.compiler = compiler()?;
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        runtime.block_on(dev(project, place, settings))?;
        Ok(ExitCode::SUCCESS)
    }
}

async fn dev(project: Project, place: Place, settings: Settings) -> Result<()> {
    let (mut stop, mut hurry) = (Stop::new()?, Stop::new()?);
    let compiled = settings.compiled.clone();
    let server = Server::bind(settings).await?;
    let teller = Arc::new(Teller::new(project.name()));
    let (events, decisions) = (server.host().policy_events(), server.host().decisions());
    for (address, _) in server.addresses() {
        eprintln!("listening on {address}");
    }
    // They end with the server, or with the process: what is being built is nobody's loss.
    let told = Arc::clone(&teller);
    spawn("reprise-events", move || events.into_iter().for_each(|event| told.event(&event)))?;
    spawn("reprise-decisions", move || decisions.for_each(|decision| telling::decision(&decision)))?;
    let rounds = Rounds::new(project, place, compiled, teller)?;
    spawn("reprise-rounds", move || rounds.run())?;
    server.run(stop.signalled(), hurry.signalled_twice()).await;
    Ok(())
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<()> {
    thread::Builder::new().name(name.into()).spawn(work).with_context(|| format!("the thread {name} cannot start"))?;
    Ok(())
}
