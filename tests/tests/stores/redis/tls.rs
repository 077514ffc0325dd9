//! `rediss://`, by the system's CAs: those of `SSL_CERT_FILE`, which is read once in a process, so
//! that this needs one of its own.

use std::{env, process::Command};

use reprise::store::{Redis, Store};
use reprise_tests::{redis::RedisServer, until};

use super::{entry, find, id, node, patient, put};

const URL: &str = "REPRISE_TEST_TLS_URL";

#[test]
fn a_server_is_trusted_by_the_systems_cas_and_no_other_is() {
    let server = RedisServer::start_tls();
    let test = env::current_exe().unwrap();
    let name = concat!(module_path!(), "::found_by_a_process_that_trusts_it").split_once("::").unwrap().1;
    let trusting = Command::new(test)
        .args([name, "--exact", "--ignored"])
        .env(URL, server.tls_url())
        .env("SSL_CERT_FILE", server.path("ca.crt"))
        .output()
        .unwrap();
    assert!(trusting.status.success(), "{}", String::from_utf8_lossy(&trusting.stdout));
    assert!(String::from_utf8_lossy(&trusting.stdout).contains("1 passed"));

    let node = Redis::connect(&server.tls_url(), patient("a")).unwrap();
    until("it has tried", || server.log().contains("Error accepting a client connection"));
    assert!(find(&node, &id()).is_err());
    node.remove(&id());
}

#[test]
#[ignore = "run by the test above"]
fn found_by_a_process_that_trusts_it() {
    let node = node(&env::var(URL).unwrap(), "a");
    assert!(find(&node, &put(&node, entry())).unwrap().is_some());
}
