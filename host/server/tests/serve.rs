//! `reprise serve` as a process, with OpenSSL's own client.

#[allow(dead_code)]
#[path = "../../tests/support/certificates.rs"]
mod certificates;

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Child, ChildStderr, Command, Output, Stdio},
};

use certificates::Identity;
use serde_json::Value;

/// A server in a process of its own, stopped when dropped.
struct Server {
    process: Child,
    log: BufReader<ChildStderr>,
    port: String,
    dir: tempfile::TempDir,
}

impl Server {
    /// Starts one with these arguments, where `{}` is the directory of its files.
    fn start(dir: tempfile::TempDir, arguments: &str) -> Self {
        let state_dir = if arguments.contains("--state-dir") { "" } else { " --state-dir {}/state" };
        let arguments = (arguments.to_owned() + state_dir).replace("{}", dir.path().to_str().unwrap());
        let mut process = Command::new(env!("CARGO_BIN_EXE_reprise"))
            .args(["serve", "--listen", "127.0.0.1:0"])
            .args(arguments.split_whitespace())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = BufReader::new(process.stderr.take().unwrap());
        let mut server = Self { process, log, port: String::new(), dir };
        let ready = server.wait_for("listening on 127.0.0.1:");
        server.port = ready.trim().rsplit(':').next().unwrap().to_owned();
        server
    }

    /// The next line of the log with this in it.
    fn wait_for(&mut self, text: &str) -> String {
        let mut seen = String::new();
        loop {
            let start = seen.len();
            assert!(self.log.read_line(&mut seen).unwrap() > 0, "the log ended without `{text}`:\n{seen}");
            if seen[start..].contains(text) {
                return seen[start..].to_owned();
            }
        }
    }

    /// What `GET /connection` says of a connection that `openssl s_client` makes.
    fn connection(&self, arguments: &str) -> Value {
        let output = self.s_client(arguments);
        let answer = String::from_utf8(output.stdout).unwrap();
        let body = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer, but: {answer}")).1;
        serde_json::from_str(body).unwrap()
    }

    fn s_client(&self, arguments: &str) -> Output {
        let arguments = arguments.replace("{}", self.dir.path().to_str().unwrap());
        let mut client = Command::new("openssl")
            .args(["s_client", "-quiet", "-ign_eof", "-connect", &format!("127.0.0.1:{}", self.port)])
            .args(arguments.split_whitespace())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // A client that was refused has gone already.
        let _ = client.stdin.take().unwrap().write_all(b"GET /connection HTTP/1.0\r\n\r\n");
        client.wait_with_output().unwrap()
    }

    fn terminate(&mut self) {
        let pid = self.process.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Writes NAME.crt and NAME.key.
fn write(dir: &Path, name: &str, identity: &Identity) {
    fs::write(dir.join(format!("{name}.key")), identity.key.private_key_to_pem_pkcs8().unwrap()).unwrap();
    fs::write(dir.join(format!("{name}.crt")), identity.certificate.to_pem().unwrap()).unwrap();
}

/// Writes into `file` in one step, by a rename.
fn replace(file: PathBuf, content: &[u8]) {
    let beside = file.with_extension("new");
    fs::write(&beside, content).unwrap();
    fs::rename(beside, file).unwrap();
}

/// A directory with a server's certificate, a client's, and the CA of both.
fn files() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "server", &certificates::server());
    write(dir.path(), "client", &certificates::client("client", 10));
    write(dir.path(), "ca", &certificates::ca());
    dir
}

const VERSIONS: [&str; 2] = ["-tls1_2", "-tls1_3"];

#[test]
fn a_session_resumes_and_the_report_says_since_when() {
    let server = Server::start(files(), "--cert {}/server.crt --key {}/server.key");
    for version in VERSIONS {
        let first = server.connection(&format!("{version} -servername a.example -sess_out {{}}/session"));
        let again = server.connection(&format!("{version} -servername a.example -sess_in {{}}/session"));
        assert_eq!((&first["resumed"], &again["resumed"]), (&false.into(), &true.into()), "{version}");
        assert_eq!(first["authenticated"], again["authenticated"], "{version}");
        assert_eq!(again["resumptions"], 1, "{version}");
        assert_eq!(first["session_id"].as_str().unwrap().len(), 16, "{version}");
        let other = server.connection(&format!("{version} -servername b.example -sess_in {{}}/session"));
        assert_eq!((&other["resumed"], &other["miss_reason"]), (&false.into(), &"server-name".into()), "{version}");
    }
}

