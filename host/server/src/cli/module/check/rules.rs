//! What the unit forbids that the module needs (systemd.exec(5)).

use std::path::Path;

use super::{Findings, Subject};

/// What hides paths.
const HIDE: [&str; 3] = ["InaccessiblePaths", "InaccessibleDirectories", "TemporaryFileSystem"];
/// What shows them again.
const SHOW: [&str; 2] = ["BindPaths", "BindReadOnlyPaths"];
/// System calls with which a socket is connected, and sets of calls that have them.
const CALLS: [(&str, &[&str]); 2] =
    [("socket", &["@network-io", "@system-service"]), ("connect", &["@network-io", "@system-service"])];

pub(super) fn look(subject: &Subject<'_>, findings: &mut Findings) {
    let before = findings.troubles;
    families(subject, findings);
    users(subject, findings);
    other_root(subject, findings);
    calls(subject, findings);
    paths(subject, findings);
    no_execution(subject, findings);
    if findings.troubles == before {
        findings.well("its unit forbids nothing that the module needs");
    }
}

fn rule(findings: &mut Findings, rule: &str, file: &Path, why: &str, then: &str) {
    findings.trouble(format_args!("{}: `{rule}`: {why}", file.display()), then);
}

fn families(subject: &Subject<'_>, findings: &mut Findings) {
    let says = subject.unit.list("RestrictAddressFamilies");
    let (mut allowed, mut of) = (None, None);
    for (value, file) in says {
        let (denied, names) = value.strip_prefix('~').map_or((false, value), |names| (true, names));
        // The first line says what the others add to.
        let unix = allowed.get_or_insert(denied);
        if value == "none" || names.split_whitespace().any(|name| name == "AF_UNIX" || name == "AF_LOCAL") {
            *unix = !denied && value != "none";
        }
        of = Some((value, file));
    }
    if let (Some(false), Some((value, file))) = (allowed, of) {
        let rule_said = format!("RestrictAddressFamilies={value}");
        let then = "add a drop-in with `[Service] RestrictAddressFamilies=AF_UNIX`";
        rule(findings, &rule_said, file, "the module cannot make a Unix socket", then);
    }
}

fn users(subject: &Subject<'_>, findings: &mut Findings) {
    // `identity` leaves users their numbers.
    let (value, file) = subject.unit.last("PrivateUsers").unwrap_or(("no", Path::new("")));
    if !["0", "no", "n", "false", "f", "off", "identity"].contains(&value.to_ascii_lowercase().as_str()) {
        let why = "the agent is shown as user 65534 there, who may be anybody and is never trusted";
        rule(findings, &format!("PrivateUsers={value}"), file, why, "add a drop-in with `[Service] PrivateUsers=no`");
    }
}

fn other_root(subject: &Subject<'_>, findings: &mut Findings) {
    for key in ["RootDirectory", "RootImage"] {
        if let Some((value, file)) = subject.unit.last(key)
            && value != "/"
        {
            let needs: Vec<String> = subject.needs().iter().map(|(path, _)| path.display().to_string()).collect();
            let then = format!("add a drop-in with `[Service] BindReadOnlyPaths=` of them: {}", needs.join(" "));
            let why = "nothing of the machine's is seen there, neither the module nor the agent's socket";
            rule(findings, &format!("{key}={value}"), file, why, &then);
        }
    }
}

fn calls(subject: &Subject<'_>, findings: &mut Findings) {
    let says = subject.unit.list("SystemCallFilter");
    for (call, sets) in CALLS {
        let (mut allowed, mut of) = (None, None);
        for (value, file) in &says {
            let (denied, names) = value.strip_prefix('~').map_or((false, *value), |names| (true, names));
            let allows = allowed.get_or_insert(denied);
            let named = |name: &str| name == call || sets.contains(&name);
            if names.split_whitespace().any(|name| named(name.split(':').next().unwrap_or(name))) {
                *allows = !denied;
                of = Some((*value, *file));
            } else if !*allows && of.is_none() {
                of = Some((*value, *file));
            }
        }
        if let (Some(false), Some((value, file))) = (allowed, of) {
            let why = format!("the module may not call {call}(), and the process may be killed for it");
            let then = "add a drop-in with `[Service] SystemCallFilter=@network-io`";
            rule(findings, &format!("SystemCallFilter={value}"), file, &why, then);
            return;
        }
    }
}

fn paths(subject: &Subject<'_>, findings: &mut Findings) {
    let unit = subject.unit;
    let shown: Vec<&str> = SHOW.iter().flat_map(|key| unit.list(key)).flat_map(|(value, _)| paths_of(value)).collect();
    for (path, what) in subject.needs() {
        let seen = shown.iter().any(|shown| path.starts_with(shown));
        let mut hides =
            HIDE.iter().flat_map(|key| unit.list(key).into_iter().map(move |(value, file)| (*key, value, file)));
        let found = hides.rfind(|(_, value, _)| paths_of(value).any(|hidden| path.starts_with(hidden)));
        if let (Some((key, value, file)), false) = (found, seen) {
            let why = format!("{what} ({}) is hidden", path.display());
            let then = format!("add a drop-in with `[Service] BindReadOnlyPaths={}`", folder_of(path).display());
            rule(findings, &format!("{key}={value}"), file, &why, &then);
        }
        for (key, folders) in
            [("ProtectHome", &["/home", "/root", "/run/user"][..]), ("PrivateTmp", &["/tmp", "/var/tmp"])]
        {
            // `read-only` hides nothing.
            let hides = unit.last(key).filter(|(value, _)| !["no", "false", "0", "off", "read-only"].contains(value));
            if let (Some((value, file)), false) = (hides, seen)
                && folders.iter().any(|folder| path.starts_with(folder))
            {
                let why = format!("{what} ({}) is hidden", path.display());
                rule(
                    findings,
                    &format!("{key}={value}"),
                    file,
                    &why,
                    "put it elsewhere: /usr/lib/reprise, /run/reprise",
                );
            }
        }
    }
}

/// Each agent makes its socket again: its folder is what can be shown.
fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| folder.components().count() > 2).unwrap_or(path)
}

fn no_execution(subject: &Subject<'_>, findings: &mut Findings) {
    let module = &subject.configured.module;
    let longest = |key| {
        let lists = subject.unit.list(key).into_iter();
        let paths = lists.flat_map(|(value, file)| paths_of(value).map(move |path| (path, file)));
        paths.filter(|(path, _)| module.starts_with(path)).max_by_key(|(path, _)| path.len())
    };
    let (Some((path, file)), executable) = (longest("NoExecPaths"), longest("ExecPaths")) else { return };
    if executable.is_none_or(|(executable, _)| executable.len() < path.len()) {
        let then = format!("add a drop-in with `[Service] ExecPaths={}`", module.display());
        rule(findings, &format!("NoExecPaths={path}"), file, "the module's code may not be run", &then);
    }
}

/// The paths in a list, without what stands before and behind each.
fn paths_of(value: &str) -> impl Iterator<Item = &str> {
    let paths = value.split_whitespace().map(|path| path.trim_matches('"').trim_start_matches(['-', '+']));
    paths.map(|path| {
        let mut parts = path.split(':');
        let (first, second) = (parts.next().unwrap_or_default(), parts.next());
        // `from:to` is about the second; `path:options` about the first.
        second.filter(|second| second.starts_with('/')).unwrap_or(first)
    })
}
