//! What dpkg is told of the package.

use std::{
    env,
    time::{SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, Result};

use super::elf::Elf;
use crate::{Workspace, run::output};

/// What the package is.
pub struct About {
    version: String,
    architecture: String,
    maintainer: String,
    /// When its sources were, in seconds since 1970.
    pub time: String,
}

impl About {
    pub fn of(workspace: &Workspace) -> Result<Self> {
        let architecture = output("dpkg", &["--print-architecture"]).context("dpkg does not name the architecture")?;
        let name = |variable: &str, otherwise: &str| env::var(variable).unwrap_or_else(|_| otherwise.to_owned());
        // Debian's tools know whoever packages by these.
        let maintainer = format!(
            "{} <{}>",
            name("DEBFULLNAME", "The Reprise authors"),
            name("DEBEMAIL", "reprise@packages.invalid")
        );
        let root = workspace.root.to_str().context("the workspace's path is no UTF-8")?;
        let committed = || output("git", &["-C", root, "log", "-1", "--format=%ct"]);
        // Where nobody says of which time the sources are, they are of now.
        let now = || SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()).to_string();
        let time = env::var("SOURCE_DATE_EPOCH").ok().or_else(committed).unwrap_or_else(now);
        let version = env!("CARGO_PKG_VERSION").to_owned();
        Ok(Self { version, architecture, maintainer, time })
    }

    /// The package's file.
    pub fn file(&self) -> String {
        format!("reprise_{}_{}.deb", self.version, self.architecture)
    }

    pub fn changelog(&self) -> String {
        let date = output("date", &["--utc", "--rfc-email", &format!("--date=@{}", self.time)]).unwrap_or_default();
        format!(
            "reprise ({}) unstable; urgency=medium\n\n  * See CHANGELOG.md of the sources.\n\n -- {}  {date}\n",
            self.version, self.maintainer
        )
    }

    pub fn control(&self, program: &Elf, module: &Elf, size: u64) -> String {
        let highest = |whose: &str| program.highest(whose).max(module.highest(whose));
        let (glibc, openssl) = (highest("GLIBC"), highest("OPENSSL"));
        let Self { version, architecture, maintainer, .. } = self;
        // procps has the /bin/kill of the unit's ExecReload.
        format!(
            "Package: reprise
Version: {version}
Architecture: {architecture}
Maintainer: {maintainer}
Installed-Size: {size}
Depends: libssl3 (>= {openssl}) | libssl3t64 (>= {openssl}), libc6 (>= {glibc}), libgcc-s1, adduser, procps
Section: net
Priority: optional
Description: TLS session caching decided by WebAssembly policies
 Sessions of nginx, HAProxy, Apache httpd and other servers on this system's
 OpenSSL are kept and resumed as policies say, in TLS 1.2 and 1.3, over
 reloads and restarts. The servers stay as they are: their OpenSSL loads a
 module, which asks an agent, one process for the whole machine.
 .
 The package does nothing to a server until \"reprise module\" is told to.
"
        )
    }
}