#[test]
fn a_renewed_server_certificate_keeps_sessions() {
    let dir = files();
    let pem = |identity: &Identity| {
        [identity.certificate.to_pem().unwrap(), identity.key.private_key_to_pem_pkcs8().unwrap()].concat()
    };
    let file = dir.path().join("server.pem");
    fs::write(&file, pem(&certificates::server())).unwrap();
    let mut server = Server::start(dir, "--cert {}/server.pem");
    for version in VERSIONS {
        server.connection(&format!("{version} -sess_out {{}}/session"));
        replace(file.clone(), &pem(&certificates::issue("renewed", Some(&certificates::ca()), 30, |_| {})));
        server.wait_for("are in force");
        let again = server.connection(&format!("{version} -sess_in {{}}/session"));
        assert_eq!(again["resumed"], true, "{version}: {again}");
    }
}

#[test]
fn another_client_ca_ends_the_sessions_made_under_the_old_one() {
    let dir = files();
    let ca = dir.path().join("ca.crt");
    let mut server = Server::start(dir, "--cert {}/server.crt --key {}/server.key --client-ca {}/ca.crt");
    for version in VERSIONS {
        let client = format!("{version} -cert {{}}/client.crt -key {{}}/client.key");
        server.connection(&format!("{client} -sess_out {{}}/session"));
        assert_eq!(server.connection(&format!("{client} -sess_in {{}}/session"))["resumed"], true, "{version}");
        let more = certificates::issue("another CA", None, 30, |_| {}).certificate.to_pem().unwrap();
        replace(ca.clone(), &[fs::read(&ca).unwrap(), more].concat());
        server.wait_for("are in force");
        let again = server.connection(&format!("{client} -sess_in {{}}/session"));
        assert_eq!((&again["resumed"], &again["miss_reason"]), (&false.into(), &"epoch".into()), "{version}");
    }
}

#[test]
fn a_session_made_with_a_client_certificate_does_not_resume_at_a_site_that_trusts_others() {
    let dir = files();
    write(dir.path(), "other-ca", &certificates::issue("Other CA", None, 30, |_| {}));
    let server = Server::start(
        dir,
        "--cert {}/server.crt --key {}/server.key \
         --site a.example={}/server.crt,{}/server.key,{}/ca.crt --site b.example={}/server.crt,{}/server.key,{}/other-ca.crt",
    );
    for version in VERSIONS {
        let client = format!("{version} -cert {{}}/client.crt -key {{}}/client.key");
        server.connection(&format!("{client} -servername a.example -sess_out {{}}/session"));
        let refused = server.s_client(&format!("{client} -servername b.example -sess_in {{}}/session"));
        assert_eq!(String::from_utf8_lossy(&refused.stdout), "", "{version}");
    }
}

#[test]
fn sigterm_ends_the_server_once_its_clients_are_done() {
    let mut server = Server::start(files(), "--cert {}/server.crt --key {}/server.key --drain 1h");
    server.connection("-tls1_3");
    server.terminate();
    server.wait_for("stopped");
    assert!(server.process.wait().unwrap().success());
}

#[test]
fn without_a_certificate_one_is_made_and_a_client_that_trusts_it_connects() {
    let server = Server::start(tempfile::tempdir().unwrap(), "--state-dir {}/state");
    let trusting = "-CAfile {}/state/localhost.crt -verify_return_error -verify_hostname localhost";
    assert_eq!(server.connection(trusting)["protocol"], "TLSv1.3");
}

#[test]
fn check_tells_good_policies_from_bad_ones() {
    let dir = tempfile::tempdir().unwrap();
    let (good, bad) = (dir.path().join("10-calm.wasm"), dir.path().join("20-bad.wasm"));
    fs::write(&good, reprise_fixtures::policies::no_opinion()).unwrap();
    fs::write(&bad, "garbage").unwrap();
    let check = |files: &[&PathBuf]| {
        let output = Command::new(env!("CARGO_BIN_EXE_reprise")).arg("check").args(files).output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    let (code, said) = check(&[&good]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("10-calm.wasm") && said.contains("`calm`"), "{said}");
    let (code, said) = check(&[&bad, &good]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("20-bad.wasm") && said.contains("10-calm.wasm"), "{said}");
}
