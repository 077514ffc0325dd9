//! What `reprise serve` and `reprise agent` have in common: the log, signals, the service manager, the end.

use std::{convert::Infallible, process::ExitCode, sync::Arc};

use anyhow::{Context, Result};
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::Mutex,
};
use tracing_subscriber::EnvFilter;

use super::{core_dumps, output, service_manager, signals::Signals};
use crate::{
    hosting::{HostOptions, Hosting, LogFilter, Reload},
    log::{self, ALWAYS, LogFormat, Look},
};

/// Begins the log, and keeps memory from being dumped.
pub(super) fn prepare(options: &HostOptions) -> Result<LogFormat> {
    let format = options.log_format.unwrap_or_default();
    log(&options.log.clone().unwrap_or_default(), format)?;
    if options.core_dumps != Some(true) {
        core_dumps::forbid()?;
    }
    Ok(format)
}

/// Logs to stderr what `filter` lets through, in this format.
///
/// # Errors
/// It is no filter.
pub(super) fn log(filter: &LogFilter, format: LogFormat) -> Result<()> {
    let filter = EnvFilter::try_new(filter.by_target()).with_context(|| format!("--log {filter}"))?;
    log::start(filter, Look { format, timed: true })
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

/// What comes of `starts`, unless the process is told to end meanwhile: none then.
pub(super) async fn started<T: Send + 'static>(
    starts: impl Future<Output = Result<T>> + Send + 'static,
    signals: &Signals,
) -> Result<Option<T>> {
    // Policies are compiled and stores opened in it, on a thread that may be held up by either.
    let started = tokio::spawn(starts);
    tokio::select! {
        started = started => started.context("the server did not start")?.map(Some),
        () = signals.came(1) => {
            tracing::info!("stopped before it was ready");
            Ok(None)
        }
    }
}

/// Signals that a server heeds beside those that end it: none is lost from when this was made.
pub(super) struct Heeded {
    hang_up: Arc<Mutex<Signal>>,
    _too_large: Signal,
}

impl Heeded {
    pub(super) fn new() -> Result<Self> {
        Ok(Self {
            hang_up: Arc::new(Mutex::new(signal(SignalKind::hangup())?)),
            // A log or a store that has outgrown `ulimit -f` is an error of the write, not the end of the process.
            _too_large: signal(SignalKind::from_raw(libc::SIGXFSZ))?,
        })
    }

    /// Says that the server is ready, to whoever looks and to the service manager, which is told from now on how it is
    /// doing; and reloads at each SIGHUP.
    pub(super) async fn ready(&self, hosting: &mut Hosting, format: LogFormat, signals: &Signals) {
        if let Some(address) = hosting.admin_address() {
            match format {
                LogFormat::Text => output::tell(format_args!("admin on http://{address}")),
                LogFormat::Json => tracing::info!(target: ALWAYS, %address, "admin on http://{address}"),
            }
        }
        service_manager::ready().await;
        if let Some(span) = service_manager::watchdog() {
            let health = hosting.health();
            hosting.also("watchdog", move || service_manager::keep_alive(span, health.clone()));
        }
        let (hang_up, reload, told) = (Arc::clone(&self.hang_up), hosting.reload(), signals.clone());
        hosting.also("SIGHUP", move || reload_when(Arc::clone(&hang_up), reload.clone(), told.clone()));
    }
}

/// Until the server is told to end; the service manager is told so.
pub(super) async fn stopped(signals: &Signals) {
    signals.came(1).await;
    service_manager::stopping();
}

/// Reloads at each SIGHUP, until the server is told to end.
async fn reload_when(hang_up: Arc<Mutex<Signal>>, reload: Reload, signals: Signals) -> Infallible {
    let mut hang_up = hang_up.lock().await;
    loop {
        if hang_up.recv().await.is_none() || signals.any() {
            std::future::pending::<()>().await;
        }
        tracing::info!("SIGHUP: reloading policies and files");
        service_manager::reloading().await;
        reload.now().await;
        service_manager::ready().await;
    }
}
