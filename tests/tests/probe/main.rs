//! `reprise probe`, pointed at our server, at others as they come from a distribution, and at some
//! that are broken on purpose.

mod broken;
mod others;
mod ours;
mod shown;
mod small;

use std::{
    net::SocketAddr,
    process::{Command, Output},
};

use reprise_tests::{
    Place, built,
    certificates::{self, Identity},
};
use serde_json::Value;

/// What the command said.
struct Probed {
    status: Option<i32>,
    said: Value,
}

/// Probes a server under the name a.example.
fn probe(server: SocketAddr, arguments: &[&str]) -> Probed {
    let output = run(server, &[&["--json", "--server-name", "a.example"], arguments].concat());
    let said = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"));
    Probed { status: output.status.code(), said }
}

/// The same for so long, until this machine was quick enough to use sessions of these ways in their lifetime.
fn probe_for(span: &str, server: SocketAddr, ways: &[&str]) -> Probed {
    for _ in 0..20 {
        let probed = probe(server, &["--wait", span]);
        let in_time = |way: &&str| {
            let rows = probed.all(way, "lifetime");
            rows.len() == 1 && !rows[0]["seen"].as_str().unwrap().contains("too late here")
        };
        if ways.iter().all(in_time) {
            return probed;
        }
    }
    panic!("this machine is never quick enough");
}

fn run(server: SocketAddr, arguments: &[&str]) -> Output {
    let mut command = Command::new(built::server());
    command.args(["probe", &server.to_string()]).args(arguments).output().expect("the program starts")
}

impl Probed {
    fn rows(&self) -> impl Iterator<Item = &Value> {
        self.said["rows"].as_array().expect("there are rows").iter()
    }

    /// The rows of this check, in one way to resume.
    fn all(&self, way: &str, check: &str) -> Vec<&Value> {
        self.rows().filter(|row| row["way"] == way && row["check"] == check).collect()
    }

    /// Its one row.
    fn row(&self, way: &str, check: &str) -> &Value {
        match self.all(way, check)[..] {
            [row] => row,
            _ => panic!("not one row {check} of {way}: {:#}", self.said),
        }
    }

    /// The verdict and the outcome of its one row.
    fn came_to(&self, way: &str, check: &str) -> (&str, &str) {
        let row = self.row(way, check);
        (row["verdict"].as_str().unwrap(), row["outcome"].as_str().unwrap())
    }

    /// Those of this check in each of these ways.
    fn each<const WAYS: usize>(&self, ways: [&str; WAYS], check: &str) -> [(&str, &str); WAYS] {
        ways.map(|way| self.came_to(way, check))
    }

    /// The ways and checks with this verdict.
    fn with(&self, verdict: &str) -> Vec<String> {
        let of = |row: &Value| format!("{} {}", row["way"].as_str().unwrap(), row["check"].as_str().unwrap());
        self.rows().filter(|row| row["verdict"] == verdict).map(of).collect()
    }
}

const WAYS: [&str; 3] = ["tls12-id", "tls12-ticket", "tls13"];
const TICKETS: [&str; 2] = ["tls12-ticket", "tls13"];

fn own(name: &str) -> Identity {
    certificates::certificate(name).names(&[name]).make()
}

/// A place with a CA for clients, `ca.crt`, and a client of it, `client.crt` and `client.key`.
fn place_with_a_client() -> Place {
    let place = Place::new();
    let ca = certificates::client_ca("clients");
    place.identity("ca", &ca);
    place.identity("client", &ca.issue_client("client"));
    place
}
