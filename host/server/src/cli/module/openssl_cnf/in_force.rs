//! Which openssl.cnf is in force, and which section of it lists the modules that OpenSSL loads: `openssl_conf = NAME`.
//!
//! It is read as config(5) says and libcrypto does: files that it includes in their place, the last of several values counts.
//! Variables are not expanded: where one is needed to know the section, that is an error.

use std::{
    collections::HashMap,
    env,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail, ensure};

use crate::cli::module::root::Root;

/// The section before the first.
const DEFAULT: &str = "default";
/// What OpenSSL looks for in it.
const MODULES: &str = "openssl_conf";
/// How deep files may include each other: libcrypto knows no bound.
const DEEPEST: usize = 10;

/// The openssl.cnf in force.
#[derive(Debug)]
pub(in crate::cli::module) struct InForce {
    root: Root,
    file: Option<PathBuf>,
    section: String,
    values: HashMap<(String, String), String>,
    include_dir: Option<PathBuf>,
}

impl InForce {
    /// What this process, and every program with its environment, has in force: the file that OPENSSL_CONF names, else that of
    /// the system's OpenSSL; none if it is not there.
    ///
    /// # Errors
    /// As [`InForce::read`].
    pub(in crate::cli::module) fn of_this_machine() -> Result<Self> {
        let file = match env::var_os("OPENSSL_CONF") {
            // OpenSSL goes on without a file that is not there, and says nothing of it.
            Some(file) => Some(PathBuf::from(file)).filter(|file| file.exists()),
            None => system(&Root::machine()),
        };
        Self::read(file)
    }

    /// What a program under `root` has in force whose OPENSSL_CONF and OPENSSL_CONF_INCLUDE these are.
    ///
    /// # Errors
    /// As [`InForce::read`].
    pub(in crate::cli::module) fn under(
        root: &Root,
        file: Option<PathBuf>,
        include_dir: Option<PathBuf>,
    ) -> Result<Self> {
        let file = match file {
            Some(file) => Some(file).filter(|file| root.exists(file)),
            None => system(root),
        };
        Self::begin(root.clone(), file, include_dir)
    }

    /// What is in this file.
    ///
    /// # Errors
    /// It cannot be read, or understood.
    pub(in crate::cli::module) fn read(file: Option<PathBuf>) -> Result<Self> {
        let file = file.map(std::path::absolute).transpose()?;
        Self::begin(Root::machine(), file, env::var_os("OPENSSL_CONF_INCLUDE").map(PathBuf::from))
    }

    fn begin(root: Root, file: Option<PathBuf>, include_dir: Option<PathBuf>) -> Result<Self> {
        let (file_too, section) = (file.clone(), DEFAULT.into());
        let mut in_force = Self { root, file: file_too, section, values: HashMap::new(), include_dir };
        if let Some(file) = file {
            in_force.include(&file, 0)?;
        }
        Ok(in_force)
    }

    pub(in crate::cli::module) fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    /// What a section says of this name.
    pub(in crate::cli::module) fn value(&self, section: &str, name: &str) -> Option<&str> {
        self.values.get(&(section.into(), name.into())).map(String::as_str)
    }

    /// All that is said: section, name, value.
    pub(in crate::cli::module) fn said(&self) -> impl Iterator<Item = (&str, &str, &str)> {
        self.values.iter().map(|((section, name), value)| (section.as_str(), name.as_str(), value.as_str()))
    }

    /// The section that lists modules, if there is one.
    ///
    /// # Errors
    /// It has ours already, or its name is a variable.
    pub(in crate::cli::module) fn modules(&self) -> Result<Option<&str>> {
        let Some(section) = self.values.get(&(DEFAULT.into(), MODULES.into())) else { return Ok(None) };
        let shown = self.file.as_deref().unwrap_or(Path::new("")).display();
        ensure!(
            !section.contains(['$', '[', ']']),
            "{shown}: `{MODULES} = {section}`: expected a section's plain name"
        );
        let ours = self.values.keys().any(|(of, name)| of == section && name.split('.').next() == Some("reprise"));
        ensure!(
            !ours,
            "{shown} loads the module already: run this with the OPENSSL_CONF that the server had before, or without one"
        );
        Ok(Some(section))
    }

