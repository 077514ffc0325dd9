//! The environment of a unit's processes, as far as its files say: `Environment=`, then `EnvironmentFile=` over it, then
//! `UnsetEnvironment=`.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::{Unit, words};
use crate::cli::module::root::{Root, fits};

/// Where a variable has its value from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::cli::module) struct Origin {
    /// The file that sets it.
    pub(in crate::cli::module) file: PathBuf,
    /// Whether that is one of variables, which counts more than the unit.
    pub(in crate::cli::module) by_file: bool,
}

/// A unit's variables.
#[derive(Debug, Default)]
pub(in crate::cli::module) struct Environment {
    variables: Vec<(String, String, Origin)>,
    /// Which are taken away, and where.
    unset: Vec<(String, PathBuf)>,
}

impl Environment {
    /// What counts of this variable.
    pub(in crate::cli::module) fn get(&self, name: &str) -> Option<(&str, &Origin)> {
        if self.unset(name).is_some() {
            return None;
        }
        let found = self.variables.iter().rev().find(|(of, ..)| of == name)?;
        Some((&found.1, &found.2))
    }

    /// The file that takes it away, whoever sets it.
    pub(in crate::cli::module) fn unset(&self, name: &str) -> Option<&Path> {
        let found = self.unset.iter().find(|(of, _)| of == name || of.split('=').next() == Some(name))?;
        Some(&found.1)
    }
}

impl Unit {
    /// The environment that it gives.
    ///
    /// # Errors
    /// A file of variables that it needs cannot be read, or it is not known which one it is.
    pub(in crate::cli::module) fn environment(&self, root: &Root) -> Result<Environment> {
        let mut environment = Environment::default();
        for (value, file) in self.list("Environment") {
            let origin = Origin { file: file.to_owned(), by_file: false };
            for word in words::split(value) {
                if let Some((name, value)) = word.split_once('=') {
                    let value = self.expanded(value).unwrap_or_else(|| value.to_owned());
                    environment.variables.push((name.to_owned(), value, origin.clone()));
                }
            }
        }
        for (value, _) in self.list("EnvironmentFile") {
            let pattern = value.trim_start_matches('-');
            let path = self.expanded(pattern).with_context(|| unknown(value))?;
            for file in files(root, Path::new(&path)).with_context(|| unknown(value))? {
                let origin = Origin { file: file.clone(), by_file: true };
                let text = root.read(&file)?.unwrap_or_default();
                environment.variables.extend(variables(&text).map(|(name, value)| (name, value, origin.clone())));
            }
        }
        for (value, file) in self.list("UnsetEnvironment") {
            environment.unset.extend(words::split(value).into_iter().map(|name| (name, file.to_owned())));
        }
        Ok(environment)
    }
}

fn unknown(value: &str) -> String {
    format!("`EnvironmentFile={value}`: it is not known which file that is, and so not whether it sets OPENSSL_CONF")
}

/// The files that a path stands for, whose last part may be a pattern.
fn files(root: &Root, path: &Path) -> Result<Vec<PathBuf>> {
    let text = path.to_string_lossy();
    let (folder, name) = text.rsplit_once('/').context("it is no absolute path")?;
    if folder.contains(['*', '?', '[']) || name.contains('[') {
        bail!("it is a pattern");
    }
    if !name.contains(['*', '?']) {
        return Ok(vec![path.to_owned()]);
    }
    let folder = Path::new(folder);
    let names = root.names(folder).into_iter().filter(|found| fits(name, found) && !found.starts_with('.'));
    Ok(names.map(|name| folder.join(name)).collect())
}

/// The variables of such a file.
fn variables(text: &str) -> impl Iterator<Item = (String, String)> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for part in text.lines() {
        if line.is_empty() && part.trim_start().starts_with(['#', ';']) {
            continue;
        }
        match part.strip_suffix('\\') {
            Some(begun) => line.push_str(begun),
            None => lines.push(std::mem::take(&mut line) + part),
        }
    }
    lines.push(line);
    lines.into_iter().filter_map(|line| {
        let (name, value) = line.split_once('=')?;
        // A value is one word, with blanks in it.
        let value = words::split(&value.trim().replace(' ', "\\ ").replace('\t', "\\t")).concat();
        Some((name.trim().to_owned(), value))
    })
}
