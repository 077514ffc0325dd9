//! One module, looked at as the directory would before it lets it decide.

use std::{fs, path::Path, sync::Arc};

use reprise_session::ownership;

use super::{
    ContentHash, DirOptions,
    listing::{Files, Reading, is_module},
};
use crate::{
    names::{policy_name, signature_file},
    policy::{Candidate, Manifest, Policy, Rejection, Runtime},
};

/// A module that would go live.
#[derive(Debug)]
pub struct Checked {
    /// The policy, loaded: compiled, linked, configured, probed. Nothing is asked of it.
    pub policy: Arc<Policy>,
    /// The content that was looked at.
    pub hash: ContentHash,
}

/// Why a module would not go live.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// It, or its `.toml`, cannot be read, or the directory would not look at it.
    #[error("{0}")]
    Unreadable(String),
    /// It would be rejected.
    #[error(transparent)]
    Rejected(#[from] Rejection),
}

/// Loads the module in `file`, with the `.toml` beside it if there is one, as a directory with these options would.
///
/// # Errors
/// What keeps it from going live, ending in what to do.
pub fn check(runtime: &Runtime, file: &Path, options: &DirOptions) -> Result<Checked, CheckError> {
    let shown = file.display();
    let unreadable = |why: &str| CheckError::Unreadable(format!("{shown}: {why}"));
    let name = file
        .file_name()
        .and_then(|name| name.to_str())
        .ok_or_else(|| unreadable("the name is not UTF-8: rename it"))?;
    fs::metadata(file).map_err(|error| unreadable(&format!("cannot be read: {error}")))?;
    if !is_module(name) {
        return Err(unreadable("a server would not look at it: expected a name like `10-tenants.wasm`"));
    }
    if options.strict {
        exposed_anywhere(file, options).map_or(Ok(()), |exposed| Err(unreadable(&exposed)))?;
    }
    let Files { module, manifest, signature, hash } =
        Files::read(file, Reading::from(options)).map_err(CheckError::Unreadable)?;
    let name = policy_name(name);
    if let Some(keys) = &options.keys {
        keys.verify(name, &module, manifest.as_ref().map(String::as_bytes), signature.as_deref())
            .map_err(|error| Rejection::signature(signature_file(file), name, &error))?;
    }
    let manifest = match manifest {
        None => Manifest::default(),
        Some(text) => {
            Manifest::parse(&text).map_err(|error| Rejection::manifest(file.with_extension("toml"), name, &error))?
        }
    };
    let policy = runtime.load(Candidate { file, name, generation: 1, module: &module, manifest: &manifest })?;
    Ok(Checked { policy, hash })
}

/// Who else may write the module's files, or the directory they lie in.
fn exposed_anywhere(file: &Path, options: &DirOptions) -> Option<String> {
    let dir = file.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let signature = options.keys.is_some().then(|| signature_file(file));
    let files = [Some(file.to_owned()), Some(file.with_extension("toml")), signature];
    ownership::exposed(dir).or_else(|| files.iter().flatten().find_map(|file| ownership::file_exposed(file)))
}

#[cfg(test)]
mod tests {
    use reprise_fixtures::policies;

    use super::*;
    use crate::policy::{RuntimeOptions, Step};

    fn checked(files: &[(&str, &[u8])]) -> Result<Checked, CheckError> {
        let dir = tempfile::tempdir().unwrap();
        for (name, content) in files {
            fs::write(dir.path().join(name), content).unwrap();
        }
        check(&Runtime::new(RuntimeOptions::default()).unwrap(), &dir.path().join(files[0].0), &DirOptions::default())
    }

    #[test]
    fn a_good_module_is_told_by_its_policys_name() {
        let checked = checked(&[("10-calm.wasm", &policies::no_opinion())]).unwrap();
        assert_eq!(checked.policy.name(), "calm");
    }

    #[test]
    fn a_bad_toml_is_found_and_named() {
        let error =
            checked(&[("10-calm.wasm", &policies::no_opinion()), ("10-calm.toml", b"lifetime = 3")]).unwrap_err();
        assert!(matches!(&error, CheckError::Rejected(rejection) if rejection.step == Step::Manifest), "{error}");
        assert!(error.to_string().contains("10-calm.toml"), "{error}");
    }

    #[test]
    fn what_is_no_policy_is_rejected_by_the_step_it_fails() {
        let error = checked(&[("10-garbage.wasm", b"garbage")]).unwrap_err();
        assert!(matches!(error, CheckError::Rejected(_)), "{error}");
    }

    #[test]
    fn a_file_that_a_server_would_not_see_is_no_policy() {
        for name in ["tenants.wat", ".tenants.wasm"] {
            let error = checked(&[(name, &policies::no_opinion())]).unwrap_err().to_string();
            assert!(error.contains(name) && error.contains("10-tenants.wasm"), "{error}");
        }
        let runtime = Runtime::new(RuntimeOptions::default()).unwrap();
        let error = check(&runtime, Path::new("/no/such.wasm"), &DirOptions::default()).unwrap_err().to_string();
        assert!(error.contains("/no/such.wasm") && error.contains("No such file"), "{error}");
    }
}
