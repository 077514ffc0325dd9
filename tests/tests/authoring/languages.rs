//! In each language: a new project builds and decides as its vectors say, at once; what is saved
//! goes live; and what went wrong is told in words that its author can act on.

use std::{fs, path::Path, process::Command};

use reprise_tests::{Client, Version};

use super::{
    Desk,
    developing::{dev, edit, save},
};

/// A mistake that the compiler does not find: what it is made of, what it is, and what is said of it.
struct Mistake {
    of: &'static str,
    is: &'static str,
    says: &'static [&'static str],
}

/// In languages that have a clock and print: a statement that prints how the one fares by the
/// connection's, and what it goes before.
struct Clock {
    before: &'static str,
    prints: &'static str,
}

/// From nothing to live and to a mistake, in this language, whose policy is in `source`.
fn life(language: &str, source: &str, clock: Option<&Clock>, mistake: &Mistake) {
    let desk = Desk::new();
    let project = desk.project(language);
    assert!(fs::read_to_string(project.join("README.md")).unwrap().lines().count() == 5);
    desk.well(&["build", "calm"]);
    let said = desk.well(&["check", "calm/calm.wasm"]);
    assert!(said.contains("policy `calm`"), "{said}");
    let said = desk.well(&["test", "calm/calm.wasm", "calm/vectors.toml"]);
    assert!(said.contains("5 of 5 vectors passed"), "{said}");

    edit(&project.join("calm.toml"), "bank.example", "a.example");
    saves(&desk, &project.join(source), clock, mistake);
}

/// With `reprise dev` at work.
fn saves(desk: &Desk, source: &Path, clock: Option<&Clock>, mistake: &Mistake) {
    let server = dev(desk, &[]);
    server.log().line(&["live: calm, generation 1, "]);
    // In one save, here and below: two would be built one after the other, if a moment lies between them.
    let mut text = fs::read_to_string(source).unwrap().replace("600", "300");
    if let Some(Clock { before, prints }) = clock {
        assert!(text.contains(before), "{text}");
        text = text.replace(before, &format!("{prints}{before}"));
    }
    save(source, &text);
    server.log().line(&["live: calm, generation 2, "]);
    Client::new(Version::Tls13).first_visit(server.address());
    server.log().line(&["calm, generation 2: new-session for a.example", "keep for 300 s"]);
    if clock.is_some() {
        server.log().line(&["INFO policy says: the clock is right", "policy=\"calm ("]);
    }

    edit(source, "300", "300 oops");
    server.log().line(&["not built: "]);
    server.log().lines(&["calm stays live: generation 2"], 1);
    let mended = fs::read_to_string(source).unwrap().replace("300 oops", "300");
    assert!(mended.contains(mistake.of), "{mended}");
    save(source, &mended.replace(mistake.of, mistake.is));
    let told = server.log().line(&["not dropped in: ", "policy `calm`"]);
    server.log().lines(&["calm stays live: generation 2"], 2);
    let (well, checked) = desk.reprise(&["check", "calm/calm.wasm"]);
    assert!(!well, "{checked}");
    for said in [&told, &checked] {
        mistake.says.iter().for_each(|words| assert!(said.contains(words), "`{words}` in {said}"));
        assert!(said.contains("(probe)") && said.contains("Correct the policy"), "{said}");
    }
}

#[test]
fn rust() {
    let mistake = Mistake {
        of: "if !session.server_name",
        is: "assert!(self.names.is_empty(), \"no tenant of that name\");\nif !session.server_name",
        says: &["panic at src/lib.rs:16: no tenant of that name", "panicking::panic_fmt"],
    };
    life("rust", "src/lib.rs", None, &mistake);
}

#[test]
fn c() {
    let mistake = Mistake {
        of: "if (!is_named(session)) return verdict;",
        is: "\n#include <assert.h>\nassert(is_named(session) && \"no tenant of that name\");",
        says: &["Assertion failed: is_named(session) && \"no tenant of that name\" (policy.c: policy_new_session: "],
    };
    life("c", "policy.c", None, &mistake);
}

#[test]
fn cpp() {
    let mistake = Mistake {
        of: "if (!session.server_name",
        is: "if (names_.at(9).empty() || !session.server_name",
        says: &["`unreachable`", "Cautious::new_session"],
    };
    life("cpp", "policy.cpp", None, &mistake);
}

#[test]
fn zig() {
    let mistake = Mistake {
        of: "if (!self.has(session.server_name))",
        is: "if (self.names[self.names.len].len == 0 or !self.has(session.server_name))",
        says: &["panic: index out of bounds: index 1, len 1", "newSession"],
    };
    life("zig", "policy.zig", None, &mistake);
}

#[test]
fn go() {
    let mistake = Mistake {
        of: "if session.ServerName.IsNone()",
        is: "if c.names[len(c.names)] == \"\" || session.ServerName.IsNone()",
        says: &[
            "panic: runtime error: index out of range [1] with length 1 at policy.go:20 in (*careful).NewSession",
            "wit_component_reprise.LogPanic",
        ],
    };
    life("go", "policy.go", None, &mistake);
}

const JAVASCRIPT_CLOCK: Clock = Clock {
    before: "if (!this.names.includes(session.serverName))",
    prints: "console.log(\"the clock is\", Math.abs(Date.now() / 1000 - connection.now) < 60 ? \"right\" : \"wrong\");\n    ",
};

#[test]
fn javascript() {
    let mistake = Mistake {
        of: "this.names.includes(session.serverName)",
        is: "this.tenants.has(session.serverName)",
        says: &[
            "exception: TypeError: cannot read property 'has' of undefined",
            "of undefined at newSession (/policy.js:",
        ],
    };
    life("javascript", "policy.js", Some(&JAVASCRIPT_CLOCK), &mistake);
}

