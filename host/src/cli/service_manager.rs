//! What a service manager is told, if it asks to be by `NOTIFY_SOCKET` (sd_notify(3)).

use sd_notify::NotifyState;

/// The server listens, and every good policy is live. Also ends [`reloading`].
pub(super) fn ready() {
    tell(&[NotifyState::Ready]);
}

/// Policies and certificates are being looked at.
pub(super) fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => tell(&[NotifyState::Reloading, now]),
        Err(error) => tracing::debug!("the service manager is not told of the reload, for want of a clock: {error}"),
    }
}

/// No connection is accepted any more; those that are open may finish.
pub(super) fn stopping() {
    tell(&[NotifyState::Stopping]);
}

/// Where the service has a watchdog (`WatchdogSec=`), tells it twice in its time that connections are still being served.
pub(super) async fn keep_alive() {
    let Some(span) = sd_notify::watchdog_enabled().filter(|span| !span.is_zero()) else { return };
    loop {
        tell(&[NotifyState::Watchdog]);
        tokio::time::sleep(span / 2).await;
    }
}

fn tell(state: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        tracing::warn!("the service manager could not be told {state:?}: {error}");
    }
}
