//! The files that make a server load the module, and what stands there.
//!
//! - `configured`: what the file of a server that is enabled says

pub(super) mod configured;

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::{
    names::Server,
    root::{
        Root,
        ours::{Found, found},
    },
    service::{apache, nginx},
};

/// Where configurations are.
const FOLDER: &str = "/etc/reprise";
const UNITS: &str = "/etc/systemd/system";
const DROP_IN: &str = "reprise.conf";

/// A server's files.
#[derive(Clone, Debug)]
pub(super) struct Files {
    /// What OPENSSL_CONF names.
    pub(super) conf: PathBuf,
    /// What sets it.
    pub(super) drop_in: PathBuf,
    /// The same for a unit that has it from a file of variables, which count more.
    pub(super) variables: PathBuf,
    /// What keeps it over nginx's binary upgrades.
    pub(super) snippet: Option<PathBuf>,
    /// Where httpd has its variables from: the one file that is not ours.
    pub(super) envvars: Option<PathBuf>,
}

impl Files {
    pub(super) fn of(server: &Server) -> Self {
        let folder = Path::new(FOLDER);
        Self {
            conf: folder.join(format!("{server}.cnf")),
            drop_in: Path::new(UNITS).join(format!("{}.d", server.unit())).join(DROP_IN),
            variables: folder.join(format!("{server}.env")),
            snippet: (server.name() == "nginx").then(|| nginx::SNIPPET.into()),
            envvars: apache::file(server),
        }
    }

    /// Those that are ours as a whole. What names another comes before it, so that none is named that is gone.
    pub(super) fn whole(&self) -> impl Iterator<Item = &Path> {
        let snippet = self.snippet.as_deref();
        snippet.into_iter().chain([&*self.drop_in, &*self.variables, &*self.conf])
    }

    /// The value of OPENSSL_CONF.
    pub(super) fn value(&self) -> &str {
        self.conf.to_str().expect("a server's name is ASCII")
    }

    /// Files as they would be without ours.
    ///
    /// # Errors
    /// One cannot be read.
    pub(super) fn without(&self, root: &Root) -> Result<Root> {
        let mut without = root.clone();
        for path in self.whole() {
            if matches!(found(root, path)?, Found::Ours(_) | Found::Changed(_)) {
                without = without.with(path, None);
            }
        }
        if let Some(path) = &self.envvars
            && let Some(text) = root.read(path)?
        {
            without = without.with(path, Some(apache::without_line(&text)));
        }
        Ok(without)
    }

    /// Whether any of them is ours.
    ///
    /// # Errors
    /// One cannot be read.
    pub(super) fn any(&self, root: &Root) -> Result<bool> {
        for path in self.whole() {
            if matches!(found(root, path)?, Found::Ours(_) | Found::Changed(_)) {
                return Ok(true);
            }
        }
        let Some(path) = &self.envvars else { return Ok(false) };
        Ok(root.read(path)?.is_some_and(|text| apache::line(&text).is_some()))
    }
}

/// The servers of which any file is ours, in order.
///
/// # Errors
/// One cannot be read.
pub(super) fn enabled(root: &Root) -> Result<Vec<Server>> {
    let confs = root.names(FOLDER.as_ref()).into_iter();
    let mut names: Vec<String> =
        confs.filter_map(|name| name.strip_suffix(".cnf").or(name.strip_suffix(".env")).map(str::to_owned)).collect();
    let units = root.names(UNITS.as_ref()).into_iter();
    names.extend(units.filter_map(|name| name.strip_suffix(".service.d").map(str::to_owned)));
    names.extend(["nginx", "apache2"].map(str::to_owned));
    let mut servers: Vec<Server> = names.iter().filter_map(|name| name.parse().ok()).collect();
    servers.sort();
    servers.dedup();
    let mut enabled = Vec::new();
    for server in servers {
        if Files::of(&server).any(root)? {
            enabled.push(server);
        }
    }
    Ok(enabled)
}
