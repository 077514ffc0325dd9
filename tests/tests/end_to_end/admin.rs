//! What an operator is told of a running server, and may tell it.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::{fs::PermissionsExt, net::UnixListener},
    path::Path,
    process::{Command, Output},
};

use reprise_fixtures::{Callback, policies};
use reprise_tests::{Client, Place, Server, Version, built, http, metrics::Exposition, until};
use serde_json::{Value, json};

/// Runs `reprise` about the server of a place: whether it went well, and what it said.
fn reprise(place: &Place, arguments: &[&str]) -> (bool, String) {
    let state = place.arg("state");
    let arguments = [arguments, &["--state-dir", &state]].concat();
    let Output { status, stdout, stderr } =
        Command::new(built::server()).args(&arguments).env_remove("RUST_LOG").output().expect("the program starts");
    (status.success(), String::from_utf8_lossy(&[stdout, stderr].concat()).into_owned())
}

fn status(place: &Place) -> Value {
    let (well, said) = reprise(place, &["status", "--json"]);
    assert!(well, "{said}");
    serde_json::from_str(&said).unwrap_or_else(|error| panic!("{error} in {said}"))
}

fn policy<'a>(status: &'a Value, name: &str) -> &'a Value {
    let policies = status["policies"].as_array().unwrap();
    policies.iter().find(|policy| policy["name"] == name).unwrap_or_else(|| panic!("no {name} in {policies:?}"))
}

fn handshakes<'a>(status: &'a Value, version: &str) -> &'a Value {
    let all = status["handshakes"].as_array().unwrap();
    all.iter().find(|handshakes| handshakes["version"] == version).unwrap()
}

/// What a server has to say once there was a miss, a policy that fails and one that counts.
fn visited(place: &Place) -> Server {
    place.policy("10-counts.wasm", policies::counts_in_state());
    place.policy("10-counts.toml", "mode = \"shadow\"\n");
    place.policy("20-calm.wasm", policies::no_opinion());
    // A budget for however busy the machine is.
    let server = place.serve(&["--admin", "0", "--policy-budget", "10s"]);
    for version in Version::BOTH {
        let client = Client::new(version);
        let session = client.first_visit(server.address()).session;
        assert!(client.revisit(server.address(), &session).reused);
        let elsewhere = Client::new(version).asking_for(Some("b.example"));
        assert!(!elsewhere.revisit(server.address(), &session).reused);
    }
    server
}

#[test]
fn status_tells_what_the_server_did() {
    let place = Place::new();
    let server = visited(&place);
    let status = status(&place);
    for version in ["1.2", "1.3"] {
        assert_eq!(*handshakes(&status, version), json!({"version": version, "full": 2, "resumed": 1}));
    }
    assert_eq!(status["misses"]["server-name"], 2);
    let calm = policy(&status, "calm");
    let module = fs::read(place.path("policies/20-calm.wasm")).unwrap();
    let hash: String = openssl::sha::sha256(&module).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!((&calm["state"], &calm["generation"], &calm["hash"]), (&json!("trial"), &json!(1), &json!(hash)));
    // TLS 1.2: two kept, one looked up and found; TLS 1.3: three kept. Misses of the host's ask no policy.
    assert_eq!(calm["calls"], 7, "{calm}");
    assert!(calm["instances"].as_u64().unwrap() > 0 && calm["failures"]["trap"] == 0, "{calm}");
    assert_eq!((&policy(&status, "counts")["mode"], &calm["mode"]), (&json!("shadow"), &json!("enforce")));
    assert_eq!(status["store"]["sessions"].as_u64().unwrap(), 5);

    let answer = http::get(server.admin(), "/status");
    assert!(answer.status == 200 && answer.head.contains("application/json"), "{answer:?}");
    let mut same: Value = serde_json::from_str(&answer.body).unwrap();
    same["now"] = status["now"].clone();
    assert_eq!(same["handshakes"], status["handshakes"]);
    assert_eq!(policy(&same, "calm")["hash"], calm["hash"]);

    let (well, page) = reprise(&place, &["status"]);
    assert!(well, "{page}");
    for part in ["TLS 1.3: 2 full, 1 resumed", "server-name 2", "calm (20-calm.wasm): trial", &hash[..12], "counts"] {
        assert!(page.contains(part), "{part} in\n{page}");
    }
}

