//! Whether the module would be loaded: its file, the server's OpenSSL, and what OpenSSL itself says.

use std::{
    fs,
    io::Write as _,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};

use reprise_session::reading;

use super::{Findings, Subject};
use crate::cli::module::{root::Root, service::processes};

/// The largest program that is looked into.
const MOST: u64 = 256 << 20;
/// What the module needs of OpenSSL.
const LIBRARY: &str = "libssl.so.3";

pub(super) fn look(subject: &Subject<'_>, findings: &mut Findings) {
    if module(subject, findings) {
        openssl(subject, findings);
    }
    server(subject, findings);
}

/// Whether its file is one that can be loaded.
fn module(subject: &Subject<'_>, findings: &mut Findings) -> bool {
    let path = &subject.configured.module;
    let (shown, at) = (path.display(), subject.root.at(path));
    let install = "install the package, or name the file with `reprise module enable --module FILE`";
    let bytes = match reading::read(&at, MOST) {
        Ok(whole) => whole.bytes,
        Err(error) => {
            let why = error.into_io();
            findings.trouble(format_args!("{shown} cannot be read: {why}; the server serves as without it"), install);
            return false;
        }
    };
    if !bytes.starts_with(b"\x7fELF") || !contains(&bytes, b"OPENSSL_init\0") {
        findings.trouble(
            format_args!("{shown} is no OpenSSL module: expected a shared library with OPENSSL_init"),
            install,
        );
        return false;
    }
    let closed = closed_to_others(subject.root, path);
    if let (Some(user), Some(closed)) = (subject.user(), closed) {
        let what = format!("user {user} cannot read {}, and the module is loaded as that user", closed.display());
        findings.trouble(what, format_args!("chmod o+rX {}", closed.display()));
        return false;
    }
    findings.well(format_args!("{shown} is there"));
    true
}

/// What on the way to a file lets others not through.
fn closed_to_others(root: &Root, path: &Path) -> Option<PathBuf> {
    let mut ways: Vec<&Path> = path.ancestors().collect();
    ways.reverse();
    let closed = |way: &&Path| {
        let needed = if *way == path { 0o004 } else { 0o001 };
        fs::metadata(root.at(way)).is_ok_and(|about| about.permissions().mode() & needed == 0)
    };
    ways.into_iter().find(closed).map(Path::to_owned)
}

/// Has OpenSSL load it, in a program that says what went wrong.
fn openssl(subject: &Subject<'_>, findings: &mut Findings) {
    if !subject.root.is_machine() {
        return;
    }
    let conf = subject.files.value();
    let Ok(mut file) = tempfile::NamedTempFile::new() else { return };
    // Servers go on in silence; with this, the `openssl` program does not.
    if file.write_all(format!("config_diagnostics = 1\n.include {conf}\n").as_bytes()).is_err() {
        return;
    }
    match Command::new("openssl").args(["rand", "-hex", "1"]).env("OPENSSL_CONF", file.path()).output() {
        Err(_) => findings.note("there is no `openssl` program to try with whether OpenSSL loads it"),
        Ok(ran) if ran.status.success() => findings.well(format_args!("OpenSSL loads it by {conf}")),
        Ok(ran) => {
            let said = String::from_utf8_lossy(&ran.stderr);
            let said: Vec<&str> = said.lines().map(str::trim).filter(|line| !line.is_empty()).take(4).collect();
            let what = format!("OpenSSL does not load it by {conf}: {}", said.join(" | "));
            findings.trouble(what, "what is named there is missing, or another one than the module was made for");
        }
    }
}

/// Whether the server has an OpenSSL that loads modules.
fn server(subject: &Subject<'_>, findings: &mut Findings) {
    let Some(program) = subject.unit.program() else { return };
    let at = subject.root.at(&program);
    if let Ok(about) = fs::metadata(&at)
        && about.permissions().mode() & 0o6000 != 0
    {
        let what = format!("{} is setuid or setgid: OpenSSL ignores OPENSSL_CONF there", program.display());
        findings.trouble(what, "the module cannot be used in it");
    }
    // Where its TLS is.
    let linked = match processes::name(&program) {
        Some("apache2") => Path::new("/usr/lib/apache2/modules/mod_ssl.so"),
        Some(_) => &*program,
        None => return,
    };
    let Ok(whole) = reading::read(&subject.root.at(linked), MOST) else { return };
    let shown = linked.display();
    if contains(&whole.bytes, b"\0libssl.so.3\0") {
        findings.well(format_args!("{shown} has the system's OpenSSL ({LIBRARY})"));
    } else if contains(&whole.bytes, b"\0libssl.so.1.1\0") {
        findings
            .trouble(format_args!("{shown} has OpenSSL 1.1.1"), format_args!("the module needs OpenSSL 3 ({LIBRARY})"));
    } else {
        findings.note(format_args!(
            "{shown} does not name {LIBRARY}: it may load it later, or have a TLS of its own, where no module is loaded"
        ));
    }
}

fn contains(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|window| window == wanted)
}
