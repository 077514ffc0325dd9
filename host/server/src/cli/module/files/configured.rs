//! What the file of a server that is enabled says.

use std::path::PathBuf;

use anyhow::{Context, Result};

use super::Files;
use crate::cli::module::{
    openssl_cnf::{in_force::InForce, written::SECTION},
    root::Root,
};

/// Its settings.
#[derive(Debug)]
pub(in crate::cli::module) struct Configured {
    pub(in crate::cli::module) module: PathBuf,
    pub(in crate::cli::module) socket: PathBuf,
    pub(in crate::cli::module) secret: Option<PathBuf>,
    pub(in crate::cli::module) agent: Option<u32>,
    pub(in crate::cli::module) observe: bool,
    /// All that the server's OpenSSL reads.
    pub(in crate::cli::module) in_force: InForce,
}

impl Configured {
    /// # Errors
    /// It is not there, or no configuration of ours.
    pub(in crate::cli::module) fn read(root: &Root, files: &Files) -> Result<Self> {
        let shown = files.conf.display();
        let conf = root.exists(&files.conf).then(|| files.conf.clone()).with_context(|| {
            format!("{shown} is not there, and OPENSSL_CONF names it: without it not even the system's settings hold")
        })?;
        let in_force = InForce::under(root, Some(conf), None)?;
        let value = |name| in_force.value(SECTION, name).map(str::to_owned);
        let needed = |name| value(name).with_context(|| format!("{shown}: `{name} =` is missing under [{SECTION}]"));
        Ok(Self {
            module: needed("path")?.into(),
            socket: needed("socket")?.into(),
            secret: value("secret").map(PathBuf::from),
            agent: value("agent").and_then(|number| number.parse().ok()),
            observe: value("observe").is_some_and(|value| value == "yes"),
            in_force,
        })
    }
}
