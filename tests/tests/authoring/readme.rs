//! README.md, and then docs/serve.md, as a user types them: every command, in order, in one folder that was empty, by bash;
//! what it prints is held against what the page says of it.

use std::{
    env,
    fs::{self, Permissions},
    io::{Read, Write},
    net::TcpListener,
    os::unix::{fs::PermissionsExt, process::CommandExt},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Arc,
};

use reprise_tests::{Log, built};
use tempfile::TempDir;

use super::{in_author_environment, toolchains};

/// What a command of the page is, and what it prints.
enum Step {
    /// It ends, well, and prints these words.
    Prints(&'static [&'static str]),
    /// It asks for a password this often, gets one, and prints these words.
    Asks(usize, &'static [&'static str]),
    /// A server, in a terminal of its own: it says these words (`…` is anything), and stays until
    /// the next one is started, which needs its port.
    Serves(&'static [&'static str]),
    /// It ends, well, and the server that runs says these words.
    HasServerSay(&'static [&'static str]),
    /// Another command is run in its place, for this reason.
    Instead(&'static str, #[allow(dead_code, reason = "it is for the reader")] &'static str),
}

use Step::{Asks, HasServerSay, Instead, Prints, Serves};

/// Each command up to its comment, and what comes of it. One that is not here fails the test.
const STEPS: &[(&str, Step)] = &[
    ("cargo xtask package", Instead("true", "another test makes one")),
    ("cargo xtask plugins", Prints(&[])),
    (
        "apt install ./target/package/reprise_0.1.0_amd64.deb",
        Instead("true", "`cargo xtask debian --test` installs it, elsewhere"),
    ),
    ("reprise module enable nginx --observe", Instead("true", "it writes to this machine's /etc; see `enabled`")),
    ("systemctl restart nginx", Instead("true", "no systemd runs here")),
    ("reprise status", Instead("true", "no agent runs here yet; see `standing`")),
    ("reprise module enable nginx", Instead("true", "as above")),
    ("systemctl restart nginx", Instead("true", "as above")),
    (
        "cp target/policies/lifetimes.wasm /etc/reprise/policies/20-lifetimes.wasm",
        Instead("test -f target/policies/lifetimes.wasm", "as above"),
    ),
    ("cargo xtask serve", Serves(&["listening on ", "policy is live … policy=\"tenants\""])),
    ("cargo xtask test", Instead("true", "this is one of the tests that it runs")),
    (
        "openssl s_client -connect 127.0.0.1:8443 -servername localhost -ign_eof -sess_out session.pem <<< 'GET /connection HTTP/1.0\n'",
        Prints(&["New, TLSv1.3", "HTTP/1.0 200 OK", "\"resumed\":false", "\"server_name\":\"localhost\""]),
    ),
    (
        "openssl s_client -connect 127.0.0.1:8443 -servername localhost -ign_eof -sess_in session.pem <<< 'GET /connection HTTP/1.0\n'",
        Prints(&["Reused, TLSv1.3", "HTTP/1.0 200 OK", "\"resumed\":true"]),
    ),
    ("export PATH=\"$PWD/target/release:$PATH\"", Prints(&[])),
    (
        "reprise check target/policies/lifetimes.wasm",
        Prints(&["ok: target/policies/lifetimes.wasm", "policy `lifetimes`"]),
    ),
    (
        "cp target/policies/lifetimes.wasm policies/20-lifetimes.wasm",
        HasServerSay(&["policy is live … policy=\"lifetimes\""]),
    ),
    ("reprise serve --help", Prints(&["--listen", "[default: "])),
    ("reprise new night-watch --lang python", Prints(&["night-watch"])),
    (
        "python3 -m venv night-watch/.venv",
        Instead(
            "ln -s \"$TOOLCHAINS/componentize-py\" night-watch/.venv",
            "what pip installs is there already, pinned",
        ),
    ),
    ("night-watch/.venv/bin/pip install componentize-py==0.25.1", Instead("true", "as above: it needs PyPI")),
    ("reprise build night-watch", Prints(&["night-watch.wasm"])),
    ("reprise test night-watch/night-watch.wasm night-watch/vectors.toml", Prints(&["5 of 5 vectors passed"])),
    ("reprise dev night-watch", Serves(&["listening on ", "live: night-watch, generation 1"])),
    (
        "reprise serve --policies policies --admin 9090",
        Serves(&[
            "admin on http://127.0.0.1:",
            "policy is live … policy=\"tenants\"",
            "policy is live … policy=\"lifetimes\"",
        ]),
    ),
    (
        "reprise status",
        Prints(&[
            "handshakes",
            "misses",
            "store",
            "tenants (10-tenants.wasm)",
            "lifetimes (20-lifetimes.wasm)",
            "failures",
        ]),
    ),
    ("reprise explain", Prints(&["connected", "resumed", "advice"])),
    ("reprise policies quarantine tenants", Prints(&["tenants", "quarantined"])),
    ("reprise revoke --server-name a.example", Prints(&["revoked: server name a.example", "they resume nowhere"])),
    ("reprise keys new keyring", Prints(&["keyring"])),
    ("reprise serve --keyring keyring --store memory --store redis://cache.example", Serves(&["listening on "])),
    ("reprise sign --new-key team", Asks(2, &["made team (secret", "team.pub"])),
    (
        "reprise sign --key team policies/*.wasm",
        Asks(1, &["signed: policies/10-tenants.wasm.sig", "signed: policies/20-lifetimes.wasm.sig"]),
    ),
    (
        "reprise serve --policies policies --policy-keys team.pub --strict",
        Serves(&["listening on ", "policy is live … policy=\"tenants\"", "policy is live … policy=\"lifetimes\""]),
    ),
];

