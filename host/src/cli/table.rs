//! The table of options: of each, values that make sense and values that do not, on the command line and in the file. An option
//! that is not in it fails the test.

use clap::{Arg, CommandFactory, Parser, error::ErrorKind};

use super::{Action, Command};
use crate::serve::{Options, Settings, read};

/// An option, by the command's name and its own.
struct Row {
    option: &'static str,
    good: &'static [&'static str],
    /// With what the error says, beside the option's name and the value.
    bad: &'static [(&'static str, &'static str)],
    /// What it needs beside it.
    with: &'static [&'static str],
}

const fn row(
    option: &'static str,
    good: &'static [&'static str],
    bad: &'static [(&'static str, &'static str)],
    with: &'static [&'static str],
) -> Row {
    Row { option, good, bad, with }
}

/// Whatever may be a file's or a directory's name. What is in it is looked at when it is read.
const ANY_PATH: &[&str] = &["x", "/etc/reprise/x.pem", "x y,z=1"];
const NO_PATH: &[(&str, &str)] = &[("", "")];
const SPANS: &[&str] = &["1ms", "10s", "30m", "2h", "1d"];
const NO_SPANS: &[(&str, &str)] = &[
    ("", "`10s`"),
    ("0s", "`10s`"),
    ("10", "`10s`"),
    ("-1s", "`10s`"),
    ("1.5h", "`10s`"),
    ("1 h", "`10s`"),
    ("1w", "`10s`"),
    ("1000000d", "`10s`"),
];
const SECONDS: &[&str] = &["1s", "5m", "2000ms"];
const NO_SECONDS: &[(&str, &str)] =
    &[("0s", "`10s`"), ("10ms", "`10s`"), ("1500ms", "`2h`"), ("60", "`2h`"), ("", "`2h`")];
const BACKEND: &[&str] = &["--backend", "127.0.0.1:8080"];

