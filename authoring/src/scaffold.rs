//! A new project: a folder of `templates/`, with the interface and the SDK, under the name of the policy.
//!
//! The SDK is copied into the project rather than named by its version: what was begun builds the
//! same on any machine, from a checkout and from a release alike. It is replaced by the published
//! package in one line.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use include_dir::{Dir, include_dir};

use crate::Language;

static TEMPLATES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/templates");
static SDKS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../plugin-sdk");
const RUST_SDK_MANIFEST: &str = include_str!("../../plugin-sdk/Cargo.toml");
const INTERFACE: &str = include_str!("../../wit/session-cache.wit");

/// The name that the templates' policy has.
const TEMPLATE: &str = "cautious";
const LONGEST_NAME: usize = 64;

/// Why there is no new project.
#[derive(Debug, thiserror::Error)]
pub enum ScaffoldError {
    /// The name is no policy's.
    #[error(
        "`{0}` is no name for a policy; expected lower-case letters, digits and single hyphens, a letter first, at most \
         {LONGEST_NAME}, like `{TEMPLATE}`"
    )]
    Name(String),
    /// The name is taken by what the project is made of.
    #[error("a policy cannot be called `{0}`, for that is the name of something in its project; choose another")]
    Reserved(String),
    /// The place is taken.
    #[error("{} is there already and stays as it is; choose another name, or another place with --dir DIR", .0.display())]
    Exists(PathBuf),
    /// A file cannot be written.
    #[error("{} cannot be written", .0.display())]
    Unwritable(PathBuf, #[source] io::Error),
}

/// Writes a project for the policy `name` to `dir`, which must not be there yet.
///
/// # Errors
/// The name is no policy's, or the place is taken or cannot be written to.
pub fn scaffold(dir: &Path, name: &str, language: Language) -> Result<(), ScaffoldError> {
    check_name(name)?;
    fs::create_dir(dir).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => ScaffoldError::Exists(dir.into()),
        _ => ScaffoldError::Unwritable(dir.into(), error),
    })?;
    for (path, content) in own_files(language) {
        write(dir, &path.replace(TEMPLATE, name), &content.replace(TEMPLATE, name))?;
    }
    furnish(dir, language)
}

/// Writes what a project in `dir` has of ours: the interface, to `wit/`, and the SDK, to `sdk/`.
///
/// # Errors
/// They cannot be written.
pub fn furnish(dir: &Path, language: Language) -> Result<(), ScaffoldError> {
    our_files(language).iter().try_for_each(|(path, content)| write(dir, path, content))
}

fn write(dir: &Path, path: &str, content: &str) -> Result<(), ScaffoldError> {
    let file = dir.join(path);
    let written = fs::create_dir_all(file.parent().unwrap_or(dir)).and_then(|()| fs::write(&file, content));
    written.map_err(|error| ScaffoldError::Unwritable(file, error))
}

/// Whether a policy may be called so in every language.
pub(crate) fn check_name(name: &str) -> Result<(), ScaffoldError> {
    let word =
        |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    let begins_well = name.starts_with(|first: char| first.is_ascii_lowercase());
    if !begins_well || !name.split('-').all(word) || name.len() > LONGEST_NAME {
        return Err(ScaffoldError::Name(name.into()));
    }
    match name {
        "sdk" | "wit" | "build" | "core" | "std" | "alloc" | "test" | "policy" | "reprise-sdk" | "vectors"
        | "reprise-policy" | "cargo" => Err(ScaffoldError::Reserved(name.into())),
        _ => Ok(()),
    }
}

/// The folders of plugin-sdk/ that the language's policies are built with.
fn sdks(language: Language) -> &'static [&'static str] {
    match language {
        Language::Rust => &[],
        Language::C => &["c"],
        Language::Cpp => &["c", "cpp"],
        Language::Zig => &["c", "zig"],
        Language::Go => &["go"],
        // It has TypeScript's types.
        Language::JavaScript | Language::TypeScript => &["javascript"],
        Language::Python => &["python"],
        Language::Wat => &["wat"],
    }
}

/// The files of the language's template, as (path in the project, content).
fn own_files(language: Language) -> Vec<(String, &'static str)> {
    let mut files = Vec::new();
    add(&mut files, "", TEMPLATES.get_dir("common"));
    add(&mut files, "", TEMPLATES.get_dir(language.as_str()));
    if language != Language::Rust {
        add(&mut files, "", TEMPLATES.get_dir("world"));
    }
    files
}

/// The interface and the language's SDK, in the same way.
fn our_files(language: Language) -> Vec<(String, &'static str)> {
    if language != Language::Rust {
        let mut files = vec![("wit/deps/session-cache.wit".into(), INTERFACE)];
        sdks(language).iter().for_each(|sdk| add(&mut files, "sdk/", SDKS.get_dir(sdk)));
        return files;
    }
    let mut files = vec![("wit/session-cache.wit".into(), INTERFACE), ("sdk/Cargo.toml".into(), RUST_SDK_MANIFEST)];
    add(&mut files, "sdk/src/", SDKS.get_dir("src"));
    files
}

fn add(files: &mut Vec<(String, &'static str)>, prefix: &str, root: Option<&'static Dir<'static>>) {
    let Some(root) = root else { return };
    let mut dirs = vec![root];
    while let Some(dir) = dirs.pop() {
        dirs.extend(dir.dirs());
        for file in dir.files() {
            let path = file.path().strip_prefix(root.path()).unwrap_or(file.path());
            if let (Some(path), Some(content)) = (path.to_str(), file.contents_utf8()) {
                files.push((format!("{prefix}{path}"), content));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Project;

    #[test]
    fn a_new_project_is_one_and_has_nothing_of_the_templates_name() {
        for language in Language::ALL {
            let place = tempfile::tempdir().unwrap();
            let dir = place.path().join("night-watch");
            scaffold(&dir, "night-watch", language).unwrap();
            let project = Project::open(&dir).unwrap();
            assert_eq!(project.name(), "night-watch", "{language}");
            assert!(project.settings().exists(), "{language}");
            assert!(dir.join("README.md").exists() && dir.join(".gitignore").exists(), "{language}");
            for (path, _) in own_files(language) {
                let written = fs::read_to_string(dir.join(path.replace(TEMPLATE, "night-watch"))).unwrap();
                assert!(!written.contains(TEMPLATE), "{language}: {path}");
            }
        }
    }

    #[test]
    fn what_is_there_already_stays_as_it_is() {
        let place = tempfile::tempdir().unwrap();
        let error = scaffold(place.path(), "calm", Language::Wat).unwrap_err();
        assert!(matches!(error, ScaffoldError::Exists(_)), "{error}");
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_name_that_no_policy_can_have_is_refused_before_anything_is_written() {
        let place = tempfile::tempdir().unwrap();
        for name in [
            "",
            "10-calm",
            "Calm",
            "a_b",
            "a--b",
            "a-",
            "-a",
            "a.b",
            "../a",
            "std",
            "vectors",
            "reprise-policy",
            &"a".repeat(65),
        ] {
            let dir = place.path().join("project");
            let error = scaffold(&dir, name, Language::Rust).unwrap_err().to_string();
            assert!(error.contains(&format!("`{name}`")), "{error}");
            assert!(!dir.exists(), "{name}");
        }
    }
}
