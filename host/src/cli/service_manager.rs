//! What a service manager is told, if it asks to be by `NOTIFY_SOCKET` (sd_notify(3)).

use std::{convert::Infallible, time::Duration};

use sd_notify::NotifyState;

use crate::serve::health::Health;

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

/// The time of the service's watchdog (`WatchdogSec=`), if it has one.
pub(super) fn watchdog() -> Option<Duration> {
    sd_notify::watchdog_enabled().filter(|span| !span.is_zero())
}

/// Tells the watchdog twice in its time, `span`, that everything runs that must; and not while something has ended. What is started
/// again in time is told as soon as it runs.
pub(super) async fn keep_alive(span: Duration, health: Health) -> Infallible {
    loop {
        let sound = health.unsound().is_empty();
        if sound {
            tell(&[NotifyState::Watchdog]);
        }
        tokio::time::sleep(if sound { span / 2 } else { span / 16 }).await;
    }
}

fn tell(state: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        tracing::warn!("the service manager could not be told {state:?}: {error}");
    }
}