/// `reprise serve`, whose options are the file's keys.
const SERVE: &[Row] = &[
    row(
        "listen",
        &["127.0.0.1:0", "[::]:443", "public=0.0.0.0:443"],
        &[
            ("", "`[::]:443`"),
            ("8443", "`[::]:443`"),
            (":8443", "`[::]:443`"),
            ("localhost:8443", "`[::]:443`"),
            ("*:443", "`[::]:443`"),
            ("https://127.0.0.1:443", "`[::]:443`"),
            ("127.0.0.1:70000", "`[::]:443`"),
            ("127.0.0.1:1,127.0.0.1:2", "`[::]:443`"),
            ("=127.0.0.1:443", "empty"),
            ("a b=127.0.0.1:443", "space"),
        ],
        &[],
    ),
    row(
        "backend",
        &["127.0.0.1:8080", "[::1]:8080", "app:8080", "backend.example.:1"],
        &[
            ("", "`127.0.0.1:8080`"),
            ("localhost", "no port"),
            ("http://localhost:8080", "URL"),
            (":8080", "no host"),
            ("8080", "no port"),
            ("localhost:70000", "1 to 65535"),
            ("localhost:0", "1 to 65535"),
            ("::1:8080", "brackets"),
            ("unix:/run/app.sock", "path"),
            ("300.1.1.1:80", "neither"),
        ],
        &[],
    ),
    row(
        "early-data",
        &["0", "4KiB", "16384"],
        &[("", "KiB"), ("17KiB", "16KiB"), ("-1", "KiB"), ("4KB", "KiB"), ("all", "KiB")],
        &[],
    ),
    row("early-data-to-backend", &["true"], &[("maybe", ""), ("", "")], &["--backend", "b:1", "--early-data", "1KiB"]),
    row("send-proxy", &["true", "false"], &[("maybe", ""), ("", "")], BACKEND),
    row("backend-idle-timeout", SPANS, NO_SPANS, BACKEND),
    row(
        "accept-proxy",
        &["10.0.0.1", "10.0.0.0/8", "2001:db8::/32"],
        &[
            ("", "`10.0.0.0/8`"),
            ("10.0.0.1/8", "`10.0.0.0/8`"),
            ("lb.example", "`10.0.0.0/8`"),
            ("10.0.0.0/33", "`10.0.0.0/8`"),
        ],
        &[],
    ),
    row(
        "alpn",
        &["h2", "h2,http/1.1", "acme-tls/1"],
        &[("", "`h2`"), ("h2,", "`h2`"), ("h2, http/1.1", "`h2`"), ("h2 http/1.1", "`h2`"), ("h2,h2", "twice")],
        BACKEND,
    ),
    row("cert", ANY_PATH, NO_PATH, &[]),
    row("key", ANY_PATH, NO_PATH, &["--cert", "c"]),
    row(
        "site",
        &["a.example=c,k", "*.A.Example.=c,k,none", "xn--bcher-kva.example=c,k,ca"],
        &[
            ("", "`NAME=CERT,KEY`"),
            ("a.example", "`NAME=CERT,KEY`"),
            ("a.example=c", "`NAME=CERT,KEY`"),
            ("a.example=c,k,ca,x", "`NAME=CERT,KEY`"),
            ("https://a.example=c,k", "URL"),
            ("a.example:443=c,k", "port"),
            ("bücher.example=c,k", "xn--"),
            ("192.0.2.1=c,k", "address"),
            ("a.*.example=c,k", "`*`"),
            ("default=c,k", "all other names"),
        ],
        &[],
    ),
    row("client-ca", ANY_PATH, NO_PATH, &[]),
    row(
        "client-auth",
        &["none", "optional", "required"],
        &[("", "optional"), ("yes", "optional"), ("true", "optional")],
        &["--client-ca", "c"],
    ),
    row("crl", ANY_PATH, NO_PATH, &["--client-ca", "c"]),
    row("policies", ANY_PATH, NO_PATH, &[]),
    row("policy-keys", &[], &[("", ""), ("/no/such/keys", "No such file")], &["--policies", "p"]),
    row("strict", &["true", "false"], &[("maybe", ""), ("", "")], &[]),
    row("policy-budget", SPANS, NO_SPANS, &[]),
    row(
        "policy-failures",
        &["1", "5"],
        &[("0", "from 1"), ("1000001", "from 1"), ("", "from 1"), ("few", "from 1")],
        &[],
    ),
    row("policy-failure-window", SPANS, NO_SPANS, &[]),
    row("lifetime", SECONDS, NO_SECONDS, &[]),
    row("max-lifetime", SECONDS, NO_SECONDS, &[]),
    row("tickets", &["0", "1", "16"], &[("17", "from 0"), ("", "from 0"), ("-1", "from 0"), ("one", "from 0")], &[]),
    row(
        "store",
        &[
            "memory",
            "memory:64MiB",
            "disk:/var/lib/x",
            "disk:x?size=1GiB",
            "redis://127.0.0.1",
            "rediss://u:p@[::1]:6379/2",
            "redis+sentinel://a,b:26379/main",
            "redis+cluster://a:1,b:2",
        ],
        &[
            ("", "`memory`"),
            ("none", "`memory`"),
            ("memory:", "`64MiB`"),
            ("memory:0", "between 1MiB"),
            ("memory:1", "between 1MiB"),
            ("memory:64MB", "`64MiB`"),
            ("disk", "disk:/var"),
            ("disk:?size=1GiB", "disk:/var"),
            ("disk:x?size=0", "between 1MiB"),
            ("disk:x?siez=1GiB", "?size=10GiB"),
            ("http://127.0.0.1", "redis://"),
            ("redis://", "redis://"),
            ("redis://a,b", "redis"),
            ("redis://a:port", "redis"),
            ("redis://a:70000", "redis"),
            ("redis://a:0", "port 0"),
            ("redis+cluster://a:1,b:0", "port 0"),
            ("redis://a/99999999999", "2147483647"),
            ("redis://a b", "redis"),
            ("redis://[::1", "redis"),
            ("redis://:6379", "redis"),
            ("redis://http://a", "redis"),
            ("redis://a?db=1", "redis"),
            ("redis+sentinel://a", "redis"),
        ],
        &["--keyring", "k"],
    ),
    row("keyring", ANY_PATH, NO_PATH, &[]),
    row("namespace", &["reprise", "a-b.c_1"], &[("", ""), ("a b", ""), ("{a}", "")], &[]),
    row("store-deadline", SPANS, NO_SPANS, &[]),
    row(
        "copy-age",
        &["0s", "30s", "1m"],
        &[("500ms", "`30s`"), ("1500ms", "`30s`"), ("30", "`2h`"), ("", "`2h`")],
        &[],
    ),
    row(
        "policy-memory",
        &["1MiB", "512MiB", "4GiB"],
        &[("", "KiB"), ("0", "between"), ("1023KiB", "between"), ("1GB", "KiB"), ("all", "KiB")],
        &[],
    ),
    row(
        "compile-memory",
        &["16MiB", "2GiB"],
        &[("", "KiB"), ("0", "between"), ("1MiB", "between"), ("2G", "KiB")],
        &[],
    ),
    row(
        "admin-host",
        &["metrics.example", "node-1"],
        &[
            ("", "`a.example`"),
            ("metrics.example:9090", "`www.example.org`"),
            ("http://metrics.example", "`www.example.org`"),
            ("*.example", "`www.example.org`"),
            ("127.0.0.1", "`www.example.org`"),
        ],
        &["--admin", "9090"],
    ),
    row(
        "max-session-size",
        &["1KiB", "16KiB", "1MiB"],
        &[("0", "between"), ("1", "between"), ("", "KiB"), ("16KB", "KiB"), ("2GiB", "between")],
        &[],
    ),
    row("min-tls", &["1.2", "1.3"], &[("", "1.3"), ("1.1", "1.3"), ("tls1.3", "1.3"), ("2", "1.3")], &[]),
    row("max-tls", &["1.2", "1.3"], &[("", "1.3"), ("1.1", "1.3"), ("1.4", "1.3")], &[]),
    row(
        "ciphers",
        &["HIGH", "ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE+AESGCM:!aNULL"],
        &[
            ("", "ECDHE-"),
            (" ", "ECDHE-"),
            ("NONE-SUCH", "ECDHE-"),
            ("TLS_AES_128_GCM_SHA256", "ECDHE-"),
            ("aNULL", "ECDHE-"),
            ("eNULL", "ECDHE-"),
        ],
        &[],
    ),
    row(
        "ciphersuites",
        &["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256"],
        &[
            ("", "TLS_AES_128_GCM_SHA256"),
            ("TLS_AES_128_GCM_SHA256:", "TLS_AES_128_GCM_SHA256"),
            ("TLS_AES_128_GCM_SHA256:TLS_NONE", "`TLS_NONE`"),
            ("ECDHE-RSA-AES128-GCM-SHA256", "TLS_AES_128_GCM_SHA256"),
        ],
        &[],
    ),
    row("handshake-timeout", SPANS, NO_SPANS, &[]),
    row("idle-timeout", SPANS, NO_SPANS, &[]),
    row(
        "max-connections",
        &["1", "10000"],
        &[("0", "from 1"), ("18446744073709551615", "from 1"), ("", "from 1"), ("all", "from 1")],
        &[],
    ),
    row("drain", &["0s", "10ms", "1d"], &[("10", "`10s`"), ("", "`10s`"), ("now", "`10s`")], &[]),
    row("core-dumps", &["true", "false"], &[("maybe", ""), ("", "")], &[]),
    row(
        "admin",
        &["9090", "0", "10.0.0.1:9090", "[::1]:0"],
        &[
            ("", "`9090`"),
            (":9090", "`9090`"),
            ("localhost:9090", "`9090`"),
            ("70000", "`9090`"),
            ("http://127.0.0.1:9090", "`9090`"),
        ],
        &[],
    ),
    row("state-dir", ANY_PATH, NO_PATH, &[]),
    row(
        "log",
        &["info", "off", "TRACE", "warn,reprise::serve=debug", "reprise::policy=trace"],
        &[
            ("", "`debug`"),
            ("warning", "error, warn, info"),
            ("none", "error, warn, info"),
            ("verbose", "error, warn, info"),
            ("info,debug", "two levels"),
            ("a=b=c", "`debug`"),
            ("reprise::srve=debug", "module"),
            ("serve", "error, warn, info"),
        ],
        &[],
    ),
    row("log-format", &["text", "json"], &[("", "json"), ("yaml", "json"), ("JSON", "json")], &[]),
];

