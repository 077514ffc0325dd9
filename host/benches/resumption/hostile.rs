//! What a hostile policy costs once it is quarantined: handshake for handshake with a host that has
//! no policy. It loops in `get-session`, is tried again as ever, and loops again.

use std::{fs, time::Instant};

use anyhow::{Result, bail, ensure};
use reprise::{Host, policies_dir::PolicyEvent};
use reprise_fixtures::{Callback, policies};

use super::{
    server::{Case, Server, Variant},
    wire::Client,
};

/// Prints the table.
pub fn measure(handshakes: usize) -> Result<()> {
    println!("\n## A quarantined policy: {handshakes} handshakes, both ends, each beside one without a policy; µs");
    println!("{:<44} {:>9} {:>9} {:>9} {:>9} {:>9}", "", "p50", "without", "p99", "without", "p99 ratio");
    for case in [Case { tls13: false, client_certificate: false }, Case { tls13: true, client_certificate: false }] {
        for abstains in [true, false] {
            let [[p50, base50], [p99, base99]] = compare(case, abstains, handshakes)?;
            let what = if abstains { "resumed, for it abstains" } else { "full, for it objects" };
            let version = if case.tls13 { "TLS 1.3" } else { "TLS 1.2" };
            let ratio = p99 / base99;
            println!("{version}, {what:<35} {p50:>9.0} {base50:>9.0} {p99:>9.0} {base99:>9.0} {ratio:>9.2}");
        }
    }
    Ok(())
}

/// The medians and the 99th percentiles, with the policy and without.
fn compare(case: Case, abstains: bool, handshakes: usize) -> Result<[[f64; 2]; 2]> {
    let (hostile, plain) = (quarantined(case, abstains)?, Server::new(Variant::Host, case)?);
    let mut clients = [Client::new(&hostile, case)?, Client::new(&plain, case)?];
    let mut times = [Vec::with_capacity(handshakes), Vec::with_capacity(handshakes)];
    for number in 0..=handshakes {
        for (at, server) in [&hostile, &plain].into_iter().enumerate() {
            if !abstains && at == 1 {
                // The policy has every handshake be a full one; here there is no other reason for it.
                clients[at].forget();
            }
            let start = Instant::now();
            let resumed = clients[at].handshake(server)?;
            let time = start.elapsed().as_secs_f64() * 1e6;
            // The first makes the session.
            if number > 0 {
                ensure!(resumed == abstains, "a handshake of {at} is another than the ones measured");
                times[at].push(time);
            }
        }
    }
    times.iter_mut().for_each(|times| times.sort_by(f64::total_cmp));
    Ok([50, 99].map(|percent| [0, 1].map(|at| times[at][times[at].len() * percent / 100])))
}

/// A server whose policy has just been quarantined.
fn quarantined(case: Case, abstains: bool) -> Result<Server> {
    let policies_dir = tempfile::tempdir()?;
    fs::write(policies_dir.path().join("10-hostile.wasm"), policies::loop_in(Callback::Get))?;
    if abstains {
        fs::write(policies_dir.path().join("10-hostile.toml"), "on-failure = \"abstain\"\n")?;
    }
    let host = Host::builder().policies(policies_dir.path()).build()?;
    let events = host.policy_events();
    let server = Server::hosted(case, host, policies_dir)?;
    let mut client = Client::new(&server, case)?;
    for _ in 0..1_000 {
        client.handshake(&server)?;
        if events.try_iter().any(|event| matches!(event, PolicyEvent::Quarantined { .. })) {
            return Ok(server);
        }
    }
    bail!("the hostile policy has not been quarantined in a thousand handshakes")
}
