//! `reprise agent`.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use anyhow::Result;
use clap::Args;
use tokio::task::JoinSet;

use super::{
    compile::compiler,
    output,
    running::{Heeded, prepare, run_to_end, started, stopped},
    signals::Signals,
};
use crate::{
    hosting::{
        agent::{self, Options, Settings},
        read,
    },
    log::{ALWAYS, LogFormat},
};

/// Decide for servers that nobody rebuilt: their modules ask this agent.
///
/// It is `reprise serve` without listeners: policies, stores, keyring, and what `reprise status`, `policies` and `revoke` reach, for
/// all servers of this machine whose OpenSSL has the module (`reprise module conf`). While no agent runs, their handshakes are full ones.
///
/// Policies and the keyring are reloaded when their files change, and at SIGHUP. SIGTERM and SIGINT end it, and remove its
/// socket. A service manager that asks to be told (sd_notify) is told when it is ready.
///
/// Spans of time are written like `500ms`, `10s`, `30m`, `2h`, `1d`; sizes like `16KiB`, `64MiB`.
#[derive(Args)]
pub(super) struct Agent {
    #[command(flatten)]
    pub(super) options: Options,

    /// Options from a TOML file, under the same names; the command line wins
    ///
    /// E.g. `policies = "/etc/reprise/policies"`, `uid = ["www-data"]`. Paths in it are relative to the working directory, as on
    /// the command line.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl Agent {
    pub(super) fn run(self) -> Result<ExitCode> {
        let mut options = self.options;
        if let Some(file) = &self.config {
            options = options.each_or(read(file, "agent")?);
        }
        let format = prepare(&options.part())?;
        let mut settings = Settings::new(options)?;
        settings.host.compiler = compiler()?;
        run_to_end(async |signals| run(settings, format, signals).await)
    }
}

async fn run(settings: Settings, format: LogFormat, signals: &Signals) -> Result<()> {
    let heeded = Heeded::new()?;
    let socket = settings.socket.path.clone();
    let Some(mut hosting) = started(agent::start(settings), signals).await? else { return Ok(()) };
    tell(&socket, format);
    heeded.ready(&mut hosting, format, signals).await;
    let nobody = (JoinSet::new(), Duration::ZERO, ());
    hosting.run(nobody, stopped(signals), signals.came(2)).await?;
    tracing::info!("stopped");
    Ok(())
}

/// Says where modules ask, whatever --log says: scripts and supervisors wait for this line.
pub(super) fn tell(socket: &Path, format: LogFormat) {
    let shown = socket.display();
    match format {
        LogFormat::Text => output::tell(format_args!("modules ask at {shown}")),
        LogFormat::Json => tracing::info!(target: ALWAYS, socket = %shown, "modules ask at {shown}"),
    }
}
