//! `openssl s_client`.

use std::{
    io::Write,
    net::SocketAddr,
    process::{Command, Stdio},
};

use crate::{Report, Version, report::REQUEST};

/// What one run of the program showed.
#[derive(Debug)]
pub struct Shown {
    /// Everything that it printed.
    pub output: String,
    /// The report, if the server answered.
    pub report: Option<Report>,
}

/// Connects with these arguments, asks for the report, and waits for the server to end the connection.
pub fn run(address: SocketAddr, version: Version, arguments: &[&str]) -> Shown {
    say(REQUEST, address, version, arguments)
}

/// Connects with these arguments, says nothing, and waits for the server to end the connection.
pub fn listen(address: SocketAddr, version: Version, arguments: &[&str]) -> Shown {
    say("", address, version, arguments)
}

impl Shown {
    /// How many connections resumed, as the program sees it.
    pub fn resumed(&self) -> usize {
        self.output.lines().filter(|line| line.starts_with("Reused, ")).count()
    }

    /// How many connections were made anew, as the program sees it.
    pub fn full(&self) -> usize {
        self.output.lines().filter(|line| line.starts_with("New, TLS")).count()
    }

    /// The report of a server that answered.
    pub fn answered(&self) -> &Report {
        self.report.as_ref().unwrap_or_else(|| panic!("the server did not answer:\n{}", self.output))
    }
}

fn say(request: &str, address: SocketAddr, version: Version, arguments: &[&str]) -> Shown {
    let version = match version {
        Version::Tls12 => "-tls1_2",
        Version::Tls13 => "-tls1_3",
    };
    let mut command = Command::new("openssl");
    command.args(["s_client", "-ign_eof", "-connect", &address.to_string(), version]).args(arguments);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut process =
        command.spawn().expect("`openssl` is not there. Install it, then try again:\n  apt-get install openssl");
    // It may have failed before it reads.
    let _ = process.stdin.take().expect("it is piped").write_all(request.as_bytes());
    let done = process.wait_with_output().expect("a child can be waited for");
    let output = [done.stdout, done.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    let report = Report::of_answer(&output).ok();
    Shown { output, report }
}
