//! What the machine is, and who we are on it.

use std::{fs, path::Path};

use crate::run;

/// Whose packages a system takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum System {
    /// Debian, Ubuntu and what comes of them: `apt-get`.
    Debian,
    /// Fedora, RHEL and theirs: `dnf`.
    Fedora,
    /// Alpine: `apk`.
    Alpine,
    /// Arch: `pacman`.
    Arch,
    /// macOS, with Homebrew.
    MacOs,
    /// Anything else.
    Other,
}

/// What decides whether something may be installed, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Machine {
    pub system: System,
    pub root: bool,
}

impl Machine {
    /// This one.
    pub fn here() -> Self {
        let release = fs::read_to_string("/etc/os-release").unwrap_or_default();
        let system = if cfg!(target_os = "macos") { System::MacOs } else { System::of_release(&release) };
        Self { system, root: run::output("id", &["-u"]).as_deref() == Some("0") }
    }

    /// Whether packages may be installed without asking: as root, by `apt-get`. Elsewhere the user does it.
    pub fn installs(&self) -> bool {
        self.root && self.system == System::Debian && Path::new("/usr/bin/apt-get").exists()
    }
}

impl System {
    /// By the text of os-release(5).
    fn of_release(release: &str) -> Self {
        let field = |name: &str| {
            let value = release.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
            value.unwrap_or("").trim_matches(['"', '\'']).to_owned()
        };
        let names = format!("{} {}", field("ID"), field("ID_LIKE"));
        let known = names.split_whitespace().find_map(|name| match name {
            "debian" | "ubuntu" => Some(System::Debian),
            "fedora" | "rhel" | "centos" => Some(System::Fedora),
            "alpine" => Some(System::Alpine),
            "arch" => Some(System::Arch),
            _ => None,
        });
        known.unwrap_or(System::Other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_system_is_known_by_its_own_name_or_by_its_family() {
        for (release, system) in [
            ("NAME=\"Debian GNU/Linux\"\nID=debian\n", System::Debian),
            ("ID=linuxmint\nID_LIKE=\"ubuntu debian\"\n", System::Debian),
            ("ID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"\n", System::Fedora),
            ("ID=alpine\n", System::Alpine),
            ("ID=nixos\n", System::Other),
            ("VERSION_ID=debian\n", System::Other),
            ("", System::Other),
        ] {
            assert_eq!(System::of_release(release), system, "{release}");
        }
    }
}