#[test]
fn metrics_tell_the_same_in_the_format_of_prometheus() {
    let place = Place::new();
    let server = visited(&place);
    let answer = http::get(server.admin(), "/metrics");
    assert!(answer.head.contains("application/openmetrics-text; version=1.0.0"), "{}", answer.head);
    let metrics = Exposition::parse(&answer.body);
    for version in ["1.2", "1.3"] {
        let of =
            |handshake| metrics.value("reprise_handshakes_total", &[("version", version), ("handshake", handshake)]);
        assert_eq!((of("full"), of("resumed")), (2.0, 1.0));
    }
    assert_eq!(metrics.value("reprise_misses_total", &[("reason", "server-name")]), 2.0);
    assert_eq!(metrics.value("reprise_session_age_seconds_count", &[]), 2.0);
    assert_eq!(metrics.value("reprise_policy_generation", &[("policy", "calm")]), 1.0);
    assert_eq!(metrics.value("reprise_store_sessions", &[]), 5.0);
    let calls = |callback| {
        let labels = [("policy", "calm"), ("callback", callback)];
        let durations = metrics.value("reprise_policy_call_duration_seconds_count", &labels);
        assert_eq!(metrics.value("reprise_policy_calls_total", &labels), durations);
        durations
    };
    assert_eq!((calls("new-session"), calls("get-session"), calls("remove-session")), (5.0, 2.0, 0.0));
}

/// `docs/metrics.md` names each metric, its type and its labels, as they are.
#[test]
fn every_metric_is_in_the_documentation_and_nothing_else_is() {
    let place = Place::new();
    let server = visited(&place);
    let mut metrics = Vec::new();
    // Asked off the handshakes, the policy in shadow mode counts a little later.
    until("every metric has a sample", || {
        metrics = Exposition::parse(&http::get(server.admin(), "/metrics").body).0;
        metrics.iter().all(|family| !family.samples.is_empty())
    });
    let exported: BTreeMap<String, (String, String)> = metrics
        .iter()
        .map(|family| {
            let total = if family.kind == "counter" { "_total" } else { "" };
            let labels: Vec<String> = family.labels().iter().map(|label| format!("`{label}`")).collect();
            (format!("{}{total}", family.name), (family.kind.clone(), labels.join(", ")))
        })
        .collect();
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/metrics.md");
    let page = fs::read_to_string(page).unwrap();
    let documented: BTreeMap<String, (String, String)> = page
        .lines()
        .filter_map(|line| line.strip_prefix("| `reprise_"))
        // Of a server that no module asks, there are none: the module's tests look at them.
        .filter(|line| !line.starts_with("program_"))
        .map(|row| {
            let cells: Vec<&str> = row.split('|').map(str::trim).collect();
            let mut labels: Vec<&str> = cells[2].split(", ").filter(|label| !label.is_empty()).collect();
            labels.sort_unstable();
            (format!("reprise_{}", cells[0].trim_end_matches('`')), (cells[1].to_owned(), labels.join(", ")))
        })
        .collect();
    assert_eq!(exported, documented);
}

#[test]
fn a_rejected_module_shows_with_its_reason_beside_the_generation_that_stays() {
    let place = Place::new();
    place.policy("10-a.wasm", policies::no_opinion());
    place.policy("20-never.wasm", b"garbage");
    let server = place.serve(&["--admin", "0"]);
    server.live("a", 1);
    place.policy("10-a.wasm", b"garbage, too");
    server.log().line(&["rejected", "10-a.wasm", "keeping generation 1"]);
    let told = status(&place);
    let (a, never) = (policy(&told, "a"), policy(&told, "never"));
    assert_eq!((&a["state"], &a["generation"], &a["rejections"]), (&json!("trial"), &json!(1), &json!(1)));
    assert!(a["last_rejection"]["reason"].as_str().unwrap().contains("expected a WebAssembly component"), "{a}");
    assert_eq!((&never["state"], &never["generation"]), (&json!("missing"), &json!(null)));
    let metrics = Exposition::parse(&http::get(server.admin(), "/metrics").body);
    assert_eq!(metrics.value("reprise_policy_rejections_total", &[("policy", "a")]), 1.0);
    assert_eq!(metrics.value("reprise_policy_state", &[("policy", "never"), ("state", "missing")]), 1.0);
    assert_eq!(metrics.value("reprise_policy_state", &[("policy", "a"), ("state", "missing")]), 0.0);

    place.policy("10-a.wasm", policies::refuse_get());
    server.live("a", 2);
    let told = status(&place);
    assert_eq!((&policy(&told, "a")["rejected"], &policy(&told, "a")["rejections"]), (&json!(null), &json!(1)));
    let (_, page) = reprise(&place, &["status"]);
    assert!(page.contains("ago: 10-a.wasm (componentize)"), "{page}");
}

