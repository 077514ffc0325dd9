//! Servers that share a certificate, a keyring and stores.

use std::{
    net::SocketAddr,
    process::{Command, Output},
};

use serde_json::Value;

#[cfg(target_os = "linux")]
use super::SmallDisk;
use crate::{Client, Place, Server, Session, built, redis::free_port, until};

/// Nodes that are `reprise serve`, each with a port and a state directory of its own. A node keeps
/// its port when it is started again.
pub struct Fleet {
    /// Before the place: servers go before their files.
    nodes: Vec<Node>,
    place: Place,
    arguments: Vec<String>,
    /// A program that runs them, and its arguments; none where they run by themselves.
    runner: Vec<String>,
}

struct Node {
    port: u16,
    /// None while it is down.
    server: Option<Server>,
}

impl Fleet {
    /// So many nodes with these stores, the nearest first, once they listen.
    pub fn start(nodes: usize, stores: &[&str]) -> Self {
        Self::start_with(nodes, Place::new(), stores, &[])
    }

    /// Like [`Fleet::start`], in a place that may have policies, and with these arguments.
    pub fn start_with(nodes: usize, place: Place, stores: &[&str], arguments: &[&str]) -> Self {
        Self::start_by(Vec::new(), nodes, place, stores, arguments)
    }

    /// Like [`Fleet::start_with`]; the nodes see this disk.
    #[cfg(target_os = "linux")]
    pub fn start_on(disk: &SmallDisk, nodes: usize, place: Place, stores: &[&str], arguments: &[&str]) -> Self {
        Self::start_by(disk.runner(), nodes, place, stores, arguments)
    }

    fn start_by(runner: Vec<String>, nodes: usize, place: Place, stores: &[&str], arguments: &[&str]) -> Self {
        let stores = stores.iter().flat_map(|store| ["--store", store]);
        let mut arguments: Vec<String> = stores.chain(arguments.iter().copied()).map(str::to_owned).collect();
        arguments.extend(["--keyring".to_owned(), place.arg("keyring")]);
        let mut fleet = Self { nodes: Vec::new(), place, arguments, runner };
        fleet.run(&["keys", "new", &fleet.place.arg("keyring")]);
        for node in 0..nodes {
            let port = free_port();
            let server = Some(fleet.serve(node, port));
            fleet.nodes.push(Node { port, server });
        }
        fleet
    }

    fn serve(&self, node: usize, port: u16) -> Server {
        let (listen, state) = (format!("127.0.0.1:{port}"), self.state(node));
        let mut all = vec!["--listen", &listen, "--state-dir", &state];
        all.extend(self.arguments.iter().map(String::as_str));
        let runner: Vec<&str> = self.runner.iter().map(String::as_str).collect();
        match runner.split_first() {
            None => self.place.serve(&all),
            Some((program, before)) => self.place.serve_by(program, before, &all),
        }
    }

    fn state(&self, node: usize) -> String {
        self.place.arg(&format!("state-{node}"))
    }

    /// The files of all.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// Where the nodes listen.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        (0..self.nodes.len()).map(|node| self.address(node)).collect()
    }

    /// Where a node listens, or did.
    pub fn address(&self, node: usize) -> SocketAddr {
        ([127, 0, 0, 1], self.nodes[node].port).into()
    }

    /// A node that is up.
    pub fn node(&self, node: usize) -> &Server {
        self.nodes[node].server.as_ref().expect("it is up")
    }

    /// A session that the first node made for this client, and that resumed at every other one.
    pub fn known_everywhere(&self, client: &Client) -> Session {
        let all: Vec<usize> = (0..self.nodes.len()).collect();
        self.known_to(client, &all)
    }

    /// A session that the first node made for this client, and that resumed at these.
    ///
    /// It is written behind the handshake that made it, so a node may be asked too early; what a
    /// node did not find it does not look for again for some seconds. So each attempt is with a
    /// session of its own.
    pub fn known_to(&self, client: &Client, nodes: &[usize]) -> Session {
        let mut known = None;
        until("these nodes find a session", || {
            let session = client.first_visit(self.address(0)).session;
            let found = nodes.iter().all(|node| client.revisit(self.address(*node), &session).reused);
            known = found.then_some(session);
            known.is_some()
        });
        known.expect("it was waited for")
    }

    /// Ends a node with SIGKILL.
    pub fn kill(&mut self, node: usize) {
        let mut server = self.nodes[node].server.take().expect("it is up");
        server.kill();
    }

    /// Ends a node with SIGTERM, and waits for its end.
    pub fn stop(&mut self, node: usize) {
        let mut server = self.nodes[node].server.take().expect("it is up");
        server.terminate();
        assert!(server.ended().success());
    }

    /// Starts a node again that is down, once it listens.
    pub fn restart(&mut self, node: usize) {
        let server = self.serve(node, self.nodes[node].port);
        self.nodes[node].server = Some(server);
    }

    /// Rotates the keyring, and waits until every node has taken it up, for the `times`th time.
    pub fn rotate_keys(&self, times: usize, arguments: &[&str]) {
        let keyring = self.place.arg("keyring");
        self.run(&[&["keys", "rotate", &keyring], arguments].concat());
        for node in self.nodes.iter().filter_map(|node| node.server.as_ref()) {
            node.log().lines(&["the keyring's keys are in force"], times);
        }
    }

    /// Runs `reprise revoke` at a node: its exit status, and what it said.
    pub fn revoke(&self, node: usize, arguments: &[&str]) -> (Option<i32>, String) {
        let output = self.try_run(&[&["revoke", "--state-dir", &self.state(node)], arguments].concat());
        (output.status.code(), String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
    }

    /// What `reprise status --json` tells of a node.
    pub fn status(&self, node: usize) -> Value {
        let told = self.run(&["status", "--json", "--state-dir", &self.state(node)]);
        serde_json::from_str(&told).unwrap_or_else(|error| panic!("{error} in {told}"))
    }

    /// What a command prints that must go well.
    fn run(&self, arguments: &[&str]) -> String {
        let output = self.try_run(arguments);
        let (said, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{arguments:?}: {said}{errors}");
        said.into_owned()
    }

    fn try_run(&self, arguments: &[&str]) -> Output {
        Command::new(built::server()).args(arguments).env_remove("RUST_LOG").output().expect("the program starts")
    }
}
