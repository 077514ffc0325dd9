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
    feed(span, || health.unsound().is_empty(), || tell(&[NotifyState::Watchdog])).await
}

async fn feed(span: Duration, is_sound: impl Fn() -> bool, tell: impl Fn()) -> Infallible {
    loop {
        let sound = is_sound();
        if sound {
            tell();
        }
        tokio::time::sleep(if sound { span / 2 } else { span / 16 }).await;
    }
}

fn tell(state: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        tracing::warn!("the service manager could not be told {state:?}: {error}");
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use tokio::sync::Notify;

    use super::*;

    #[tokio::test]
    async fn the_watchdog_is_told_nothing_while_all_is_not_well() {
        let (asked, told) = (Cell::new(0), Notify::new());
        let is_sound = || {
            asked.set(asked.get() + 1);
            asked.get() > 3
        };
        tokio::select! {
            never = feed(Duration::from_millis(16), is_sound, || told.notify_one()) => match never {},
            () = told.notified() => {}
        }
        assert_eq!(asked.get(), 4);
    }
}
