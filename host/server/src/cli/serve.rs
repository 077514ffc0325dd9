//! `reprise serve`.

use std::{convert::Infallible, path::PathBuf, process::ExitCode, sync::Arc};

use anyhow::{Context, Result};
use clap::Args;
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::Mutex,
};
use tracing_subscriber::EnvFilter;

use super::{compile::compiler, core_dumps, output, service_manager, signals::Signals};
use crate::{
    log::{self, ALWAYS, LogFormat, Look},
    serve::{LogFilter, Options, Reload, Server, Settings, read},
};

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
            options = options.or(read(file)?);
        }
        let format = options.log_format.unwrap_or_default();
        log(&options.log.clone().unwrap_or_default(), format)?;
        if options.core_dumps != Some(true) {
            core_dumps::forbid()?;
        }
        let mut settings = Settings::new(options)?;
        settings.compiler = compiler()?;
        run_to_end(async |signals| serve(settings, format, signals).await)
    }
}

/// Runs a server until it has ended or [`Signals`] say that it is not to be waited for.
pub(super) fn run_to_end(server: impl AsyncFnOnce(&Signals) -> Result<()>) -> Result<ExitCode> {
    let signals = Signals::hear()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let ended = runtime.block_on(server(&signals));
    // Whatever a thread of it still does, on a file system that hangs for instance, nobody waits for.
    runtime.shutdown_background();
    ended.map(|()| ExitCode::SUCCESS)
}

/// [`Server::bind`], unless the process is told to end meanwhile: none then.
pub(super) async fn bind(settings: Settings, signals: &Signals) -> Result<Option<Server>> {
    // Policies are compiled and stores opened in it, on a thread that may be held up by either.
    let bound = tokio::spawn(Server::bind(settings));
    tokio::select! {
        bound = bound => bound.context("the server did not start")?.map(Some),
        () = signals.came(1) => {
            tracing::info!("stopped before it was ready");
            Ok(None)
        }
    }
}

async fn serve(settings: Settings, format: LogFormat, signals: &Signals) -> Result<()> {
    let hang_up = Arc::new(Mutex::new(signal(SignalKind::hangup())?));
    // A log or a store that has outgrown `ulimit -f` is an error of the write, not the end of the process.
    let _too_large = signal(SignalKind::from_raw(libc::SIGXFSZ))?;
    let Some(mut server) = bind(settings, signals).await? else { return Ok(()) };
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
    if let Some(address) = server.admin_address() {
        match format {
            LogFormat::Text => output::tell(format_args!("admin on http://{address}")),
            LogFormat::Json => tracing::info!(target: ALWAYS, %address, "admin on http://{address}"),
        }
    }
    service_manager::ready().await;
    if let Some(span) = service_manager::watchdog() {
        let health = server.health();
        server.also("watchdog", move || service_manager::keep_alive(span, health.clone()));
    }
    let (reload, told) = (server.reload(), signals.clone());
    server.also("SIGHUP", move || reload_when(Arc::clone(&hang_up), reload.clone(), told.clone()));
    let stopped = async {
        signals.came(1).await;
        service_manager::stopping();
    };
    server.run(stopped, signals.came(2)).await?;
    tracing::info!("stopped");
    Ok(())
}

/// Reloads at each SIGHUP, until the server is told to end.
async fn reload_when(hang_up: Arc<Mutex<Signal>>, reload: Reload, signals: Signals) -> Infallible {
    let mut hang_up = hang_up.lock().await;
    loop {
        if hang_up.recv().await.is_none() || signals.any() {
            std::future::pending::<()>().await;
        }
        tracing::info!("SIGHUP: taking up policies and certificates anew");
        service_manager::reloading().await;
        reload.now().await;
        service_manager::ready().await;
    }
}

/// Logs to stderr what `filter` lets through, in this format.
///
/// # Errors
/// It is no filter.
pub(super) fn log(filter: &LogFilter, format: LogFormat) -> Result<()> {
    let filter = EnvFilter::try_new(filter.by_target()).with_context(|| format!("--log {filter}"))?;
    log::start(filter, Look { format, timed: true })
}
