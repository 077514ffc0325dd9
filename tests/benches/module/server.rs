//! An nginx from the distribution, with what keeps its sessions.

use std::{fs, net::SocketAddr, path::Path, process::Command};

use anyhow::{Context, Result, bail};
use openssl::{pkey::PKey, rsa::Rsa};
use reprise_tests::{
    certificates::{self, Identity},
    modules::{Guests, Running},
    nginx::{self, Configuration},
    until,
};

use super::{agent::Agent, keeper::Keeper, load::NAME, placement::Placement, spent::Spent};

/// A server that runs.
pub struct Server {
    nginx: Running,
    agent: Option<Agent>,
    /// The master process and its workers.
    processes: Vec<u32>,
    // Gone after those who use its files.
    _guests: Guests,
}

/// How it is set up.
#[derive(Clone, Copy)]
pub struct Setup<'a> {
    /// Processes that serve.
    pub workers: usize,
    /// The CA of the certificates that clients must have.
    pub client_ca: Option<&'a Identity>,
    /// The module's.
    pub deadline: &'a str,
    /// Where the agent keeps sessions, unless it is in memory.
    pub redis: Option<&'a str>,
}

impl Server {
    /// One that listens.
    pub fn start(keeper: Keeper, setup: Setup<'_>, placement: Placement) -> Result<Self> {
        if let Some(missing) = keeper.missing() {
            bail!(missing);
        }
        let guests = Guests::with(&format!("deadline = {}", setup.deadline));
        let place = guests.place();
        place.identity(NAME, &certificates::certificate(NAME).names(&[NAME]).make());
        if let Some(ca) = setup.client_ca {
            place.write("client-ca.crt", ca.certificate_pem());
        }
        let agent = if keeper.has_module() {
            Some(Agent::start(&guests, keeper.policy(), setup.redis)?)
        } else {
            place.write("openssl.cnf", "");
            None
        };
        if keeper == Keeper::Lua {
            place.write("nginx.conf", configuration(keeper, setup, 1));
            loads(nginx::command(place).arg("-t").env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"))?;
        }
        let nginx = guests.start("nginx", |port| {
            place.write("nginx.conf", configuration(keeper, setup, port));
            nginx::command(place)
        });
        until("all workers serve", || nginx.workers().len() >= setup.workers);
        let mut processes = nginx.workers();
        processes.extend(processes.first().and_then(|worker| parent(*worker)));
        let server = Self { nginx, agent, processes, _guests: guests };
        placement.serve(&server.processes);
        placement.serve(&server.agents());
        Ok(server)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.nginx.address()
    }

    /// What nginx has spent so far, and what its agent has.
    pub fn spent(&self) -> [Spent; 2] {
        [Spent::by(&self.processes), Spent::by(&self.agents())]
    }

    fn agents(&self) -> Vec<u32> {
        self.agent.iter().map(Agent::number).collect()
    }
}

/// A client's certificate by this CA, with an RSA key: dear to decode, and so a session with it.
pub fn client(ca: &Identity) -> Result<Identity> {
    let key = PKey::from_rsa(Rsa::generate(2048)?)?;
    let made = certificates::certificate("client").of_example().by(Some(ca));
    let made = made.extended(|builder| builder.set_pubkey(&key).expect("it takes a key")).make();
    Ok(Identity { certificate: made.certificate, key })
}

/// Fails with the first thing that nginx says if it does not take its configuration.
fn loads(command: &mut Command) -> Result<()> {
    let tried = command.output().context("nginx is not there: apt-get install nginx")?;
    let said = String::from_utf8_lossy(&tried.stderr);
    if tried.status.success() { Ok(()) } else { bail!("{}", said.lines().next().unwrap_or("nginx -t fails")) }
}

fn parent(process: u32) -> Option<u32> {
    let status = fs::read_to_string(Path::new("/proc").join(process.to_string()).join("status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix("PPid:"))?.trim().parse().ok()
}

fn configuration(keeper: Keeper, setup: Setup<'_>, port: u16) -> String {
    let clients =
        if setup.client_ca.is_some() { "ssl_client_certificate client-ca.crt; ssl_verify_client on;" } else { "" };
    let http = format!(
        "ssl_session_timeout 1h; keepalive_timeout 1h; keepalive_requests 1000000000;
        {}",
        keeper.lines()
    );
    let first = keeper.first_lines();
    let configuration = Configuration { first: &first, workers: setup.workers, http: &http };
    let site = nginx::Server { name: NAME, identity: NAME, more: clients, answer: "small" };
    configuration.text(format_args!("127.0.0.1:{port}"), &[site])
}
