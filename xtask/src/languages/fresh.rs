//! Whether a policy has been built from what is there now.

use std::{
    fs,
    hash::{DefaultHasher, Hash, Hasher},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

use crate::Workspace;

/// Where it is written how a policy is built, and what of: recipes, toolchains, the SDKs and the interface. Not this program's
/// own file: Cargo makes another one of the same sources, without optimization, with the tests.
const MADE_OF: [&str; 6] =
    ["authoring/src", "authoring/templates", "plugin-sdk", "wit", "xtask/languages", "xtask/src/languages"];

/// Says of a policy's folder what is in it, and what would be done with that.
pub(super) fn fingerprint(workspace: &Workspace, folder: &Path) -> Result<String> {
    let mut hasher = DefaultHasher::new();
    for sources in MADE_OF {
        add(&workspace.path(sources), &mut hasher)?;
    }
    add(folder, &mut hasher)?;
    Ok(format!("{:016x}", hasher.finish()))
}

fn add(path: &Path, hasher: &mut DefaultHasher) -> Result<()> {
    if !path.is_dir() {
        fs::read(path).with_context(|| format!("{} could not be read", path.display()))?.hash(hasher);
        return Ok(());
    }
    let entries = fs::read_dir(path).with_context(|| format!("{} could not be read", path.display()))?;
    let mut entries: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    // What an interpreter leaves beside what it reads.
    entries.retain(|entry| !entry.ends_with("__pycache__"));
    entries.sort();
    for entry in entries {
        entry.file_name().hash(hasher);
        add(&entry, hasher)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_changes_with_content_and_with_names_and_with_nothing_else() {
        let folder = std::env::temp_dir().join(format!("xtask-fresh-{}", std::process::id()));
        fs::create_dir_all(folder.join("in")).unwrap();
        let write = |name: &str, content: &str| fs::write(folder.join(name), content).unwrap();
        let print = || {
            let mut hasher = DefaultHasher::new();
            add(&folder, &mut hasher).unwrap();
            hasher.finish()
        };
        write("in/a", "1");
        let first = print();
        write("in/a", "1");
        assert_eq!(print(), first);
        write("in/a", "2");
        assert_ne!(print(), first);
        write("in/a", "1");
        fs::rename(folder.join("in/a"), folder.join("in/b")).unwrap();
        assert_ne!(print(), first);
        fs::remove_dir_all(&folder).unwrap();
    }
}