/// The other commands. What has no options in it is files.
const OTHERS: &[Row] = &[
    row("serve config", ANY_PATH, NO_PATH, &[]),
    row("new lang", &["rust", "wat"], &[("", "rust"), ("cobol", "rust"), ("Rust", "rust")], &["calm"]),
    row("new dir", ANY_PATH, NO_PATH, &["calm", "--lang", "rust"]),
    row("dev policies", ANY_PATH, NO_PATH, &[]),
    row("dev listen", &["127.0.0.1:0", "[::1]:8443"], &[("", "`[::]:443`"), ("8443", "`[::]:443`")], &[]),
    row(
        "dev log",
        &["debug", "warn,reprise=info"],
        &[("", "`debug`"), ("warning", "`debug`"), ("none", "`debug`")],
        &[],
    ),
    row("check policy-keys", ANY_PATH, NO_PATH, &["x.wasm"]),
    row("check strict", &["true"], &[], &["x.wasm"]),
    row("test verbose", &["true"], &[], &["x.wasm", "x.toml"]),
    row("sign key", ANY_PATH, NO_PATH, &["x.wasm"]),
    row("sign new-key", ANY_PATH, NO_PATH, &[]),
    row("sign no-password", &["true"], &[], &["--new-key", "k"]),
    row("status json", &["true"], &[], &[]),
    row("status state-dir", ANY_PATH, NO_PATH, &[]),
    row("policies reload state-dir", ANY_PATH, NO_PATH, &[]),
    row("policies rollback state-dir", ANY_PATH, NO_PATH, &["calm"]),
    row("policies quarantine state-dir", ANY_PATH, NO_PATH, &["calm"]),
    row(
        "revoke server-name",
        &["a.example", "A.Example.", "localhost", "xn--bcher-kva.example"],
        &[
            ("", "--no-server-name"),
            ("*.example", "--all"),
            ("a.example:443", "port"),
            ("https://a.example", "URL"),
            ("a.example/", "path"),
            ("bücher.example", "xn--"),
            ("192.0.2.1", "address"),
            ("[::1]", "address"),
            ("a.example,b.example", "letters"),
            ("a..example", "dots"),
        ],
        &[],
    ),
    row("revoke no-server-name", &["true"], &[], &[]),
    row(
        "revoke certificate",
        &[
            "2222222222222222222222222222222222222222222222222222222222222222",
            "AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA",
        ],
        &[("", "64"), ("22", "64"), ("client.pem", "64"), ("sha256", "64")],
        &[],
    ),
    row(
        "revoke note",
        &["746f6d", "tenants=746f6d"],
        &[
            ("", "hexadecimal"),
            ("tom", "hexadecimal"),
            ("746", "hexadecimal"),
            ("=746f6d", "policy"),
            ("tenants=", "hexadecimal"),
        ],
        &[],
    ),
    row("revoke all", &["true"], &[], &[]),
    row(
        "revoke before",
        &["2h", "1706702400", "2024-01-31T12:00:00Z"],
        &[
            ("", "`2h`"),
            ("yesterday", "`2h`"),
            ("+1706702400", "`2h`"),
            ("-1", "`2h`"),
            ("2999-01-01T00:00:00Z", "yet to come"),
        ],
        &["--all"],
    ),
    row("revoke wait", &["0s", "45s"], &[("", "`10s`"), ("2", "`10s`"), ("46s", "45s")], &["--all"]),
    row("revoke json", &["true"], &[], &["--all"]),
    row("revoke state-dir", ANY_PATH, NO_PATH, &["--all"]),
    row("keys rotate in", SPANS, &[("", "`10s`"), ("10", "`10s`"), ("soon", "`10s`")], &["k"]),
    row("keys rotate keep", SPANS, &[("", "`10s`"), ("7", "`10s`"), ("7w", "`10s`")], &["k"]),
];

