//! SIGTERM and SIGINT: the first lets a server end, the second ends it.
//!
//! They are heard on a thread of their own, which nothing else runs on: whatever the rest of the process does, or
//! waits for.

use std::{panic::AssertUnwindSafe, thread, time::Duration};

use anyhow::{Context, Result};
use reprise::exit_now;
use reprise_session::vital::caught;
use tokio::{
    runtime::Builder,
    signal::unix::{SignalKind, signal},
    sync::watch,
};

/// How long the process has to end by itself after the second signal: it waits for nobody then.
const LAST: Duration = Duration::from_secs(1);

/// How many came so far.
#[derive(Clone)]
pub(super) struct Signals(watch::Receiver<usize>);

impl Signals {
    /// Hears them from now on.
    ///
    /// # Errors
    /// The system does not tell of signals, or has no thread.
    pub(super) fn hear() -> Result<Self> {
        let (count, counted) = watch::channel(0);
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let (mut terminate, mut interrupt) = {
            let _here = runtime.enter();
            (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?)
        };
        let hear = async move {
            loop {
                let came = async {
                    tokio::select! {
                        _ = terminate.recv() => {}
                        _ = interrupt.recv() => {}
                    }
                };
                if *count.borrow() < 2 {
                    came.await;
                } else if tokio::time::timeout(LAST, came).await.is_err() || *count.borrow() > 2 {
                    tracing::warn!("told twice to end, and something holds it up: ending without it");
                    exit_now(1);
                }
                count.send_modify(|count| *count += 1);
            }
        };
        let thread = thread::Builder::new().name("reprise-signals".into());
        let hears = move || match runtime.block_on(AssertUnwindSafe(caught(hear)).0) {
            Ok(never) => never,
            Err(panic) => {
                tracing::error!("signals are not heard any more, which is a bug of Reprise: {panic}");
                crate::log::flush();
                exit_now(1)
            }
        };
        thread.spawn(hears).context("the thread that hears signals cannot start")?;
        Ok(Self(counted))
    }

    /// Until so many have come.
    pub(super) async fn came(&self, times: usize) {
        // The sender lives as long as the process.
        let _ = self.0.clone().wait_for(|count| *count >= times).await;
    }

    /// Whether the server was told to end.
    pub(super) fn any(&self) -> bool {
        *self.0.borrow() > 0
    }
}
