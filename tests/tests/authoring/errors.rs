//! What an author is told of a policy that cannot be one: by `reprise check`, by `reprise dev`, and
//! in the log of a server that it was dropped into; each names the policy and says what to do.
//! (`languages` has what a language's own mistakes look like.)

use std::fs;

use reprise_fixtures::{Callback, DATA, Fixture, policies};
use reprise_tests::Place;

use super::{Desk, developing::dev};

/// A wrong module, and what is said of it.
struct Wrong {
    name: &'static str,
    module: Vec<u8>,
    says: &'static [&'static str],
}

/// A component in text.
fn text(name: &'static str, text: &str, says: &'static [&'static str]) -> Wrong {
    Wrong { name, module: wat::parse_str(text).unwrap(), says }
}

fn all() -> [Wrong; 7] {
    let message = "panic at src/lib.rs:7:5: no tenant of that name";
    let log = format!("(call $log (i32.const 3) (i32.const {DATA}) (i32.const {}))", message.len());
    [
        text(
            "signature",
            r#"(component (core module $m (func (export "f"))) (core instance $i (instantiate $m))
                (func $f (canon lift (core func $i "f"))) (instance $x (export "decide" (func $f)))
                (export "reprise:session-cache/get-session@0.1.0" (instance $x)))"#,
            &[
                "`get-session`",
                "`decide: func(connection: connection",
                "found `decide: func()`",
                "Rebuild the policy against",
            ],
        ),
        text(
            "function",
            r#"(component (instance $none) (export "reprise:session-cache/get-session@0.1.0" (instance $none)))"#,
            &["`get-session`", "found no function `decide`", "Rebuild the policy against"],
        ),
        Wrong {
            name: "callbacks",
            module: policies::none_of_the_callbacks(),
            says: &["`new-session`", "`get-session`", "Target a world of reprise:session-cache"],
        },
        text(
            "version",
            r#"(component (instance $none) (export "reprise:session-cache/get-session@0.2.0" (instance $none)))"#,
            &["version 0.1.0", "version 0.2.0", "run a host that speaks its version"],
        ),
        text(
            "import",
            r#"(component (import "acme:network/sockets@1.0.0" (instance (export "send" (func)))))"#,
            &["acme:network/sockets@1.0.0", "Remove "],
        ),
        Wrong {
            name: "trap",
            module: Fixture::default()
                .on(Callback::Get, "(call $look_up_the_tenant)")
                .items("(func $look_up_the_tenant (result i32) unreachable)")
                .build(),
            says: &["(probe)", "`unreachable`", "look_up_the_tenant", "get-session", "Correct the policy"],
        },
        Wrong {
            name: "panic",
            module: Fixture::default().on(Callback::New, format!("{log} unreachable")).data(message).build(),
            says: &["(probe)", "no tenant of that name", "new-session", "Correct the policy"],
        },
    ]
}

fn says(wrong: &Wrong, told: &str) {
    for part in wrong.says {
        assert!(told.contains(part), "{}: `{part}` in {told}", wrong.name);
    }
}

#[test]
fn check_says_what_is_wrong_and_what_to_do() {
    let desk = Desk::new();
    for wrong in all() {
        fs::write(desk.path("calm.wasm"), &wrong.module).unwrap();
        let (well, told) = desk.reprise(&["check", "calm.wasm"]);
        assert!(!well && told.lines().count() == 1, "{told}");
        assert!(told.contains("policy `calm` rejected ("), "{told}");
        says(&wrong, &told);
    }
}

#[test]
fn the_log_says_what_is_wrong_and_what_to_do() {
    let place = Place::new();
    let server = place.serve(&[]);
    for wrong in all() {
        place.policy(&format!("{}.wasm", wrong.name), &wrong.module);
        let named = format!("policy=\"{}\"", wrong.name);
        says(&wrong, &server.log().line(&[&format!("rejected: {}.wasm (", wrong.name), &named]));
    }
}

#[test]
fn dev_says_what_is_wrong_and_what_to_do() {
    let desk = Desk::new();
    fs::create_dir(desk.path("calm")).unwrap();
    let save = |module: &[u8]| {
        fs::write(desk.path("fresh"), module).unwrap();
        fs::rename(desk.path("fresh"), desk.path("calm/source")).unwrap();
    };
    save(&policies::no_opinion());
    let description = "name = \"calm\"\nbuild = \"cp source built\"\nmodule = \"built\"\n";
    fs::write(desk.path("calm/reprise-policy.toml"), description).unwrap();
    let server = dev(&desk, &[]);
    server.log().line(&["live: calm, generation 1"]);
    for (index, wrong) in all().into_iter().enumerate() {
        save(&wrong.module);
        let told = server.log().lines(&["not dropped in: ", "policy `calm` rejected ("], index + 1).remove(index);
        says(&wrong, &told);
        server.log().lines(&["calm stays live: generation 1"], index + 1);
    }
}
