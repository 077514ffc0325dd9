//! What this machine forbids: chroot, AppArmor, SELinux; and what FIPS is about.

use std::{fs, path::Path};

use super::{Findings, Subject};
use crate::cli::module::{root::Root, service::processes};

const HAPROXY: &str = "/etc/haproxy/haproxy.cfg";
const PROFILES: &str = "/sys/kernel/security/apparmor/profiles";
const RULES: &str = "/etc/apparmor.d";

pub(super) fn look(subject: &Subject<'_>, findings: &mut Findings) {
    chroot(subject, findings);
    if subject.root.is_machine() {
        app_armor(subject, findings, &fs::read_to_string(PROFILES).unwrap_or_default());
        if fs::read_to_string("/sys/fs/selinux/enforce").is_ok_and(|state| state.trim() == "1") {
            findings.note(format_args!(
                "SELinux is enforcing: if nothing resumes, `ausearch -m avc -ts recent` says whether {} was kept from {}",
                subject.server,
                subject.configured.socket.display()
            ));
        }
    }
    fips(subject, findings);
}

/// HAProxy leaves the file system, and the socket's path with it.
fn chroot(subject: &Subject<'_>, findings: &mut Findings) {
    if subject.unit.program().as_deref().and_then(processes::name) != Some("haproxy") {
        return;
    }
    let environment = subject.unit.environment(subject.root).unwrap_or_default();
    let file = environment.get("CONFIG").map_or(HAPROXY, |(file, _)| file);
    let text = subject.root.read(file.as_ref()).ok().flatten().unwrap_or_default();
    let Some(folder) = text.lines().find_map(|line| line.trim().strip_prefix("chroot ")) else { return };
    let why = format!("{file}: `chroot {}`: the agent's socket has no path there", folder.trim());
    let by_name = "the module finds the agent by its name in the network namespace instead";
    let network = subject.unit.says_yes("PrivateNetwork");
    match &subject.configured.secret {
        _ if network.is_some() => findings.trouble(
            format_args!("{why}, and `PrivateNetwork=yes` gives the service a network namespace of its own"),
            "add a drop-in with `[Service] PrivateNetwork=no`, or take `chroot` out",
        ),
        None => findings.trouble(
            format_args!("{why}; {by_name}, and trusts it by a secret, which the configuration does not name"),
            format_args!("reprise module enable {}", subject.server),
        ),
        Some(secret) if !subject.root.exists(secret) => findings.trouble(
            format_args!("{why}; {by_name}, and trusts it by {}, which is not there", secret.display()),
            "start the agent, which makes it; then restart the service",
        ),
        Some(secret) => match subject.user() {
            Some(user) => findings.trouble(
                format_args!("{why}; {by_name}, and trusts it by {}, which user {user} cannot read", secret.display()),
                "have the service started as root (it gives that up by itself), or take `chroot` out",
            ),
            None => {
                findings.note(format_args!("{why}; {by_name}, and reads {} at its start, as root", secret.display()))
            }
        },
    }
}

/// A profile that is enforced, and has no rule for Reprise as far as files say.
pub(super) fn app_armor(subject: &Subject<'_>, findings: &mut Findings, profiles: &str) {
    let program = subject.unit.program();
    let named = subject.unit.last("AppArmorProfile").map(|(name, _)| name.trim_start_matches('-'));
    let path = program.as_deref().and_then(Path::to_str).unwrap_or_default();
    let short = program.as_deref().and_then(processes::name).unwrap_or_default();
    let applies =
        |name: &str| Some(name) == named || name == path || name == short || name.rsplit('/').next() == Some(short);
    let enforced = profiles.lines().filter_map(|line| line.strip_suffix(" (enforce)"));
    let Some(profile) = enforced.into_iter().find(|name| applies(name)) else { return };
    let file = profile.trim_start_matches('/').replace('/', ".");
    let has = |path: &str| subject.root.read(path.as_ref()).ok().flatten().is_some_and(|text| text.contains("reprise"));
    if [format!("{RULES}/{file}"), format!("{RULES}/local/{file}")].iter().any(|path| has(path)) {
        findings.note(format_args!("AppArmor: profile {profile} is enforced, and has rules for Reprise"));
        return;
    }
    let mut rules = String::new();
    for (path, what) in subject.needs() {
        let access = match what {
            "the module" => "mr",
            "the agent's socket" => "rw",
            _ => "r",
        };
        rules += &format!("{} {access}, ", path.display());
    }
    rules += "unix (create, connect, send, receive) type=seqpacket,";
    let then = format!("add to {RULES}/local/{file}, then `systemctl reload apparmor`: {rules}");
    findings.trouble(format_args!("AppArmor: profile {profile} is enforced, and has no rule for Reprise"), then);
}

/// What is true of session ids where the FIPS provider is what OpenSSL has.
fn fips(subject: &Subject<'_>, findings: &mut Findings) {
    let conf = &subject.configured.in_force;
    let yes = |value: &str| ["1", "yes", "on", "true"].contains(&value.to_ascii_lowercase().as_str());
    let provider = conf.said().any(|(_, name, section)| {
        name == "fips" && conf.value(section, "activate").or(conf.value(section, ".activate")).is_some_and(yes)
    });
    let asked =
        conf.said().any(|(_, name, value)| name == "default_properties" && value.replace(' ', "").contains("fips=yes"));
    let kernel = subject.root.is_machine() && of_kernel(subject.root);
    if provider || asked || kernel {
        findings.note(
            "FIPS is in force: TLS and its keys stay OpenSSL's. A session id is a name and protects nothing: 16 random bytes of \
             OpenSSL's, and SipHash-2-4 of them by code of Reprise's own, which no provider is asked for and none hinders",
        );
        findings.note(
            "FIPS: what the agent stores on disk or in Redis it seals with XChaCha20-Poly1305, also by code of its own, and not \
             of a validated module; a store in memory seals nothing",
        );
    }
}

fn of_kernel(root: &Root) -> bool {
    root.read("/proc/sys/crypto/fips_enabled".as_ref()).ok().flatten().is_some_and(|state| state.trim() == "1")
}