#[test]
fn failures_show_by_their_kind_and_so_does_what_became_of_the_policy() {
    let place = Place::new();
    place.policy("10-bad.wasm", policies::trap_in(Callback::New));
    let server = place.serve(&["--admin", "0"]);
    let client = Client::new(Version::Tls12);
    for _ in 0..3 {
        client.first_visit(server.address());
    }
    let told = status(&place);
    assert_eq!(policy(&told, "bad")["failures"]["trap"], 3, "{told}");
    until("it is quarantined", || {
        client.first_visit(server.address());
        policy(&status(&place), "bad")["state"] == "quarantined"
    });
    let told = status(&place);
    let bad = policy(&told, "bad");
    assert!(bad["reason"].is_string() && bad["answering"].is_null(), "{bad}");
    let metrics = Exposition::parse(&http::get(server.admin(), "/metrics").body);
    assert_eq!(metrics.value("reprise_policy_state", &[("policy", "bad"), ("state", "quarantined")]), 1.0);
    let traps = metrics.value("reprise_policy_failures_total", &[("policy", "bad"), ("kind", "trap")]);
    assert_eq!(traps, bad["failures"]["trap"].as_f64().unwrap());
}

#[test]
fn an_operator_quarantines_a_policy_rolls_it_back_and_takes_the_directory_up_anew() {
    let place = Place::new();
    place.policy("10-a.wasm", policies::no_opinion());
    let server = place.serve(&[]);
    place.policy("10-a.wasm", policies::refuse_get());
    server.live("a", 2);

    let (well, said) = reprise(&place, &["policies", "rollback", "a"]);
    assert!(well && said.contains("generation") && said.contains("rolled back to generation 1"), "{said}");
    assert_eq!(policy(&status(&place), "a")["generation"], 1);
    let (well, said) = reprise(&place, &["policies", "rollback", "a"]);
    assert!(!well && said.contains("no generation before it is kept"), "{said}");

    let (well, said) = reprise(&place, &["policies", "quarantine", "a"]);
    assert!(well && said.contains("quarantined"), "{said}");
    let first = Client::new(Version::Tls13).first_visit(server.address());
    assert_eq!(first.report.not_kept_reason.as_deref(), Some("policy-failed: a: quarantined"));

    let (well, said) = reprise(&place, &["policies", "reload"]);
    assert!(well && said.contains("a (10-a.wasm): trial"), "{said}");
    assert_eq!(policy(&status(&place), "a")["generation"], 3, "what was rolled back is loaded again");

    place.policy("20-bad.wasm", b"garbage");
    let (well, said) = reprise(&place, &["policies", "reload"]);
    assert!(!well && said.contains("bad (20-bad.wasm): rejected") && said.contains("expected"), "{said}");
}

#[test]
fn who_asks_about_an_unknown_policy_is_told_which_there_are() {
    let place = Place::new();
    place.policy("10-tenants.wasm", policies::no_opinion());
    place.policy("20-odd name.wasm", policies::no_opinion());
    let _server = place.serve(&[]);
    for wish in ["rollback", "quarantine"] {
        let (well, said) = reprise(&place, &["policies", wish, "tenant"]);
        assert!(!well && said.contains("`tenant`") && said.contains("tenants, odd name"), "{said}");
    }
    let (well, said) = reprise(&place, &["policies", "quarantine", "odd name"]);
    assert!(well, "{said}");
}

