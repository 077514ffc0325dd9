//! `reprise serve`.

use std::{path::PathBuf, process::ExitCode};

use anyhow::Result;
use clap::Args;

use super::{
    compile::compiler,
    output,
    running::{Heeded, prepare, run_to_end, started, stopped},
    signals::Signals,
};
use crate::{
    hosting::{agent, read},
    log::{ALWAYS, LogFormat},
    serve::{Options, Server, Settings},
};

/// Serve TLS, with sessions kept and resumed as policies say.
///
/// Policies, certificates, keys, CAs and CRLs are reloaded when their files change; no connection is dropped for it.
/// SIGTERM and SIGINT stop accepting and let connections finish. SIGHUP reloads all these files, policies as
/// `reprise policies reload` does; options are read at the start only. A service manager that asks to be told (sd_notify) is told when the server is ready.
///
/// Spans of time are written like `500ms`, `10s`, `30m`, `2h`, `1d`; sizes like `16KiB`, `64MiB`.
#[derive(Args)]
pub(super) struct Serve {
    #[command(flatten)]
    pub(super) options: Options,

    /// Options from a TOML file, under the same names; the command line wins
    ///
    /// E.g. `listen = ["127.0.0.1:8443"]`, `lifetime = "30m"`. Paths in it are relative to the working directory, as on the
    /// command line.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl Serve {
    pub(super) fn run(self) -> Result<ExitCode> {
        let mut options = self.options;
        if let Some(file) = &self.config {
            options = options.or(read(file, "serve")?);
        }
        let format = prepare(&options.part())?;
        let mut settings = Settings::new(options)?;
        settings.host.compiler = compiler()?;
        run_to_end(async |signals| serve(settings, format, signals).await)
    }
}

async fn serve(settings: Settings, format: LogFormat, signals: &Signals) -> Result<()> {
    let heeded = Heeded::new()?;
    let socket = settings.agent.clone();
    let Some(mut server) = started(Server::bind(settings), signals).await? else { return Ok(()) };
    for (address, name) in server.addresses() {
        let known_as = if name == "default" { String::new() } else { format!(" as {name}") };
        // Whatever --log says: scripts and supervisors wait for this line.
        match format {
            LogFormat::Text => output::tell(format_args!("listening on {address}{known_as}")),
            LogFormat::Json => {
                tracing::info!(target: ALWAYS, %address, listener = name, "listening on {address}{known_as}")
            }
        }
    }
    if let Some(agent::Socket { path, .. }) = socket {
        super::agent::tell(&path, format);
    }
    heeded.ready(server.hosting(), format, signals).await;
    server.run(stopped(signals), signals.came(2)).await?;
    tracing::info!("stopped");
    Ok(())
}
