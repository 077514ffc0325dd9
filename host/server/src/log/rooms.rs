//! Where a line of the log comes from, as users name it: `reprise::store`, whatever crate the room `store` is in.

/// The rooms that log, each with the crate that its events' targets begin with.
pub(crate) const ROOMS: [(&str, &str); 29] = [
    ("accept", "reprise"),
    ("admin", "reprise_server"),
    ("agent", "reprise"),
    ("always", "reprise"),
    ("aside", "reprise_session"),
    ("cli", "reprise_server"),
    ("clock", "reprise_session"),
    ("conformance", "reprise_policy"),
    ("handshake", "reprise"),
    ("health", "reprise_server"),
    ("hooks", "reprise_openssl"),
    ("host", "reprise"),
    ("hosting", "reprise_server"),
    ("http", "reprise_server"),
    ("living", "reprise"),
    ("metrics", "reprise"),
    ("ownership", "reprise_session"),
    ("page", "reprise_server"),
    ("phase", "reprise_server"),
    ("policies_dir", "reprise_policy"),
    ("policy", "reprise_policy"),
    ("reading", "reprise_session"),
    ("replace", "reprise_session"),
    ("revocation", "reprise_store"),
    ("serve", "reprise_server"),
    ("session", "reprise_session"),
    ("status", "reprise"),
    ("store", "reprise_store"),
    ("vital", "reprise_session"),
];

/// A directive of a filter, such as `reprise::store=debug`, as tracing's EnvFilter has it: by the target of the events.
pub(crate) fn by_target(directive: &str) -> String {
    let Some(path) = directive.strip_prefix("reprise::") else { return directive.to_owned() };
    let room = path.split([':', '=']).next().unwrap_or_default();
    let of = ROOMS.iter().find(|(name, _)| *name == room).map_or("reprise", |(_, of)| of);
    format!("{of}::{path}")
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::*;

    #[test]
    fn a_directive_names_the_crate_of_its_room() {
        for (directive, by) in [
            ("debug", "debug"),
            ("reprise=trace", "reprise=trace"),
            ("reprise::host=off", "reprise::host=off"),
            ("reprise::serve=debug", "reprise_server::serve=debug"),
            ("reprise::policy::sandbox=off", "reprise_policy::policy::sandbox=off"),
            ("wasmtime=off", "wasmtime=off"),
        ] {
            assert_eq!(by_target(directive), by);
        }
    }

    #[test]
    fn rooms_are_those_that_there_are() {
        let host = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let sources = |of: &str| match of.strip_prefix("reprise_") {
            Some(folder) => host.join(folder).join("src"),
            None => host.join("src"),
        };
        let there = |(room, of): &(&str, &str)| {
            sources(of).join(room).is_dir() || sources(of).join(format!("{room}.rs")).is_file()
        };
        let not_there: Vec<_> = ROOMS.iter().filter(|room| !there(room)).collect();
        assert_eq!(not_there, [&("always", "reprise")], "the target that no filter holds back");
        const LOG_NOTHING: [&str; 25] = [
            "advice",
            "client",
            "consultation",
            "facts",
            "ffi",
            "following",
            "funnel",
            "fuzzing",
            "guest",
            "handler",
            "hello",
            "hex",
            "histogram",
            "lib",
            "lock",
            "log",
            "main",
            "names",
            "printable",
            "process",
            "recent",
            "signing",
            "state_dir",
            "tls",
            "verdict",
        ];
        for of in ["reprise", "reprise_openssl", "reprise_policy", "reprise_server", "reprise_session", "reprise_store"]
        {
            for entry in fs::read_dir(sources(of)).unwrap() {
                let path = entry.unwrap().path();
                let name = path.file_stem().unwrap().to_str().unwrap();
                // What `reprise` re-exports of another crate has that one's name.
                let known = ROOMS.iter().any(|(room, _)| *room == name) || LOG_NOTHING.contains(&name);
                assert!(known, "{name} of {of}");
            }
        }
    }
}
