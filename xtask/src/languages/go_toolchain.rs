//! Go, where the machine has none that is new enough: Debian 12 has 1.19, which cannot compile for WASI.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};

use super::toolchains::{folder, installed};
use crate::{
    Workspace,
    requirements::{Requirement, ensure},
    run::{output, run},
};

/// What `plugin-sdk/go/go.mod` wants.
const LEAST: u32 = 25;

/// Downloads an archive, holds it against its sum, and unpacks it without the folder that
/// everything in it is in. An archive of modules has no permissions, so programs are made ones.
const UNPACK: &str = r#"
import hashlib, io, os, sys, urllib.request, zipfile

url, expected, place = sys.argv[1:]
archive = urllib.request.urlopen(url, timeout=600).read()
found = hashlib.sha256(archive).hexdigest()
if found != expected:
    sys.exit(f"{url}: expected the SHA-256 {expected}, found {found}")
with zipfile.ZipFile(io.BytesIO(archive)) as files:
    for name in files.namelist():
        path = name.split("@", 1)[1].split("/", 1)[1]
        target = os.path.join(place, path)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        with open(target, "wb") as file:
            file.write(files.read(name))
        if path.startswith(("bin/", "pkg/tool/")):
            os.chmod(target, 0o755)
"#;

/// Makes sure that there is a Go: the user's, or one under target/languages.
pub(super) fn ensure_go(workspace: &Workspace) -> Result<()> {
    if users_is_new_enough() {
        return Ok(());
    }
    ensure(&[Requirement::Python])?;
    let pins = workspace.path("xtask/languages/go.txt");
    let text = std::fs::read_to_string(&pins)?;
    let (os, machine) = (env::consts::OS, env::consts::ARCH);
    let (url, sum) = pinned(&text, &format!("{os}-{machine}"), env::var("GOPROXY").ok().as_deref())
        .with_context(|| format!("there is no Go 1.{LEAST} or later here. Install one: https://go.dev/dl"))?;
    installed(&place(&workspace.root), &[&pins], |place| {
        run(Command::new("python3").args(["-c", UNPACK, &url, &sum]).arg(place))
    })
    .with_context(|| format!("Go could not be installed from {url}. Install Go 1.{LEAST} or later: https://go.dev/dl"))
}

/// The folder with the `go` that was installed, if the user's is not used.
pub(super) fn programs(root: &Path) -> Option<PathBuf> {
    let programs = place(root).join("bin");
    (programs.exists() && !users_is_new_enough()).then_some(programs)
}

fn place(root: &Path) -> PathBuf {
    folder(root).join("go")
}

fn users_is_new_enough() -> bool {
    output("go", &["env", "GOVERSION"]).is_some_and(|version| is_new_enough(&version))
}

fn is_new_enough(version: &str) -> bool {
    let minor = version.strip_prefix("go1.").and_then(|rest| rest.split(|c: char| !c.is_ascii_digit()).next());
    minor.is_some_and(|minor| minor.parse().is_ok_and(|minor: u32| minor >= LEAST))
}

/// Where this system's archive is, and its sum.
fn pinned(pins: &str, system: &str, proxies: Option<&str>) -> Option<(String, String)> {
    let proxy = proxies.and_then(|proxies| proxies.split([',', '|']).find(|proxy| proxy.starts_with("https://")));
    let proxy = proxy.unwrap_or("https://proxy.golang.org").trim_end_matches('/');
    pins.lines().find_map(|line| match line.split(' ').collect::<Vec<_>>()[..] {
        [version, found, archive, sum] if found == system => {
            Some((format!("{proxy}/golang.org/toolchain/@v/{version}.{archive}.zip"), sum.to_owned()))
        }
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_go_is_not_used() {
        assert!(is_new_enough("go1.25.4") && is_new_enough("go1.26rc1"));
        assert!(!is_new_enough("go1.19.8") && !is_new_enough("go1.2.5") && !is_new_enough("none"));
    }

    #[test]
    fn an_archive_is_that_of_the_system_by_the_users_proxy() {
        let pins = "# Text.\nv1 linux-x86_64 linux-amd64 aa\nv1 linux-aarch64 linux-arm64 bb\n";
        let (url, sum) = pinned(pins, "linux-aarch64", Some("off,https://proxy.example/,direct")).unwrap();
        assert_eq!((&*url, &*sum), ("https://proxy.example/golang.org/toolchain/@v/v1.linux-arm64.zip", "bb"));
        assert!(pinned(pins, "linux-x86_64", None).unwrap().0.starts_with("https://proxy.golang.org/"));
        assert_eq!(pinned(pins, "windows-x86_64", None), None);
    }
}
