//! What a service manager is told, if it asks to be by `NOTIFY_SOCKET` (sd_notify(3)).
//!
//! The words are those of the crate `sd-notify`. The sending is ours: that crate's knows no abstract sockets, and waits without
//! end for a manager that does not read.

use std::{
    convert::Infallible,
    env,
    ffi::OsStr,
    io,
    os::unix::{
        ffi::OsStrExt,
        net::{SocketAddr, UnixDatagram},
    },
    time::Duration,
};

use sd_notify::NotifyState;
use tokio::time::timeout;

use crate::health::Health;

/// A manager that takes longer to read is not told.
const SENDING: Duration = Duration::from_secs(5);
/// A watchdog is told no more often than this.
const SHORTEST: Duration = Duration::from_millis(10);

/// The server listens, and every good policy is live. Also ends [`reloading`].
pub(super) async fn ready() {
    tell(&[NotifyState::Ready]).await;
}

/// Policies and certificates are being looked at.
pub(super) async fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => tell(&[NotifyState::Reloading, now]).await,
        Err(error) => tracing::debug!("the service manager is not told of the reload, for want of a clock: {error}"),
    }
}

/// No connection is accepted any more; those that are open may finish. The end waits for no manager.
pub(super) fn stopping() {
    tokio::spawn(tell(&[NotifyState::Stopping]));
}

/// The time of the service's watchdog (`WatchdogSec=`), if it has one.
pub(super) fn watchdog() -> Option<Duration> {
    sd_notify::watchdog_enabled().filter(|span| !span.is_zero())
}

/// Tells the watchdog twice in its time, `span`, that everything runs that must; and not while something has ended.
/// What is started again in time is told as soon as it runs.
pub(super) async fn keep_alive(span: Duration, health: Health) -> Infallible {
    feed(span, || health.unsound().is_empty(), || tell(&[NotifyState::Watchdog])).await
}

async fn feed<T: Future>(span: Duration, is_sound: impl Fn() -> bool, tell: impl Fn() -> T) -> Infallible {
    loop {
        let sound = is_sound();
        if sound {
            tell().await;
        }
        tokio::time::sleep((if sound { span / 2 } else { span / 16 }).max(SHORTEST)).await;
    }
}

async fn tell(state: &[NotifyState<'_>]) {
    let Some(socket) = env::var_os("NOTIFY_SOCKET") else { return };
    if let Err(error) = send(&socket, state).await {
        tracing::warn!(
            "the service manager could not be told {state:?} by NOTIFY_SOCKET={}: {error}",
            socket.display()
        );
    }
}

/// All of it in one datagram, a line each.
async fn send(socket: &OsStr, state: &[NotifyState<'_>]) -> io::Result<()> {
    let lines: String = state.iter().map(|state| format!("{state}\n")).collect();
    let sender = UnixDatagram::unbound()?;
    sender.connect_addr(&address(socket)?)?;
    sender.set_nonblocking(true)?;
    let sender = tokio::net::UnixDatagram::from_std(sender)?;
    let late = || io::Error::new(io::ErrorKind::TimedOut, format!("it has read nothing for {SENDING:?}"));
    timeout(SENDING, sender.send(lines.as_bytes())).await.map_err(|_| late())?.map(drop)
}

/// Where a manager listens: "either a path or an abstract socket, which begins with `@`". (`vsock:` is for what has no kernel in
/// common with its manager.)
fn address(socket: &OsStr) -> io::Result<SocketAddr> {
    match socket.as_bytes() {
        [b'/', ..] => SocketAddr::from_pathname(socket),
        #[cfg(target_os = "linux")]
        [b'@', name @ ..] => <SocketAddr as std::os::linux::net::SocketAddrExt>::from_abstract_name(name),
        _ => Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "expected the absolute path of a socket, or `@` and the name of an abstract one",
        )),
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
            never = feed(Duration::from_millis(16), is_sound, || async { told.notify_one() }) => match never {},
            () = told.notified() => {}
        }
        assert_eq!(asked.get(), 4);
    }
}