    fn include(&mut self, file: &Path, depth: usize) -> Result<()> {
        let shown = file.display();
        ensure!(depth <= DEEPEST, "{shown}: files include each other more than {DEEPEST} deep");
        let text = self.root.read(file).context("openssl.cnf")?.with_context(|| format!("there is no {shown}"))?;
        for line in lines(&text) {
            self.line(&line, depth).with_context(|| format!("{shown}: `{}`", line.trim()))?;
        }
        Ok(())
    }

    fn line(&mut self, line: &str, depth: usize) -> Result<()> {
        let line = without_comment(line);
        let line = line.trim();
        if let Some(section) = line.strip_prefix('[') {
            let name = section.split_once(']').context("a section without its `]`")?.0;
            self.section = plain(name.trim());
        } else if let Some(rest) = directive(line, ".include") {
            self.included(rest, depth)?;
        } else if let Some(rest) = directive(line, ".pragma") {
            if let Some(("includedir", dir)) = rest.split_once(':').map(|(name, dir)| (name.trim(), dir.trim())) {
                self.include_dir = Some(plain(dir).into());
            }
        } else if let Some((name, value)) = line.split_once('=') {
            let (section, name) = name.trim().split_once("::").unwrap_or((&self.section, name.trim()));
            self.values.insert((section.into(), name.into()), plain(value.trim()));
        }
        Ok(())
    }

    fn included(&mut self, path: &str, depth: usize) -> Result<()> {
        let path = plain(path);
        if path.contains('$') {
            bail!("a variable in the path of a file that is included: it is not known what it has");
        }
        let mut path = PathBuf::from(path);
        if let Some(dir) = self.include_dir.as_ref().filter(|_| path.is_relative()) {
            path = dir.join(path);
        }
        if !self.root.at(&path).is_dir() {
            // OpenSSL goes on without one that is not there.
            return if self.root.exists(&path) { self.include(&path, depth + 1) } else { Ok(()) };
        }
        // OpenSSL has them in no order: where that matters, nobody knows what holds.
        let mut files: Vec<PathBuf> = self.root.names(&path).into_iter().map(|name| path.join(name)).collect();
        files.retain(|file| file.extension().is_some_and(|extension| extension == "cnf" || extension == "conf"));
        files.iter().try_for_each(|file| self.include(file, depth + 1))
    }
}

/// The system's openssl.cnf, by the name that it really has.
fn system(root: &Root) -> Option<PathBuf> {
    folders().map(|folder| folder.join("openssl.cnf")).find(|file| root.exists(file)).map(|file| root.real(&file))
}

/// Where OpenSSL has its files: the one that this command is linked with, then where distributions have them.
fn folders() -> impl Iterator<Item = PathBuf> {
    let linked = openssl::version::dir().split('"').nth(1).map(PathBuf::from);
    linked.into_iter().chain(["/usr/lib/ssl", "/etc/ssl", "/etc/pki/tls"].map(PathBuf::from))
}

/// Lines, joined where one ends with a backslash.
fn lines(text: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    for line in text.lines() {
        let continued = line.strip_suffix('\\').filter(|line| !line.ends_with('\\'));
        lines.last_mut().expect("there is always one").push_str(continued.unwrap_or(line));
        if continued.is_none() {
            lines.push(String::new());
        }
    }
    lines
}

/// What stands behind a directive, with or without a `=`.
fn directive<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    let rest = line.strip_prefix(name).filter(|rest| rest.starts_with([' ', '\t', '=']))?.trim_start();
    Some(rest.strip_prefix('=').unwrap_or(rest).trim())
}

/// A line up to the `#` that begins a comment.
fn without_comment(line: &str) -> &str {
    let (mut quote, mut escaped) = (None, false);
    for (at, character) in line.char_indices() {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if quote == Some(character) => quote = None,
            '"' | '\'' | '`' if quote.is_none() => quote = Some(character),
            '#' if quote.is_none() => return &line[..at],
            _ => {}
        }
    }
    line
}

