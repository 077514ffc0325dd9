//! A thread that has what is committed written to the disk, now and then. Nobody waits for it, and
//! it holds nobody up: what was committed and not synced is what a loss of power may cost.

use std::{sync::atomic::Ordering::Relaxed, time::Duration};

use super::living::Shared;
use reprise_session::vital::Heart;

const PAUSE: Duration = Duration::from_secs(5);

pub fn run(shared: &Shared, heart: &Heart) {
    let mut said = false;
    while shared.wait_whole(PAUSE) {
        let _busy = heart.works();
        if shared.committed.swap(0, Relaxed) == 0 {
            continue;
        }
        match shared.place.sync() {
            Ok(()) => said = false,
            Err(error) if !said => {
                said = true;
                tracing::warn!(%error, "the session store on disk cannot be synced");
            }
            Err(_) => {}
        }
    }
}
