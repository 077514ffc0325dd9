//! Certificates, keys, CAs and CRLs follow their files.
//!
//! A look that differs from the last is repeated until two in a row are equal, so that a file half written, or a certificate
//! whose key is still on its way, is not taken up; then the sites that changed are rebuilt. What is wrong is said once, and
//! the previous certificate stays.

use std::{path::PathBuf, sync::Arc, time::Duration};

use reprise_session::aside::Aside;
use tokio::task::spawn_blocking;

use super::{
    self_signed,
    sites::{Change, Look, Sites},
};
use crate::hosting::{Followed, PATIENCE};

/// Between the two looks that must be equal.
const SETTLE: Duration = Duration::from_millis(100);
/// Files that are written without a pause are taken as they are after this many looks.
const MAX_LOOKS: usize = 30;

/// The files of sites, and how far they are followed.
pub(crate) struct FollowedSites {
    sites: Arc<Sites>,
    seen: Look,
    renewal: Option<Renewal>,
}

impl FollowedSites {
    /// Keeps `sites`, which have been `seen` so, as their files are, and the certificate in `self_signed`, if there is one,
    /// from running out.
    pub(crate) fn new(sites: Arc<Sites>, seen: Look, self_signed: Option<PathBuf>) -> Self {
        Self { sites, seen, renewal: self_signed.map(Renewal::new) }
    }
}

impl Followed for FollowedSites {
    fn files(&self) -> Vec<PathBuf> {
        self.sites.watched()
    }

    async fn look(&mut self) {
        if let Some(renewal) = &mut self.renewal {
            renewal.look().await;
        }
        let Some(settled) = settle(&self.sites, &self.seen).await else { return };
        let (rebuilt, before, now) = (Arc::clone(&self.sites), self.seen.clone(), settled.clone());
        // Parsing keys and building contexts takes milliseconds, which handshakes on this thread should not wait for.
        match spawn_blocking(move || rebuilt.reload(&before, &now)).await {
            Ok(changes) => {
                self.seen = settled;
                changes.iter().for_each(report);
            }
            Err(error) => tracing::error!("sites stay as they are, reloading their files failed: {error}"),
        }
    }
}

/// The self-signed certificate is renewed before it ends.
struct Renewal {
    dir: PathBuf,
    kept: Option<Aside<anyhow::Result<()>>>,
    /// What is wrong is said once, not at each look.
    complained: bool,
}

impl Renewal {
    fn new(dir: PathBuf) -> Self {
        Self { dir, kept: None, complained: false }
    }

    async fn look(&mut self) {
        let dir = self.dir.clone();
        let mut kept = self.kept.take().unwrap_or_else(|| Aside::new("reprise-renew"));
        let looked = spawn_blocking(move || {
            let answer = kept.within(PATIENCE, move || self_signed::kept_in(&dir).map(drop));
            (answer.unwrap_or_else(|none| Err(none.into())), kept)
        });
        let error = match looked.await {
            Ok((answer, kept)) => {
                self.kept = Some(kept);
                answer.err()
            }
            Err(error) => Some(error.into()),
        };
        if let Some(error) = error.as_ref().filter(|_| !self.complained) {
            tracing::error!("the self-signed certificate ends soon and cannot be renewed: {error:#}");
        }
        self.complained = error.is_some();
    }
}

/// The files as they look now, once they stand still; none if that is how they looked before.
async fn settle(sites: &Arc<Sites>, seen: &Look) -> Option<Look> {
    let mut last = look(sites).await?;
    if last == *seen {
        return None;
    }
    for _ in 0..MAX_LOOKS {
        tokio::time::sleep(SETTLE).await;
        let next = look(sites).await?;
        if next == last {
            break;
        }
        last = next;
    }
    (last != *seen).then_some(last)
}

async fn look(sites: &Arc<Sites>) -> Option<Look> {
    let sites = Arc::clone(sites);
    let looked = spawn_blocking(move || sites.look()).await;
    looked.inspect_err(|error| tracing::error!("the files of sites cannot be looked at: {error}")).ok()
}

fn report(change: &Change) {
    match &change.outcome {
        Ok(()) => tracing::info!("site `{}`: its changed files are in force", change.site),
        Err(error) => tracing::warn!("site `{}`: keeping the previous certificate and CAs: {error:#}", change.site),
    }
}
