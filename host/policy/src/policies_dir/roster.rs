//! Which policies are live, which content was rejected, and what a look at the directory means for both.
//!
//! A policy is known by its name. What is live under a name stays until other content of that name
//! loads, or until no file in the directory bears the name: moving `10-tenants.wasm` to
//! `20-tenants.wasm` replaces a policy, and never leaves a moment without it.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
    time::Instant,
};

use super::{
    ContentHash, FileState, FileStatus,
    listing::{Content, Listing},
    ward::{Generation, Ward},
};
use crate::{names::policy_name, policy::SupervisionOptions};

struct Rejection {
    reason: String,
    /// The content that was rejected and is not tried again. `None` if it was never tried, because
    /// an earlier file has the same name.
    content: Option<Content>,
}

/// What has to be done so that the live policies are those in the directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Load { file: String, hash: ContentHash },
    Reject { file: String, reason: String, content: Option<Content> },
    Unload { file: String },
}

impl Step {
    pub fn file(&self) -> &str {
        match self {
            Self::Load { file, .. } | Self::Reject { file, .. } | Self::Unload { file } => file,
        }
    }
}

pub(super) struct Roster<P> {
    /// By file name: the order of the chain.
    live: BTreeMap<String, Ward<P>>,
    rejected: BTreeMap<String, Rejection>,
    /// The last generation of each name. It outlives the policy, so that a number never means two modules.
    generations: HashMap<String, u64>,
    /// Names that were in the directory at the start and have not been live since.
    missing: BTreeSet<String>,
}

impl<P> Default for Roster<P> {
    fn default() -> Self {
        Self { live: BTreeMap::new(), rejected: BTreeMap::new(), generations: HashMap::new(), missing: BTreeSet::new() }
    }
}

impl<P> Roster<P> {
    /// What `listing` asks for, in file-name order. Nothing for content that is live or was rejected before.
    pub fn steps(&self, listing: &Listing) -> Vec<Step> {
        let owners = owners(listing);
        let mut steps = Vec::new();
        for (file, entry) in &listing.0 {
            let first = owners[policy_name(file)];
            if first != file {
                let reason = duplicate(file, first);
                if self.rejected.get(file).is_none_or(|rejection| rejection.reason != reason) {
                    steps.push(Step::Reject { file: file.clone(), reason, content: None });
                }
                continue;
            }
            let is_live = self.live.get(file).is_some_and(|ward| entry.content.as_ref() == Ok(&ward.live.hash));
            let was_rejected =
                self.rejected.get(file).is_some_and(|rejection| rejection.content.as_ref() == Some(&entry.content));
            if is_live || was_rejected {
                continue;
            }
            steps.push(match &entry.content {
                Ok(hash) => Step::Load { file: file.clone(), hash: *hash },
                Err(reason) => {
                    let content = Some(entry.content.clone());
                    Step::Reject { file: file.clone(), reason: reason.clone(), content }
                }
            });
        }
        let gone = self.live.iter().filter(|(_, ward)| !owners.contains_key(ward.live.name.as_str()));
        steps.extend(gone.map(|(file, _)| Step::Unload { file: file.clone() }));
        steps
    }

    /// Forgets rejections that no longer say anything about what is in the directory.
    pub fn forget_rejections(&mut self, listing: &Listing) {
        let owners = owners(listing);
        self.rejected.retain(|file, rejection| match (&rejection.content, listing.0.get(file)) {
            (_, None) => false,
            (Some(content), Some(entry)) => *content == entry.content,
            (None, Some(_)) => owners[policy_name(file)] != file,
        });
    }

    /// The first scan is complete: what `listing` names and is not live is missing.
    pub fn note_missing(&mut self, listing: &Listing) {
        let names = owners(listing).into_keys().filter(|name| self.generation(name).is_none()).map(str::to_owned);
        self.missing = names.collect();
    }

    /// Forgets what was missing and is named in the directory no more; whether there was any.
    pub fn forget_missing(&mut self, listing: &Listing) -> bool {
        let (owners, before) = (owners(listing), self.missing.len());
        self.missing.retain(|name| owners.contains_key(name.as_str()));
        self.missing.len() < before
    }

    /// The names that are missing.
    pub fn missing(&self) -> Vec<Arc<str>> {
        self.missing.iter().map(|name| name.as_str().into()).collect()
    }

    /// The number the next policy of this name gets, if it goes live.
    pub fn next_generation(&self, name: &str) -> u64 {
        self.generations.get(name).map_or(1, |last| last + 1)
    }