/// A value without its quotation marks and escapes.
fn plain(value: &str) -> String {
    let (mut plain, mut quote, mut escaped) = (String::new(), None, false);
    for character in value.chars() {
        match character {
            _ if escaped => {
                plain.push(character);
                escaped = false;
            }
            '\\' => escaped = true,
            _ if quote == Some(character) => quote = None,
            '"' | '\'' | '`' if quote.is_none() => quote = Some(character),
            _ => plain.push(character),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// The section that these files name, the first of which includes the others by itself.
    fn section(files: &[(&str, &str)]) -> Result<Option<String>> {
        let dir = tempfile::tempdir().unwrap();
        for (name, content) in files {
            let path = dir.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content.replace("DIR", dir.path().to_str().unwrap())).unwrap();
        }
        let in_force = InForce::read(Some(dir.path().join(files[0].0)))?;
        in_force.modules().map(|section| section.map(str::to_owned))
    }

    #[test]
    fn the_section_is_what_the_file_says() {
        for (content, expected) in [
            ("openssl_conf = openssl_init\n[openssl_init]\n", Some("openssl_init")),
            ("  openssl_conf=a # as ever\n", Some("a")),
            ("openssl_conf = \"a b\"\n", Some("a b")),
            ("openssl_conf = a\\#b\n", Some("a#b")),
            ("openssl_conf = \\\nlong\n", Some("long")),
            ("openssl_conf = a\nopenssl_conf = b\n", Some("b")),
            ("[x]\nopenssl_conf = a\n[default]\nopenssl_conf = b\n", Some("b")),
            ("[x]\ndefault::openssl_conf = c\n", Some("c")),
            ("# openssl_conf = a\n", None),
            ("[req]\nopenssl_conf = a\n", None),
            ("x::openssl_conf = a\n", None),
            ("nodejs_conf = a\n", None),
            ("", None),
        ] {
            assert_eq!(section(&[("a.cnf", content)]).unwrap().as_deref(), expected, "{content}");
        }
    }

    #[test]
    fn what_is_included_counts_in_its_place() {
        let main = ("a.cnf", ".include DIR/b.cnf\n");
        assert_eq!(section(&[main, ("b.cnf", "openssl_conf = b\n")]).unwrap().as_deref(), Some("b"));
        let folder =
            [("a.cnf", ".include = DIR/d\n"), ("d/x.conf", "openssl_conf = d\n"), ("d/y.txt", "openssl_conf = y\n")];
        assert_eq!(section(&folder).unwrap().as_deref(), Some("d"));
        let dir = [("a.cnf", ".pragma includedir:DIR\n.include b.cnf\n"), ("b.cnf", "openssl_conf = b\n")];
        assert_eq!(section(&dir).unwrap().as_deref(), Some("b"));
        let twice = [("a.cnf", "openssl_conf = a\n.include DIR/b.cnf\n"), ("b.cnf", "openssl_conf = b\n")];
        assert_eq!(section(&twice).unwrap().as_deref(), Some("b"));
        // A section that begins in it goes on behind it.
        let section_goes_on = [("a.cnf", ".include DIR/b.cnf\nopenssl_conf = a\n"), ("b.cnf", "[req]\n")];
        assert_eq!(section(&section_goes_on).unwrap(), None);
        assert_eq!(section(&[("a.cnf", ".include DIR/none.cnf\nopenssl_conf = a\n")]).unwrap().as_deref(), Some("a"));
    }

    #[test]
    fn what_is_not_known_is_said() {
        for (content, says) in [
            ("openssl_conf = $name\n", "plain name"),
            (".include ${ENV::HOME}/x.cnf\n", "variable"),
            (".include DIR/a.cnf\n", "10 deep"),
            ("[req\n", "`]`"),
            ("openssl_conf = i\n[i]\nreprise = r\n", "already"),
        ] {
            let error = format!("{:#}", section(&[("a.cnf", content)]).unwrap_err());
            assert!(error.contains(says) && error.contains("a.cnf"), "{content}: {error}");
        }
    }

    #[test]
    fn openssl_has_its_files_somewhere() {
        let own = folders().next().unwrap();
        assert!(own.is_absolute(), "{}", own.display());
    }
}
