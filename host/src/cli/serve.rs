//! `reprise serve`.

use std::{io::IsTerminal, path::PathBuf, process::ExitCode};

use anyhow::{Context, Result};
use clap::Args;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing_subscriber::EnvFilter;

use super::{compile::compiler, core_dumps, service_manager};
use crate::serve::{LogFormat, Options, Server, Settings, read};

/// The target of the line that says where the server listens, which no filter holds back.
const LISTENING: &str = "reprise::listening";

/// Serve TLS, with sessions kept and resumed as policies say.
///
/// Policies, certificates, keys, CAs and CRLs are taken up again when their files change; no connection is dropped for it.
/// SIGTERM and SIGINT stop accepting and let connections finish. SIGHUP takes all these files up anew, policies as
/// `reprise policies reload` does; options are read at the start only. A service manager that asks to be told (sd_notify) is told when the server is ready.
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
        let format = options.log_format.unwrap_or_default();
        log(options.log.as_deref().unwrap_or("info"), format)?;
        if !options.core_dumps {
            core_dumps::forbid()?;
        }
        let mut settings = Settings::new(options)?;
        settings.compiler = compiler()?;
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        runtime.block_on(serve(settings, format))?;
        Ok(ExitCode::SUCCESS)
    }
}

async fn serve(settings: Settings, format: LogFormat) -> Result<()> {
    let (mut stop, mut hurry) = (Stop::new()?, Stop::new()?);
    let mut hang_up = signal(SignalKind::hangup())?;
    let server = Server::bind(settings).await?;
    for (address, name) in server.addresses() {
        let known_as = if name == "default" { String::new() } else { format!(" as {name}") };
        // Whatever --log says: scripts and supervisors wait for this line.
        match format {
            LogFormat::Text => eprintln!("listening on {address}{known_as}"),
            LogFormat::Json => {
                tracing::info!(target: LISTENING, %address, listener = name, "listening on {address}{known_as}")
            }
        }
    }
    if let Some(address) = server.admin_address() {
        match format {
            LogFormat::Text => eprintln!("admin on http://{address}"),
            LogFormat::Json => tracing::info!(target: LISTENING, %address, "admin on http://{address}"),
        }
    }
    service_manager::ready();
    let alive = tokio::spawn(service_manager::keep_alive()).abort_handle();
    let reload = server.reload();
    let reloading = tokio::spawn(async move {
        while hang_up.recv().await.is_some() {
            tracing::info!("SIGHUP: taking up policies and certificates anew");
            service_manager::reloading();
            reload.now().await;
            service_manager::ready();
        }
    })
    .abort_handle();
    let stopped = async {
        stop.signalled().await;
        reloading.abort();
        service_manager::stopping();
    };
    server.run(stopped, hurry.signalled_twice()).await;
    alive.abort();
    Ok(())
}

/// SIGTERM or SIGINT.
pub(super) struct Stop {
    terminate: Signal,
    interrupt: Signal,
}

impl Stop {
    pub(super) fn new() -> Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    pub(super) async fn signalled(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }

    /// The first signal reaches everyone who waits for one; the second is the one that hurries.
    pub(super) async fn signalled_twice(&mut self) {
        self.signalled().await;
        self.signalled().await;
    }
}

/// Logs to stderr what `filter` lets through, in this format.
///
/// # Errors
/// It is no filter.
pub(super) fn log(filter: &str, format: LogFormat) -> Result<()> {
    let filter = EnvFilter::try_new(filter).with_context(|| {
        format!("--log `{filter}` is no filter: write a level like `debug`, or `info,reprise::serve=debug`")
    })?;
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter.add_directive(format!("{LISTENING}=info").parse()?))
        .with_writer(std::io::stderr)
        .with_ansi(format == LogFormat::Text && std::io::stderr().is_terminal())
        .with_target(false);
    let set_up = match format {
        LogFormat::Text => log.try_init(),
        LogFormat::Json => log.json().flatten_event(true).with_current_span(false).with_span_list(false).try_init(),
    };
    set_up.map_err(|error| anyhow::anyhow!("the log cannot be set up: {error}"))
}
