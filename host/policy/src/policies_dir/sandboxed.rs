//! The loader that serves: candidates become policies in the sandbox, and the chain that handshakes take is swapped.

use std::{path::Path, sync::Arc};

use arc_swap::ArcSwap;

use super::loader::{Candidate, Loader, Vitals};
use crate::policy::{
    self, Alarm, Chain, Manifest, Mode, Policy, PolicyStatus, Rejection, Runtime, ShadowCounts, SupervisionOptions,
    WindowCounts,
};

/// A runtime, and the chain that handshakes are decided by.
pub(super) struct Sandboxed {
    pub runtime: Runtime,
    pub live: Arc<ArcSwap<Chain>>,
}

impl Loader for Sandboxed {
    type Policy = Policy;

    fn load(&self, candidate: &Candidate) -> Result<Arc<Policy>, String> {
        let Candidate { file, name, generation, module, manifest, .. } = candidate;
        let file = Path::new(file);
        let manifest = match manifest {
            None => Manifest::default(),
            Some(text) => Manifest::parse(text)
                .map_err(|error| reason(&Rejection::manifest(file.with_extension("toml"), name, &error)))?,
        };
        let candidate = policy::Candidate { file, name, generation: *generation, module, manifest: &manifest };
        self.runtime.load(candidate).map_err(|rejection| reason(&rejection))
    }

    fn put_in_force(&self, policies: Vec<Arc<Policy>>, missing: Vec<Arc<str>>) {
        self.live.store(Arc::new(Chain::new(policies).with_missing(missing)));
    }

    fn retire(&self, policy: &Arc<Policy>) {
        policy.retire();
    }

    fn supervision(&self) -> SupervisionOptions {
        self.runtime.options().supervision.clone()
    }

    fn supervise(&self, policy: &Arc<Policy>, alarm: Alarm) {
        policy.supervise(alarm);
    }

    fn misbehaviour(&self, policy: &Arc<Policy>) -> Option<String> {
        policy.misbehaviour().map(|misbehaviour| misbehaviour.to_string())
    }

    fn set_aside(&self, policy: &Arc<Policy>) {
        policy.set_aside();
    }

    fn take_back(&self, policy: &Arc<Policy>) -> Result<(), String> {
        policy.take_back()
    }

    fn stands_in_for(&self, former: &Arc<Policy>, live: &Arc<Policy>) -> bool {
        former.stands_in_for(live)
    }
}

impl Vitals for Policy {
    fn mode(&self) -> Mode {
        self.mode()
    }

    fn share(&self) -> u8 {
        self.share()
    }

    fn window(&self) -> WindowCounts {
        self.window()
    }

    fn status(&self) -> PolicyStatus {
        self.status()
    }

    fn shadow_counts(&self) -> ShadowCounts {
        self.shadow_counts()
    }
}

/// The rejection without what the event and its line in the log say anyway. The file is named
/// because it may be the `.toml`.
pub(super) fn reason(rejection: &Rejection) -> String {
    let Rejection { file, step, expected, found, hint, .. } = rejection;
    format!("{} ({}): expected {expected}; found {found}. {hint}", file.display(), step.as_str())
}