/// Every option that there is, as the table names it.
fn options(command: &clap::Command, path: &str, found: &mut Vec<String>) {
    let long = |argument: &Arg| argument.get_long().map(|long| format!("{path}{long}"));
    let named = command.get_arguments().filter_map(long);
    found.extend(named.filter(|option| !option.ends_with("help") && !option.ends_with("version")));
    for inner in command.get_subcommands() {
        options(inner, &format!("{path}{} ", inner.get_name()), found);
    }
}

/// The arguments of `reprise` for a row with this value.
fn arguments(command: &str, row: &Row, value: &str) -> Vec<String> {
    let option = row.option.rsplit(' ').next().unwrap();
    let mut arguments = vec!["reprise".to_owned()];
    arguments.extend(command.split_whitespace().map(str::to_owned));
    arguments.extend(row.with.iter().map(|argument| (*argument).to_owned()));
    match row.kind() {
        // With a `=`, or what begins with a hyphen would be an option.
        Kind::Value | Kind::Flag => arguments.push(format!("--{option}={value}")),
        Kind::Bare => arguments.push(format!("--{option}")),
    }
    arguments
}

/// How it is written.
#[derive(PartialEq)]
enum Kind {
    /// `--option value`.
    Value,
    /// `--option` or `--option=true`, and a flag in the file.
    Flag,
    /// `--option`, and nothing else.
    Bare,
}

impl Row {
    fn kind(&self) -> Kind {
        match self.good {
            ["true", ..] if self.bad.is_empty() => Kind::Bare,
            ["true", ..] => Kind::Flag,
            _ => Kind::Value,
        }
    }

