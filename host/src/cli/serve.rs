//! `reprise serve`.

use std::{io::IsTerminal, path::PathBuf, process::ExitCode};

use anyhow::{Context, Result};
use clap::Args;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing_subscriber::EnvFilter;

use super::core_dumps;
use crate::serve::{Options, Server, Settings, read};

/// Serve TLS, with sessions kept and resumed as policies say.
///
/// Policies, certificates, keys, CAs and CRLs are taken up again when their files change; no connection is dropped for it.
/// SIGTERM and SIGINT stop accepting and let connections finish.
///
/// Spans of time are written like `500ms`, `10s`, `30m`, `2h`, `1d`; sizes like `16KiB`, `64MiB`.
#[derive(Args)]
pub(super) struct Serve {
    #[command(flatten)]
    options: Options,

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
            options = options.or(read(file)?);
        }
        log(options.log.as_deref().unwrap_or("info"))?;
        if !options.core_dumps {
            core_dumps::forbid()?;
        }
        let settings = Settings::new(options)?;
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        runtime.block_on(serve(settings))?;
        Ok(ExitCode::SUCCESS)
    }
}

async fn serve(settings: Settings) -> Result<()> {
    let (mut stop, mut hurry) = (Stop::new()?, Stop::new()?);
    let server = Server::bind(settings).await?;
    for (address, name) in server.addresses() {
        // Whatever --log says: scripts and supervisors wait for this line.
        eprintln!("listening on {address}{}", if name == "default" { String::new() } else { format!(" as {name}") });
    }
    if let Some(address) = server.admin_address() {
        eprintln!("admin on http://{address}");
    }
    let stopped = async { stop.signalled().await };
    let hurried = async {
        // The first signal reaches both listeners; the second is the one that hurries.
        hurry.signalled().await;
        hurry.signalled().await;
    };
    server.run(stopped, hurried).await;
    Ok(())
}

/// SIGTERM or SIGINT.
struct Stop {
    terminate: Signal,
    interrupt: Signal,
}

impl Stop {
    fn new() -> Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn signalled(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

fn log(filter: &str) -> Result<()> {
    let filter = EnvFilter::try_new(filter).with_context(|| {
        format!("--log `{filter}` is no filter: write a level like `debug`, or `info,reprise::serve=debug`")
    })?;
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false)
        .try_init()
        .map_err(|error| anyhow::anyhow!("the log cannot be set up: {error}"))
}
