//! The manual pages: what the program that is packaged says of itself.

use std::{fs, path::Path, process::Command};

use anyhow::{Context, Result, ensure};

use super::tree::Tree;
use crate::run::run;

/// Where Debian has those of commands.
const FOLDER: &str = "/usr/share/man/man1";

/// Has `program` write them to `folder`, which is emptied, and puts them into the package.
///
/// # Errors
/// It writes none.
pub fn write(tree: &mut Tree, program: &Path, folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("{} could not be removed", folder.display()))?;
    }
    fs::create_dir_all(folder)?;
    run(Command::new(program).arg("manual").arg(folder))?;
    let mut names = fs::read_dir(folder)?
        .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
        .collect::<Result<Vec<_>>>()?;
    names.sort();
    ensure!(names.iter().any(|name| name == "reprise.1"), "`reprise manual` writes no reprise.1, but {names:?}");
    names.iter().try_for_each(|name| {
        let page = fs::read_to_string(folder.join(name))?;
        tree.compressed(&format!("{FOLDER}/{name}.gz"), &page)
    })
}
