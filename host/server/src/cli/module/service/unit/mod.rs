//! A service's unit as systemd reads it: its file, and the drop-ins on top of it (systemd.unit(5)).
//!
//! - `environment`: the variables that its processes are started with (systemd.exec(5))
//! - `words`: how values are split

mod environment;
mod words;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use anyhow::{Result, bail};

use crate::cli::module::{names::Server, root::Root};

/// Where units are, the strongest first.
const FOLDERS: [&str; 7] = [
    "/etc/systemd/system",
    "/run/systemd/system",
    "/run/systemd/generator",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
    // Made of what is no unit: scripts in /etc/init.d.
    "/run/systemd/generator.late",
];

/// A unit, as its files say.
#[derive(Debug)]
pub(in crate::cli::module) struct Unit {
    /// Its own file.
    pub(in crate::cli::module) file: PathBuf,
    /// `%i`.
    instance: Option<String>,
    settings: Vec<Setting>,
}

/// One line of them.
#[derive(Debug)]
struct Setting {
    file: PathBuf,
    section: String,
    key: String,
    value: String,
}

impl Unit {
    /// The unit of this server.
    ///
    /// # Errors
    /// There is none, it is masked, or cannot be read.
    pub(in crate::cli::module) fn read(root: &Root, server: &Server) -> Result<Self> {
        match Self::find(root, server)? {
            Some(unit) => Ok(unit),
            None => bail!(
                "there is no {} in {} or another folder of systemd's: name a service that is installed \
                 (`systemctl list-unit-files --type=service` lists them); for a program that systemd does not start, \
                 see `reprise module conf --help`",
                server.unit(),
                FOLDERS[0]
            ),
        }
    }

    /// The same, or none if there is none.
    ///
    /// # Errors
    /// It is masked, or cannot be read.
    pub(in crate::cli::module) fn find(root: &Root, server: &Server) -> Result<Option<Self>> {
        let names = file_names(server.name());
        let places = names.iter().flat_map(|name| FOLDERS.map(|folder| Path::new(folder).join(name)));
        let Some(file) = places.into_iter().find(|file| root.exists(file)) else { return Ok(None) };
        if root.real(&file) == Path::new("/dev/null") {
            bail!("{}: the unit is masked: `systemctl unmask {server}` before", file.display());
        }
        let instance = server.name().split_once('@').map(|(_, instance)| instance.to_owned());
        let mut unit = Self { file: file.clone(), instance, settings: Vec::new() };
        for file in std::iter::once(file).chain(drop_ins(root, server.name())) {
            let Some(text) = root.read(&file)? else { continue };
            unit.settings.extend(settings(&file, &text));
        }
        Ok(Some(unit))
    }

    /// What `[Service]` says of this, in order, with the file that says so.
    fn all(&self, key: &str) -> Vec<(&str, &Path)> {
        let named = self.settings.iter().filter(|setting| setting.section == "Service" && setting.key == key);
        named.map(|setting| (&*setting.value, &*setting.file)).collect()
    }

    /// What counts where the last value does.
    pub(in crate::cli::module) fn last(&self, key: &str) -> Option<(&str, &Path)> {
        self.all(key).last().copied().filter(|(value, _)| !value.is_empty())
    }

    /// What counts where values add up, and an empty one takes back those before it.
    pub(in crate::cli::module) fn list(&self, key: &str) -> Vec<(&str, &Path)> {
        let mut values = self.all(key);
        let anew = values.iter().rposition(|(value, _)| value.is_empty()).map_or(0, |empty| empty + 1);
        values.drain(..anew);
        values
    }

    /// Whether it says yes, and where.
    pub(in crate::cli::module) fn says_yes(&self, key: &str) -> Option<&Path> {
        let (value, file) = self.last(key)?;
        ["1", "yes", "y", "true", "t", "on"].contains(&value.to_ascii_lowercase().as_str()).then_some(file)
    }

    /// The program that is started.
    pub(in crate::cli::module) fn program(&self) -> Option<PathBuf> {
        let command = self.list("ExecStart").first()?.0;
        let path = words::split(command).into_iter().next()?;
        Some(path.trim_start_matches(['-', '@', ':', '+', '!', '|']).into())
    }

    /// A value with what stands for the instance's name in it; none where other specifiers are.
    fn expanded(&self, value: &str) -> Option<String> {
        let (mut expanded, mut characters) = (String::new(), value.chars());
        while let Some(character) = characters.next() {
            if character != '%' {
                expanded.push(character);
                continue;
            }
            match characters.next() {
                Some('%') => expanded.push('%'),
                Some('i' | 'I') => expanded.push_str(self.instance.as_deref().unwrap_or_default()),
                _ => return None,
            }
        }
        Some(expanded)
    }
}

/// The names that its file may have: `a@b.service`, `a@.service`.
fn file_names(name: &str) -> Vec<String> {
    let mut names = vec![format!("{name}.service")];
    if let Some((template, _)) = name.split_once('@') {
        names.push(format!("{template}@.service"));
    }
    names
}

/// The drop-ins of a unit, in the order in which they count.
fn drop_ins(root: &Root, name: &str) -> Vec<PathBuf> {
    let mut folders = file_names(name);
    // `a-b-c.service` has those of `a-b-.service` and `a-.service`, too.
    let stem = name.split('@').next().unwrap_or(name);
    folders.extend(stem.match_indices('-').rev().map(|(at, _)| format!("{}.service", &stem[..=at])));
    folders.push("service".into());
    // Of files of one name, the strongest counts: that of the most special folder, and of the strongest place there.
    let mut files = BTreeMap::new();
    for folder in folders {
        for place in FOLDERS {
            let folder = Path::new(place).join(format!("{folder}.d"));
            for name in root.names(&folder).into_iter().filter(|name| name.ends_with(".conf")) {
                let file = folder.join(&name);
                files.entry(name).or_insert(file);
            }
        }
    }
    files.into_values().filter(|file| root.real(file) != Path::new("/dev/null")).collect()
}

/// The lines of a file.
fn settings(file: &Path, text: &str) -> Vec<Setting> {
    let (mut settings, mut section, mut line) = (Vec::new(), String::new(), String::new());
    for part in text.lines() {
        let comment = part.trim_start().starts_with(['#', ';']);
        if comment {
            // Also within a line that goes on.
            continue;
        }
        if let Some(begun) = part.strip_suffix('\\') {
            line.push_str(begun);
            line.push(' ');
            continue;
        }
        line.push_str(part);
        let whole = std::mem::take(&mut line);
        let whole = whole.trim();
        if let Some(name) = whole.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section = name.to_owned();
        } else if let Some((key, value)) = whole.split_once('=') {
            let (key, value) = (key.trim().to_owned(), value.trim().to_owned());
            settings.push(Setting { file: file.to_owned(), section: section.clone(), key, value });
        }
    }
    settings
}

#[cfg(test)]
mod tests;
