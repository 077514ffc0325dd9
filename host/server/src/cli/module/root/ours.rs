//! Files that are written here have a first line that says so, with a sum of the rest: what has another sum was changed by hand.

use std::path::Path;

use anyhow::Result;

use super::Root;
use crate::cli::module::names::Server;

const SAYS: &str = "# Written by `reprise module enable ";

/// What is at a place where a file of ours would be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::cli::module) enum Found {
    Nothing,
    /// Ours, as it was written.
    Ours(String),
    /// Ours, and changed since.
    Changed(String),
    /// Somebody else's.
    Foreign,
}

/// `text` with the line before it.
pub(in crate::cli::module) fn sealed(server: &Server, text: &str) -> String {
    format!("{SAYS}{server}`; `disable` takes it back. Sum {}\n{text}", sum(text))
}

/// What is at `path`.
///
/// # Errors
/// It cannot be read.
pub(in crate::cli::module) fn found(root: &Root, path: &Path) -> Result<Found> {
    let Some(text) = root.read(path)? else { return Ok(Found::Nothing) };
    Ok(match text.split_once('\n') {
        Some((first, rest)) if first.starts_with(SAYS) => {
            if first.ends_with(&format!("Sum {}", sum(rest))) {
                Found::Ours(text)
            } else {
                Found::Changed(text)
            }
        }
        None if text.starts_with(SAYS) => Found::Changed(text),
        _ => Found::Foreign,
    })
}

/// Whether whoever reads this text has changed it, or nobody.
fn sum(text: &str) -> String {
    format!("{:08x}", crc32c::crc32c(text.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_changed_is_told_from_what_was_not() {
        let root = Root::machine();
        let path = Path::new("/x");
        let at = |text: &str| found(&root.clone().with(path, Some(text.into())), path).unwrap();
        let sealed = sealed(&"nginx".parse().unwrap(), "a\nb\n");
        assert_eq!(at(&sealed), Found::Ours(sealed.clone()));
        let changed = sealed.replace("b\n", "c\n");
        assert_eq!(at(&changed), Found::Changed(changed.clone()));
        let cut = sealed.lines().next().unwrap();
        assert_eq!(at(cut), Found::Changed(cut.into()));
        assert_eq!((at("a\n"), at("")), (Found::Foreign, Found::Foreign));
        assert_eq!(found(&root.clone().with(path, None), path).unwrap(), Found::Nothing);
    }
}
