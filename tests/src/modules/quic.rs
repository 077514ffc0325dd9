//! Servers and clients of QUIC, by OpenSSL's own.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    net::SocketAddr,
    path::Path,
    process::{Command, Stdio},
};

use super::{Guests, Running, Site};
use crate::until;

/// Whether this system's OpenSSL serves QUIC, as it does from 3.5 on.
pub fn openssl_serves_quic() -> bool {
    let said = Command::new("openssl").arg("version").output();
    let said = said.expect("`openssl` is not there. Install it, then try again:\n  apt-get install openssl").stdout;
    let said = String::from_utf8_lossy(&said).into_owned();
    let mut numbers = said.split([' ', '.']).filter_map(|word| word.parse::<u32>().ok());
    numbers.next() > Some(3) || said.starts_with("OpenSSL 3.") && numbers.next() >= Some(5)
}

/// A program with one site that serves QUIC by OpenSSL, and knows nothing of the module in it. It answers what it says of
/// the connection: `full` or `resumed`, and whether something of its own was displaced.
pub fn quic(guests: &Guests, site: &Site<'_>) -> Running {
    let place = guests.place();
    place.identity(site.name, site.identity);
    place.write("quic.py", include_str!("quic.py"));
    guests.start("python3", |port| {
        let mut command = Command::new("python3");
        command.arg(place.path("quic.py")).arg(port.to_string());
        command.args(["crt", "key"].map(|kind| place.path(&format!("{}.{kind}", site.name))));
        command
    })
}

/// A connection over QUIC, with the session in this file if it is there; what comes back for a request. The file has the
/// connection's own session then.
pub fn visit_over_quic(address: SocketAddr, name: &str, session: &Path) -> String {
    let mut client = Command::new("openssl");
    client.args(["s_client", "-quic", "-quiet", "-ign_eof", "-alpn", "test", "-servername", name]);
    client.arg("-connect").arg(address.to_string());
    if session.exists() {
        client.arg("-sess_in").arg(session);
    }
    let fresh = session.with_extension("fresh");
    client.arg("-sess_out").arg(&fresh);
    client.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut client = client.spawn().expect("`openssl` is there");
    client.stdin.as_mut().expect("it is piped").write_all(b"?\n").expect("it reads");
    let (mut answer, told) = (String::new(), client.stdout.take().expect("it is piped"));
    let read = BufReader::new(told).read_line(&mut answer);
    if read.is_ok() && !answer.is_empty() {
        until("the client has a session", || fresh.exists());
    }
    // It would say goodbye at length.
    let _ = client.kill();
    let _ = client.wait();
    fs::rename(&fresh, session).unwrap_or_else(|error| panic!("no session is left: {error}. It has said: {answer}"));
    answer.trim().to_owned()
}