#[test]
fn typescript() {
    let mistake = Mistake {
        of: "if (!this.names.includes(session.serverName))",
        is: "if (this.names.length > 0) throw new Error(\"no tenant of that name\");\nif (!this.names.includes(session.serverName))",
        says: &["exception: Error: no tenant of that name at newSession (/build/policy.js:"],
    };
    life("typescript", "policy.ts", Some(&JAVASCRIPT_CLOCK), &mistake);
}

#[test]
fn python() {
    let clock = Clock {
        before: "if session.server_name not in self.names",
        prints: "print(\"the clock is\", \"right\" if abs(__import__(\"time\").time() - connection.now) < 60 else \"wrong\")\n        ",
    };
    let mistake = Mistake {
        of: "session.server_name not in self.names",
        is: "session.server_name not in self.tenants",
        says: &["AttributeError: 'Cautious' object has no attribute 'tenants'", "policy.py\", line 12, in new_session"],
    };
    life("python", "policy.py", Some(&clock), &mistake);
}

/// What `reprise check` says of a policy in this language with this in place of that.
fn checked(language: &str, source: &str, of: &str, is: &str) -> String {
    let desk = Desk::new();
    edit(&desk.project(language).join(source), of, is);
    desk.well(&["build", "calm"]);
    let (well, said) = desk.reprise(&["check", "calm/calm.wasm"]);
    assert!(!well, "{said}");
    said
}

#[test]
fn a_verdict_that_is_none_is_told_with_those_there_are_in_javascript() {
    let said = checked("javascript", "policy.js", "return { keep: {} };", "return \"keep\";");
    let words = "exception: newSession returned \"keep\"; expected { keep: { … } } or \"refuse\" |";
    assert!(said.contains(words), "{said}");
    let said = checked("javascript", "policy.js", "return \"resume\";", "return \"resum\";");
    let words =
        "getSession returned \"resum\"; expected \"resume\", \"resume-without-early-data\" or \"full-handshake\" |";
    assert!(said.contains(words), "{said}");
}

/// What the SDK for Python makes of this, with the bindings that the build generates. An exception is told as in `life`, and to compile
/// an interpreter for each takes a minute.
fn python_sdk_says(expression: &str) -> String {
    let desk = Desk::new();
    let project = desk.project("python");
    let mut bindings = Command::new(project.join(".venv/bin/componentize-py"));
    bindings.args(["--wit-path", "wit", "--world", "policy", "bindings", "bindings"]).current_dir(&project);
    let made = bindings.output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let program = format!("from reprise.policy import *\nfrom reprise import policy\n{expression}");
    let mut python = Command::new("python3");
    python.env("PYTHONPATH", "sdk:bindings").env("PYTHONDONTWRITEBYTECODE", "1").current_dir(&project);
    let ran = python.args(["-c", &program]).output().unwrap();
    assert!(!ran.status.success());
    String::from_utf8_lossy(&ran.stderr).into_owned()
}

#[test]
fn a_verdict_that_is_none_is_told_with_those_there_are_in_python() {
    let said = python_sdk_says("policy._kept_or_refused('keep')");
    assert!(said.contains("TypeError: new_session returned 'keep'; expected keep(…) or refuse()\n"), "{said}");
    let said = python_sdk_says("policy._one_of(GetVerdict, 'resume', 'get_session')");
    let words = "get_session returned 'resume'; expected GetVerdict.RESUME, GetVerdict.RESUME_WITHOUT_EARLY_DATA or ";
    assert!(said.contains(words), "{said}");
}

/// A callback that the world exports is misspelt in this language; the build fails and says these words.
fn misspelt(language: &str, source: &str, callback: &str, misspelt: &str, words: &str) {
    let desk = Desk::new();
    edit(&desk.project(language).join(source), callback, misspelt);
    let (well, said) = desk.reprise(&["build", "calm"]);
    assert!(!well && said.contains(words), "{said}");
}

#[test]
fn a_callback_that_is_exported_and_not_there_fails_the_build_by_name_in_javascript() {
    let words = "policy.js exports no `newSession`, which the world in wit/ exports: implement it";
    misspelt("javascript", "policy.js", "newSession(", "newSesion(", words);
    misspelt("javascript", "policy.js", "{ settings, newSession, ", "{ settings, ", words);
    misspelt("typescript", "policy.ts", "override newSession(", "newSesion(", words);
}

#[test]
fn a_callback_that_is_exported_and_not_there_fails_the_build_by_name_in_python() {
    let words = "Cautious has no `get_session`, which the world in wit/ exports: implement it";
    misspelt("python", "policy.py", "def get_session", "def get_sesion", words);
}

#[test]
fn a_callback_that_is_exported_and_not_there_fails_the_build_by_name_in_zig() {
    misspelt("zig", "policy.zig", "pub fn newSession", "pub fn newSesion", "undefined symbol: policy_new_session");
}

#[test]
fn a_callback_that_is_exported_and_not_there_fails_the_build_by_name_in_go() {
    let words = "*policy.careful does not implement reprise.GetSessioner (missing method GetSession)";
    misspelt("go", "policy.go", ") GetSession(", ") GetSesion(", words);
}

#[test]
fn webassembly_text() {
    let mistake = Mistake {
        of: "(call $verdict.keep)",
        is: "(call $text.word (i32.const -1)) (drop) (drop) (call $verdict.keep)",
        says: &["out of bounds memory access", "text.word"],
    };
    life("wat", "policy.wat", None, &mistake);
}