    /// Of `reprise serve`: the file with this value. Its certificate is there, or none would be made for each.
    fn file(&self, value: &str) -> String {
        let quoted = |text: &str| format!("{text:?}");
        let mut lines = vec![format!(
            "{} = {}",
            self.option,
            if self.kind() == Kind::Flag && value.parse::<bool>().is_ok() { value.into() } else { quoted(value) }
        )];
        let mut with = self.with.iter();
        while let (Some(key), Some(value)) = (with.next(), with.next()) {
            lines.push(format!("{} = {}", key.trim_start_matches('-'), quoted(value)));
        }
        if !lines.iter().any(|line| line.starts_with("cert ")) {
            lines.push("cert = 'c'".into());
        }
        lines.join("\n")
    }
}

/// Whether an error is about this value: it names the option, shows the value or the part of it that is wrong, and says this.
fn tells(error: &str, name: &str, value: &str, says: &str) -> bool {
    let shown = value.split(['=', ',', '?', ':']).any(|part| error.contains(part));
    error.contains(name) && shown && error.contains(says)
}

fn from_command_line(row: &Row, value: &str) -> Result<Options, String> {
    let mut arguments = arguments("serve", row, value);
    if !arguments.iter().any(|argument| argument == "--cert" || argument.starts_with("--cert=")) {
        arguments.extend(["--cert".to_owned(), "c".to_owned()]);
    }
    match Command::try_parse_from(arguments) {
        Ok(Command { action: Action::Serve(serve) }) => Ok(serve.options),
        Ok(_) => unreachable!("it is `serve`"),
        Err(error) => Err(error.to_string()),
    }
}

fn from_file(row: &Row, value: &str) -> Result<Options, String> {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("reprise.toml");
    std::fs::write(&file, row.file(value)).unwrap();
    read(&file).map_err(|error| format!("{error:#}"))
}

fn settings(options: Result<Options, String>) -> Result<(), String> {
    Settings::new(options?).map(|_| ()).map_err(|error| format!("{error:#}"))
}

#[test]
fn every_option_is_in_the_table() {
    let mut found = Vec::new();
    options(&Command::command(), "", &mut found);
    let serve = SERVE.iter().map(|row| format!("serve {}", row.option));
    let mut table: Vec<String> = serve.chain(OTHERS.iter().map(|row| row.option.to_owned())).collect();
    found.sort();
    table.sort();
    assert_eq!(found, table);
    for row in SERVE.iter().chain(OTHERS).filter(|row| row.kind() == Kind::Value) {
        assert!(!row.bad.is_empty(), "{} takes everything?", row.option);
    }
}

#[test]
fn file_and_command_line_are_one_grammar() {
    let mut wrong = Vec::new();
    for (row, value) in SERVE.iter().flat_map(|row| row.good.iter().map(move |value| (row, value))) {
        let (line, file) = (from_command_line(row, value), from_file(row, value));
        let shown = |options: &Result<Options, String>| format!("{options:?}");
        if shown(&line) != shown(&file) {
            wrong.push(format!("{} {value}: {line:?} is not {file:?}", row.option));
        }
        if let Err(error) = settings(line) {
            wrong.push(format!("{} {value}: {error}", row.option));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_makes_no_sense_is_refused_with_an_example() {
    let mut wrong = Vec::new();
    for (row, (value, says)) in SERVE.iter().flat_map(|row| row.bad.iter().map(move |bad| (row, bad))) {
        for (refused, name) in [
            (settings(from_command_line(row, value)), format!("--{}", row.option)),
            (settings(from_file(row, value)), row.option.to_owned()),
        ] {
            match refused {
                Ok(()) => wrong.push(format!("{name} `{value}` is taken")),
                Err(error) if tells(&error, &name, value, says) => {}
                Err(error) => wrong.push(format!("{name} `{value}`, which should say `{says}`: {error}")),
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_other_commands_refuse_what_makes_no_sense() {
    let mut wrong = Vec::new();
    for row in OTHERS {
        let (command, option) = row.option.rsplit_once(' ').unwrap();
        let parsed = |value| Command::try_parse_from(arguments(command, row, value)).err();
        for (value, error) in row.good.iter().filter_map(|value| Some((value, parsed(value)?))) {
            wrong.push(format!("{} {value}: {error}", row.option));
        }
        for (value, says) in row.bad {
            let Some(error) = parsed(value) else {
                wrong.push(format!("{} `{value}` is taken", row.option));
                continue;
            };
            let is_about_it = matches!(error.kind(), ErrorKind::ValueValidation | ErrorKind::InvalidValue);
            let error = error.to_string();
            if !is_about_it || !tells(&error, &format!("--{option}"), value, says) {
                wrong.push(format!("{} `{value}`, which should say `{says}`: {error}", row.option));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
