//! The options of the other commands.

use super::serve::{ANY_PATH, NO_PATH, SPANS};
use super::{Row, row};

/// The other commands. What has no options in it is files.
pub(super) const OTHERS: &[Row] = &[
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
