//! Over TLS, by a process that trusts the server: whom it trusts is read once in a process.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use reprise_tests::certificates;

use super::{
    Harm, friendly,
    mock::{Answer, Mock},
};

/// Where the server's certificate and key are.
const DIRECTORY: &str = "REPRISE_TEST_TLS_DIRECTORY";

#[test]
fn what_comes_over_tls_has_the_same_bounds() {
    let directory = tempfile::tempdir().unwrap();
    let write = |name: &str, content: Vec<u8>| {
        let path = directory.path().join(name);
        fs::write(&path, content).unwrap();
        path
    };
    let server = certificates::server();
    write("server.crt", server.certificate_pem());
    write("server.key", server.key_pem());
    let ca = write("ca.crt", certificates::server_ca().certificate_pem());
    let name = concat!(module_path!(), "::each_harm_by_a_process_that_trusts_it").split_once("::").unwrap().1;
    let trusting = Command::new(env::current_exe().unwrap())
        .args([name, "--exact", "--ignored"])
        .env(DIRECTORY, directory.path())
        .env("SSL_CERT_FILE", ca)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&trusting.stdout);
    assert!(trusting.status.success() && said.contains("1 passed"), "{said}");
}

#[test]
#[ignore = "run by the test above"]
fn each_harm_by_a_process_that_trusts_it() {
    let directory = PathBuf::from(env::var_os(DIRECTORY).unwrap());
    for harm in Harm::each() {
        let answer = harm.answer();
        let server = start(&directory, move |command| match command[0].as_str() {
            "SUBSCRIBE" => answer.clone().after(friendly(command)),
            _ => friendly(command),
        });
        harm.is_bounded(&format!("rediss://localhost:{}", server.address().port()), &server);
    }
    // The same where a Sentinel, or a Cluster's node, is asked who the others are.
    for (kind, question) in [("sentinel", "SENTINEL"), ("cluster", "CLUSTER")] {
        for harm in [Harm::bulk(), Harm::long_array()] {
            let answer = harm.answer();
            let server = start(
                &directory,
                move |command| {
                    if command[0] == question { answer.clone() } else { friendly(command) }
                },
            );
            let master = if kind == "sentinel" { "/sessions" } else { "" };
            harm.is_bounded(&format!("rediss+{kind}://localhost:{}{master}", server.address().port()), &server);
        }
    }
}

fn start(directory: &Path, answer: impl Fn(&[String]) -> Answer + Send + Sync + 'static) -> Mock {
    Mock::start_tls(&directory.join("server.crt"), &directory.join("server.key"), answer)
}
