//! Python's `ssl` module.

use std::{net::SocketAddr, path::Path, process::Command};

use serde::Deserialize;

use crate::{Report, Version, report::REQUEST};

/// Connects to each name in turn, offering the session of the connection before, and prints a line of JSON for each.
const SCRIPT: &str = r#"
import json, socket, ssl, sys

host, port, version, cert, key, request, *names = sys.argv[1:]
context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
context.check_hostname = False
context.verify_mode = ssl.CERT_NONE
context.minimum_version = context.maximum_version = getattr(ssl.TLSVersion, version)
if cert:
    context.load_cert_chain(cert, key)
session = None
for name in names:
    visit = {"reused": False, "answer": "", "error": None}
    try:
        with socket.create_connection((host, int(port)), timeout=60) as tcp:
            with context.wrap_socket(tcp, server_hostname=name or None, session=session) as tls:
                tls.sendall(request.encode())
                while chunk := tls.recv(65536):
                    visit["answer"] += chunk.decode()
                visit["reused"] = tls.session_reused
                session = tls.session
    except OSError as error:
        visit["error"] = str(error)
    print(json.dumps(visit))
"#;

/// One connection.
#[derive(Debug, Deserialize)]
pub struct Visit {
    /// Python's view of whether it resumed.
    pub reused: bool,
    /// Why it failed, if it did.
    pub error: Option<String>,
    answer: String,
}

/// Connects for each of `names` in turn ("" is none), always offering the session of the connection before.
pub fn visits(address: SocketAddr, version: Version, identity: Option<(&Path, &Path)>, names: &[&str]) -> Vec<Visit> {
    let version = match version {
        Version::Tls12 => "TLSv1_2",
        Version::Tls13 => "TLSv1_3",
    };
    let (cert, key) = identity.unwrap_or((Path::new(""), Path::new("")));
    let mut command = Command::new("python3");
    command.args(["-c", SCRIPT, &address.ip().to_string(), &address.port().to_string(), version]);
    command.arg(cert).arg(key).arg(REQUEST).args(names);
    let done =
        command.output().expect("`python3` is not there. Install it, then try again:\n  apt-get install python3");
    let (output, errors) = (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    assert!(done.status.success(), "the script failed:\n{output}{errors}");
    output.lines().map(|line| serde_json::from_str(line).expect("the script prints JSON")).collect()
}

impl Visit {
    /// The report of a server that answered.
    pub fn answered(&self) -> Report {
        assert_eq!(self.error, None);
        Report::of_answer(&self.answer).unwrap_or_else(|error| panic!("{error}"))
    }
}
