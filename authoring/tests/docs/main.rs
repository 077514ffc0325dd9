//! The project's prose, held to what it speaks of.
//!
//! - `made`: pages made of other files
//! - `book`: every page is in the book, and every link leads somewhere
//! - `facts`: the facts of OpenSSL, and the tests that show them
//! - `words`: words that are not to be used
//! - `workflows`: what runs elsewhere is what runs here

mod book;
mod facts;
mod made;
mod words;
mod workflows;

use std::{
    fs,
    path::{Path, PathBuf},
};

/// A file of the workspace.
fn workspace(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The files under a folder whose names end in `extension`, sorted; none of what is built or hidden.
fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            if !name.starts_with('.') && name != "target" && name != "node_modules" {
                found.extend(files(&path, extension));
            }
        } else if name.ends_with(extension) {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// Its path in the workspace, as a reader knows it.
fn shown(path: &Path) -> String {
    path.strip_prefix(workspace("")).unwrap_or(path).display().to_string()
}
