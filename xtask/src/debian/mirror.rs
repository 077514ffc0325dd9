//! Where Debian's packages come from: where this machine has its own from.

use std::{env, fs};

use anyhow::{Context, Result};

use crate::run::output;

/// Names it where this machine is no Debian.
const MIRROR: &str = "REPRISE_DEBIAN_MIRROR";

/// The mirror.
///
/// # Errors
/// This machine is no Debian, and nobody names one.
pub fn of_this_machine() -> Result<String> {
    if let Ok(named) = env::var(MIRROR) {
        return Ok(named);
    }
    let release = fs::read_to_string("/etc/os-release").unwrap_or_default();
    let suite = release.lines().find_map(|line| line.strip_prefix("VERSION_CODENAME=")).unwrap_or_default();
    let is_debian = release.lines().any(|line| line == "ID=debian");
    let files = ["/etc/apt/sources.list.d", "/etc/apt"].iter().flat_map(|folder| fs::read_dir(folder).ok());
    let texts = files.flatten().flatten().filter_map(|file| {
        let path = file.path();
        let is_one = path.extension().is_some_and(|extension| extension == "sources" || extension == "list");
        is_one.then(|| fs::read_to_string(path).ok()).flatten()
    });
    let mirror = texts.filter_map(|text| of(&text, suite)).find(|_| is_debian);
    mirror.with_context(|| format!("/etc/apt names no mirror of Debian's: name one by {MIRROR}=URL"))
}

/// The mirror of a suite in a file of sources: `Name: value` in paragraphs, or a line for each.
fn of(sources: &str, suite: &str) -> Option<String> {
    let has = |suites: &str| suites.split_whitespace().any(|one| one == suite);
    let paragraphs = sources.split("\n\n").filter_map(|paragraph| {
        let field = |name: &str| paragraph.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        let (suites, uris) = (field("Suites")?, field("URIs")?);
        (has(suites) && field("Types")?.contains("deb")).then(|| uris.split_whitespace().next()).flatten()
    });
    let lines = sources.lines().filter_map(|line| {
        let line = line.strip_prefix("deb ")?.trim_start();
        let line = if line.starts_with('[') { line.split_once(']')?.1 } else { line };
        let mut words = line.split_whitespace();
        let uri = words.next()?;
        words.next().is_some_and(has).then_some(uri)
    });
    paragraphs.chain(lines).next().map(str::to_owned)
}

/// The proxies that this machine's apt goes by, as options of mmdebstrap's.
pub fn proxies() -> Vec<String> {
    let settings = output("apt-config", &["dump"]).unwrap_or_default();
    let is_proxy = |line: &&str| line.starts_with("Acquire::") && line.contains("::Proxy \"") && !line.contains("\"\"");
    settings.lines().filter(is_proxy).map(|line| format!("--aptopt={line}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mirror_is_found_in_both_kinds_of_files() {
        let paragraphs = "# a\nTypes: deb\nURIs: http://a.example/security\nSuites: one-security\n\n\
                          Types: deb\nURIs: http://a.example/debian\nSuites: one one-updates\nComponents: main\n";
        assert_eq!(of(paragraphs, "one").as_deref(), Some("http://a.example/debian"));
        let lines = "# deb http://x.example one main\ndeb [signed-by=/a b=c] http://a.example/debian one main\n";
        assert_eq!(of(lines, "one").as_deref(), Some("http://a.example/debian"));
        assert_eq!(of(lines, "two"), None);
    }
}