/// Where Cargo and the server are to the user: what `cargo xtask` makes of a checkout is here
/// already, and the ports are free ones.
const CARGO: &str = r#"#!/bin/bash
set -e
case "$*" in
"xtask serve") # xtask/src/serve.rs
  mkdir -p target/release && cp "$STAND_INS/reprise" target/release/reprise
  mkdir policies && cp "$POLICIES/tenants.wasm" policies/10-tenants.wasm
  cp "$WORKSPACE/plugins/tenants/tenants.toml" policies/10-tenants.toml
  exec target/release/reprise serve --policies ./policies ;;
"xtask plugins")
  mkdir -p target/policies && cp "$POLICIES"/*.wasm target/policies ;;
*)
  exec "$CARGO_ITSELF" "$@" ;;
esac
"#;
const REPRISE: &str = r#"#!/bin/bash
case "$1 $*" in
*--help*) exec "$SERVER" "$@" ;;
"serve "*|"dev "*) exec "$SERVER" "$@" --listen "$LISTEN" ;;
*) exec "$SERVER" "$@" ;;
esac
"#;

/// The commands in the page's blocks of shell, each up to its comment. A quote that is open goes on in the next line.
fn commands(page: &str) -> Vec<String> {
    let blocks = page.split("```sh\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    let mut commands: Vec<String> = Vec::new();
    for line in blocks.flat_map(str::lines) {
        match commands.last_mut() {
            Some(open) if is_open(open) => *open += &format!("\n{line}"),
            _ => commands.push(line.split("  #").next().unwrap().split(" #").next().unwrap().trim().to_owned()),
        }
    }
    commands.retain(|command| !command.is_empty());
    commands
}

fn is_open(command: &str) -> bool {
    command.matches('\'').count() % 2 == 1
}

/// A user's folder and terminals.
struct User {
    folder: TempDir,
    behind: TempDir,
    listen: String,
    admin: String,
    server: Option<(Child, Arc<Log>)>,
}

impl User {
    fn new() -> Self {
        let behind = tempfile::tempdir().unwrap();
        for (name, script) in [("cargo", CARGO), ("reprise", REPRISE)] {
            let file = behind.path().join(name);
            fs::write(&file, script).unwrap();
            fs::set_permissions(&file, Permissions::from_mode(0o755)).unwrap();
        }
        fs::write(behind.path().join("environment"), "").unwrap();
        let free = || TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let (listen, admin) = (free().to_string(), free().port().to_string());
        Self { folder: tempfile::tempdir().unwrap(), behind, listen, admin, server: None }
    }

    /// Bash, to run this line in the folder, with what the lines before have exported.
    fn bash(&self, line: &str) -> Command {
        // The user's ports may be taken here.
        let line = line.replace("127.0.0.1:8443", &self.listen).replace("9090", &self.admin);
        let keeping = format!(
            ". \"$STAND_INS/environment\"\n{line}\nstatus=$?\nexport -p > \"$STAND_INS/environment\"\nexit $status"
        );
        let mut bash = Command::new("bash");
        let path = env::var_os("PATH").unwrap_or_default();
        in_author_environment(&mut bash);
        let path =
            bash.get_envs().find(|(name, _)| *name == "PATH").and_then(|(_, path)| path).map_or(path, Into::into);
        let path = env::join_paths([self.behind.path().to_owned()].into_iter().chain(env::split_paths(&path))).unwrap();
        let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let absolute = |path: PathBuf| fs::canonicalize(&path).unwrap_or(path);
        bash.args(["-c", &keeping]).current_dir(self.folder.path()).env("PATH", path);
        bash.env("STAND_INS", self.behind.path()).env("LISTEN", &self.listen).env("SERVER", absolute(built::server()));
        bash.env("POLICIES", absolute(built::policies())).env("WORKSPACE", absolute(workspace));
        bash.env("TOOLCHAINS", absolute(toolchains(""))).env("CARGO_ITSELF", env!("CARGO"));
        bash.env("XDG_STATE_HOME", self.behind.path().join("state"));
        bash
    }

    fn runs(&self, command: &str, words: &[&str]) {
        let done = self.bash(command).stdin(Stdio::null()).output().expect("bash starts");
        let said = [done.stdout, done.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
        assert!(done.status.success(), "{command}: {}\n{said}", done.status);
        says(command, &said, words);
    }

    /// On a terminal, which script(1) makes: where passwords are asked for.
    fn answers(&self, command: &str, times: usize, words: &[&str]) {
        let bash = self.bash(command);
        let inner = bash.get_args().last().unwrap().to_owned();
        fs::write(self.behind.path().join("typed"), inner.as_encoded_bytes()).unwrap();
        let mut terminal = Command::new("script");
        terminal.args(["-qec", "bash \"$STAND_INS/typed\"", "/dev/null"]).current_dir(self.folder.path());
        terminal.envs(bash.get_envs().filter_map(|(name, value)| Some((name, value?))));
        let mut terminal = terminal.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("script(1) is there");
        let (mut keyboard, mut screen) = (terminal.stdin.take().unwrap(), terminal.stdout.take().unwrap());
        let (mut said, mut answered) = (String::new(), 0);
        let mut bytes = [0; 4096];
        loop {
            // A terminal whose program has ended is an error to read, or its end.
            let read = screen.read(&mut bytes).unwrap_or(0);
            said += &String::from_utf8_lossy(&bytes[..read]);
            if said.to_lowercase().matches("password").count() > answered && answered < times && said.ends_with(": ") {
                keyboard.write_all(b"correct horse\n").unwrap();
                answered += 1;
            }
            if read == 0 {
                break;
            }
        }
        drop(keyboard);
        assert!(terminal.wait().unwrap().success() && answered == times, "{command}: {said}");
        says(command, &said, words);
    }

    fn serves(&mut self, command: &str, words: &[&str]) {
        self.stops();
        let mut bash = self.bash(command);
        bash.process_group(0).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut server = bash.spawn().expect("bash starts");
        let log = Log::of(server.stderr.take().unwrap());
        for words in words {
            log.line(&words.split(" … ").collect::<Vec<_>>());
        }
        self.server = Some((server, log));
    }

    /// What the user's Ctrl-C does to the terminal that a server runs in.
    fn stops(&mut self) {
        let Some((mut server, _)) = self.server.take() else { return };
        let group = format!("-{}", server.id());
        assert!(Command::new("kill").args(["-INT", "--", &group]).status().unwrap().success());
        server.wait().unwrap();
    }
}

impl Drop for User {
    fn drop(&mut self) {
        if let Some((mut server, _)) = self.server.take() {
            let _ = Command::new("kill").args(["-KILL", "--", &format!("-{}", server.id())]).status();
            let _ = server.wait();
        }
    }
}

fn says(command: &str, said: &str, words: &[&str]) {
    let said = said.replace("\": ", "\":");
    for word in words {
        assert!(said.contains(word), "{command}: `{word}` is expected in\n{said}");
    }
}

fn page() -> String {
    let page = |name| fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name)).unwrap();
    page("README.md") + &page("docs/serve.md")
}

#[test]
fn every_command_of_the_readme_has_its_step() {
    let steps: Vec<&str> = STEPS.iter().map(|(command, _)| *command).collect();
    assert_eq!(commands(&page()), steps);
}

/// All that is shown to a reader, in this folder and those in it.
fn shown(folder: &Path, pages: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() && !name.starts_with('.') && name != "target" && name != "node_modules" {
            shown(&path, pages);
        } else if name.ends_with(".md") || name.ends_with(".rs") {
            pages.push(path);
        }
    }
}

#[test]
fn s_client_that_is_piped_to_waits_for_the_answer() {
    let mut pages = Vec::new();
    shown(&Path::new(env!("CARGO_MANIFEST_DIR")).join(".."), &mut pages);
    let mut found = 0;
    for page in pages.iter().filter(|page| !page.ends_with("readme.rs")) {
        let text = fs::read_to_string(page).unwrap();
        for line in text.lines().filter(|line| line.contains("openssl s_client ")) {
            let piped = line.contains("<<<") || line.contains("| openssl") || line.contains(" < ");
            assert!(!piped || line.contains(" -ign_eof"), "{}: {line}", page.display());
            found += usize::from(piped);
        }
    }
    assert!(found >= 2, "README.md pipes to it");
}

#[test]
fn the_readme_does_as_it_is_typed() {
    let mut user = User::new();
    for (command, step) in STEPS {
        match step {
            Prints(words) => user.runs(command, words),
            Asks(times, words) => user.answers(command, *times, words),
            Serves(words) => user.serves(command, words),
            HasServerSay(words) => {
                user.runs(command, &[]);
                let (_, log) = user.server.as_ref().expect("one runs");
                words.iter().for_each(|words| drop(log.line(&words.split(" … ").collect::<Vec<_>>())));
            }
            Instead(other, _) => user.runs(other, &[]),
        }
    }
    user.stops();
}
