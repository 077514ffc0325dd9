//! Whether what is in the directory may be loaded: who else could have written it, and who signed it.

use std::{
    collections::{BTreeSet, HashMap},
    path::Path,
};

use reprise_session::ownership;

use super::{DirOptions, listing::Listing, loader::Candidate, sandboxed::reason};
use crate::{names::signature_file, policy::Rejection, signing::Signed};

/// What was seen so far.
#[derive(Default)]
pub(super) struct Trust {
    /// What was said about files that others may write.
    warned: BTreeSet<String>,
    /// When the signature of what is live under a name was made.
    signed: HashMap<String, u64>,
}

impl Trust {
    /// What the listing is worth, seeing who may write the directory and the files in it.
    pub fn judged(&mut self, mut listing: Listing, dir: &Path, options: &DirOptions) -> Listing {
        let directory = ownership::exposed(dir);
        if let (true, Some(reason)) = (options.strict, &directory) {
            listing.distrust(reason);
        }
        let files = listing.0.values().filter_map(|entry| entry.exposed.clone());
        let found: BTreeSet<String> = directory.into_iter().chain(files).collect();
        // A refusal is told as a rejection, by file.
        for exposed in found.difference(&self.warned).filter(|_| !options.strict) {
            tracing::warn!("{exposed}");
        }
        self.warned = found;
        listing
    }

    /// The candidate goes live. An earlier module with its good signature may be what the operator
    /// wants back, or what somebody else does.
    pub fn note(&mut self, Candidate { file, name, signed, .. }: &Candidate) {
        let Some(Signed { timestamp }) = *signed else { return };
        let before = self.signed.insert(name.clone(), timestamp);
        if before.is_some_and(|before| timestamp < before) {
            tracing::warn!(
                file,
                policy = name,
                "signed earlier than the one it replaces: make sure that this was meant"
            );
        }
    }
}

/// Holds the candidates' signatures against the policy keys, if there are any: over the very bytes
/// that are loaded next. Those that may be loaded, and the others with the reason.
pub(super) fn signed(options: &DirOptions, candidates: Vec<Candidate>) -> (Vec<Candidate>, Vec<(Candidate, String)>) {
    let (mut good, mut bad) = (Vec::new(), Vec::new());
    for mut candidate in candidates {
        match verify(options, &candidate) {
            Ok(signed) => {
                candidate.signed = signed;
                good.push(candidate);
            }
            Err(reason) => bad.push((candidate, reason)),
        }
    }
    (good, bad)
}

fn verify(options: &DirOptions, candidate: &Candidate) -> Result<Option<Signed>, String> {
    let Some(keys) = &options.keys else { return Ok(None) };
    let Candidate { file, name, module, manifest, signature, .. } = candidate;
    let manifest = manifest.as_ref().map(String::as_bytes);
    let signed = keys.verify(name, module, manifest, signature.as_deref());
    signed.map(Some).map_err(|error| reason(&Rejection::signature(signature_file(file.as_ref()), name, &error)))
}