#[test]
fn who_asks_where_no_server_is_is_told_what_to_do() {
    let place = Place::new();
    for arguments in [&["status"][..], &["status", "--json"], &["policies", "reload"]] {
        let (well, said) = reprise(&place, arguments);
        let parts = ["no server answers at", "state/reprise.sock", "reprise serve", "--state-dir"];
        assert!(!well && parts.iter().all(|part| said.contains(part)), "{said}");
    }
    // One that died leaves a file behind.
    fs::create_dir(place.path("state")).unwrap();
    drop(UnixListener::bind(place.path("state/reprise.sock")).unwrap());
    let (well, said) = reprise(&place, &["status"]);
    assert!(!well && said.contains("no server answers at"), "{said}");
}

#[test]
fn the_socket_is_its_owner_s_alone() {
    let place = Place::new();
    let _server = place.serve(&[]);
    let mode = |file: &str| fs::metadata(place.path(file)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("state/reprise.sock"), mode("state")), (0o600, 0o700));
}

#[test]
fn the_socket_of_a_live_server_is_not_taken_and_that_of_a_dead_one_is() {
    let place = Place::new();
    let first = place.serve(&[]);
    let (cert, key, state) = (place.arg("server.crt"), place.arg("server.key"), place.arg("state"));
    // As many listeners as say that they listen: none, for it ends.
    let second = ["serve", "--cert", &cert, "--key", &key, "--state-dir", &state, "--config", &place.arg("config")];
    place.write("config", "listen = '127.0.0.1:0'\n");
    let mut second = Server::start(&built::server(), &second, &[]);
    second.log().line(&["another server runs", "--state-dir"]);
    assert!(!second.ended().success());
    let process = status(&place)["process"].clone();

    // Killed: its socket stays behind.
    drop(first);
    assert!(place.path("state/reprise.sock").exists());
    let _third = place.serve(&[]);
    assert_ne!(status(&place)["process"], process);
}

#[test]
fn a_server_that_drains_says_so_and_leaves_the_socket_to_its_successor() {
    let place = Place::new();
    let mut server = place.serve(&["--admin", "0", "--drain", "1d"]);
    assert_eq!(http::get(server.admin(), "/readyz").status, 200);
    let open = Client::new(Version::Tls13).connect(server.address(), None).expect("the server is up");
    server.terminate();
    server.log().line(&["stopping"]);
    until("it is not ready", || http::get(server.admin(), "/readyz").status == 503);
    assert_eq!(http::get(server.admin(), "/healthz").status, 200);
    until("the socket is given up", || !place.path("state/reprise.sock").exists());
    let _successor = place.serve(&[]);
    assert_ne!(status(&place)["process"], Value::Null);
    open.finish().expect("what began is finished");
    assert!(server.ended().success());
    assert!(place.path("state/reprise.sock").exists(), "it is the successor's");
}

#[test]
fn admin_is_on_the_loopback_interface_unless_an_address_is_given_and_changes_nothing() {
    let place = Place::new();
    let server = place.serve(&["--admin", "0"]);
    assert!(server.admin().ip().is_loopback());
    assert!(!server.log().text().contains("open to other machines"));
    for path in ["/policies/reload", "/status"] {
        assert_eq!(http::request(server.admin(), "POST", path).status, 405);
    }
    drop(server);
    let server = place.serve(&["--admin", "0.0.0.0:0"]);
    server.log().line(&["--admin 0.0.0.0:0 is open to other machines"]);
}

#[test]
fn no_secret_and_no_client_shows_in_status_or_metrics() {
    let place = Place::new();
    let server = visited(&place);
    let client = Client::new(Version::Tls12).asking_for(Some("very-private.example"));
    let session = client.first_visit(server.address()).session;
    assert!(client.revisit(server.address(), &session).reused);
    let id: String = session.id.iter().map(|byte| format!("{byte:02x}")).collect();
    for output in [http::get(server.admin(), "/status").body, http::get(server.admin(), "/metrics").body] {
        assert!(!output.contains("very-private") && !output.contains(&id[..16]), "{output}");
        assert!(!output.contains("127.0.0.1"), "{output}");
    }
}