    /// The policy went live; returns the generation that answered until now.
    pub fn put(&mut self, live: Generation<P>, now: Instant, options: &SupervisionOptions) -> Option<Generation<P>> {
        let replaced = self.file_of(&live.name).and_then(|file| self.live.remove(&file));
        self.rejected.remove(&live.file);
        self.missing.remove(&live.name);
        self.generations.insert(live.name.clone(), live.generation);
        let answered = replaced.as_ref().and_then(|ward| ward.answering().cloned());
        let file = live.file.clone();
        let ward = match replaced {
            Some(ward) => ward.replaced_by(live, now, options),
            None => Ward::new(live, now, options),
        };
        self.live.insert(file, ward);
        answered
    }

    /// The module in `file` was rejected; returns the generation of its name that stays live.
    pub fn reject(&mut self, file: &str, reason: String, content: Option<Content>) -> Option<u64> {
        self.rejected.insert(file.to_string(), Rejection { reason, content });
        self.generation(policy_name(file))
    }

    /// Takes the policy of `file` out.
    pub fn unload(&mut self, file: &str) -> Option<Ward<P>> {
        self.live.remove(file)
    }

    /// Puts the generation before back in charge of `file`, and rejects the content of the one that
    /// was, which is returned. None where none is kept.
    pub fn roll_back(
        &mut self,
        file: &str,
        reason: &str,
        now: Instant,
        options: &SupervisionOptions,
    ) -> Option<Generation<P>> {
        let (ward, left) = match self.live.remove(file)?.rolled_back(now, options) {
            Ok((ward, left)) => (ward, Some(left)),
            Err(ward) => (*ward, None),
        };
        self.live.insert(file.to_string(), ward);
        let left = left?;
        let reason = format!("generation {} was rolled back: {reason}", left.generation);
        self.reject(file, reason, Some(Ok(left.hash)));
        Some(left)
    }

    /// Forgets every rejection, so that what was rejected or rolled back is loaded again.
    pub fn forget_all_rejections(&mut self) {
        self.rejected.clear();
    }

    /// The policies under supervision, by file, in the order in which they are asked.
    pub fn wards(&self) -> impl Iterator<Item = (&String, &Ward<P>)> {
        self.live.iter()
    }

    /// The policy whose module is `file`.
    pub fn ward(&mut self, file: &str) -> Option<&mut Ward<P>> {
        self.live.get_mut(file)
    }

    /// Why the present content of `file` is not live.
    pub fn rejection(&self, file: &str) -> Option<&str> {
        self.rejected.get(file).map(|rejection| rejection.reason.as_str())
    }

    /// When time will mean something to one of the policies.
    pub fn due(&self) -> Option<Instant> {
        self.live.values().filter_map(|ward| ward.course.due()).min()
    }

    /// The policies in force, in the order in which they are asked.
    pub fn policies(&self) -> Vec<Arc<P>> {
        self.live.values().map(|ward| ward.in_chain().clone()).collect()
    }

    /// Every file that is live, rejected, or in `changing`.
    pub fn status<'a>(&self, changing: impl Iterator<Item = &'a str>) -> Vec<FileStatus> {
        let mut states = BTreeMap::new();
        for (file, Ward { live, .. }) in &self.live {
            states.insert(file.as_str(), FileState::Live { generation: live.generation, hash: live.hash });
        }
        for (file, rejection) in &self.rejected {
            let keeping = self.generation(policy_name(file));
            states.insert(file, FileState::Rejected { reason: rejection.reason.clone(), keeping });
        }
        for file in changing {
            states.insert(file, FileState::Settling { keeping: self.generation(policy_name(file)) });
        }
        let status = |(file, state)| FileStatus { file: str::to_string(file), name: policy_name(file).into(), state };
        states.into_iter().map(status).collect()
    }

    /// The file that the policy `name` is from.
    pub fn file_of(&self, name: &str) -> Option<String> {
        self.live.iter().find(|(_, ward)| ward.live.name == name).map(|(file, _)| file.clone())
    }

    fn generation(&self, name: &str) -> Option<u64> {
        self.live.values().find(|ward| ward.live.name == name).map(|ward| ward.live.generation)
    }
}

/// Which file bears each name: the first in order.
fn owners(listing: &Listing) -> HashMap<&str, &str> {
    let mut owners = HashMap::new();
    for file in listing.0.keys() {
        owners.entry(policy_name(file)).or_insert(file.as_str());
    }
    owners
}

fn duplicate(file: &str, first: &str) -> String {
    let name = policy_name(file);
    format!("{first} and {file} are both named `{name}`, and the first in order counts: rename or remove one of them")
}
