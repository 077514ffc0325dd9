//! What is said, of OpenSSL's server, of a mail server, and of what is none.

use std::{
    io::{BufRead, BufReader, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    thread,
};

use reprise_tests::{Place, built, until};

use crate::{WAYS, probe, run};

/// `openssl s_server`, killed when dropped.
struct OpensslServer(Child, SocketAddr);

impl OpensslServer {
    fn start(place: &Place, arguments: &[&str]) -> Self {
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let mut command = Command::new("openssl");
        command.args(["s_server", "-quiet", "-naccept", "100", "-accept", &address.to_string()]);
        command.args(["-cert", &place.arg("server.crt"), "-key", &place.arg("server.key")]).args(arguments);
        let server = Self(command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap(), address);
        until("it listens", || TcpStream::connect(address).is_ok());
        server
    }
}

impl Drop for OpensslServer {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn openssls_server_resumes_by_tickets_by_ids_or_not() {
    let place = Place::new();
    let (fine, bad) = (("fine", "resumed"), ("bad", "no-session"));
    for (arguments, status, came_to, forms) in [
        (&[][..], 0, [fine, fine, fine], ["id", "ticket", "ticket"]),
        (&["-no_ticket"], 0, [fine, ("note", "no-session"), fine], ["id", "", "id"]),
        (&["-no_ticket", "-no_cache"], 1, [bad, bad, ("bad", "full-handshake")], ["", "", "id"]),
    ] {
        let server = OpensslServer::start(&place, arguments);
        let probed = probe(server.1, &["--timeout", "2s"]);
        assert_eq!((probed.status, probed.each(WAYS, "resumes")), (Some(status), came_to), "{arguments:?}");
        let form = |way| probed.row(way, "resumes")["form"].as_str().unwrap_or_default().to_owned();
        assert_eq!(WAYS.map(form), forms, "{arguments:?}");
        let twice: Vec<_> = probed.rows().filter(|row| row["check"] == "used-twice").collect();
        assert!(twice.iter().all(|row| row["outcome"] == "resumed"), "{arguments:?}: {twice:#?}");
    }
    let server = OpensslServer::start(&place, &["-tls1_2"]);
    let probed = probe(server.1, &["--timeout", "2s"]);
    assert_eq!((probed.status, probed.came_to("tls13", "resumes")), (Some(0), ("fine", "not-served")));
    let server = OpensslServer::start(&place, &["-tls1_3", "-num_tickets", "0"]);
    let probed = probe(server.1, &["--timeout", "2s"]);
    assert_eq!((probed.status, probed.came_to("tls13", "resumes")), (Some(1), bad));
    assert_eq!(probed.all("tls12-ticket", "resumes").len(), 0, "TLS 1.2 is not served in another way either");
}

#[test]
fn where_nothing_can_be_told_the_status_is_2() {
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    // One that takes connections and says nothing.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    for address in [nobody, silent.local_addr().unwrap()] {
        let probed = probe(address, &["--timeout", "50ms"]);
        assert_eq!((probed.status, &probed.said["verdict"]), (Some(2), &"unknown".into()), "{:#}", probed.said);
        assert!(probed.rows().all(|row| row["outcome"] == "unreachable"), "{:#}", probed.said);
    }
    let output = Command::new(built::server()).args(["probe", "localhost"]).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(2) && said.contains("expected HOST:PORT"), "{said}");
}

#[test]
fn people_are_shown_a_table_of_a_hundred_columns() {
    let place = Place::new();
    let server = place.serve(&[]);
    let output = run(server.address(), &["--server-name", "a.example"]);
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.starts_with(&format!("{0} ({0}), server name a.example\n", server.address())), "{said}");
    for words in ["\nTLS 1.3\n", "\n  fine     resumes           ", "RFC 8446 section", "\n0 bad", "--also-name"] {
        assert!(said.contains(words), "{words:?}: {said}");
    }
    assert!(said.lines().all(|line| line.chars().count() <= 100 && line.trim_end() == line), "{said}");
}

#[test]
fn tls_that_begins_in_a_mail_server_is_probed_there() {
    let place = Place::new();
    let server = place.serve(&[]);
    let (mail, behind) = (TcpListener::bind("127.0.0.1:0").unwrap(), server.address());
    let address = mail.local_addr().unwrap();
    thread::spawn(move || {
        for client in mail.incoming() {
            let mut client = client.unwrap();
            let mut lines = BufReader::with_capacity(1, client.try_clone().unwrap()).lines();
            client.write_all(b"220 mail\r\n").unwrap();
            if !matches!(lines.next(), Some(Ok(line)) if line.starts_with("EHLO ")) {
                continue;
            }
            client.write_all(b"250-mail\r\n250 STARTTLS\r\n").unwrap();
            assert_eq!(lines.next().unwrap().unwrap(), "STARTTLS");
            client.write_all(b"220 go\r\n").unwrap();
            let mut server = TcpStream::connect(behind).unwrap();
            let (mut from, mut to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
            thread::spawn(move || std::io::copy(&mut from, &mut to));
            let _ = std::io::copy(&mut server, &mut client);
        }
    });
    let probed = probe(address, &["--starttls", "smtp"]);
    assert_eq!(
        (probed.status, probed.came_to("tls13", "resumes")),
        (Some(0), ("fine", "resumed")),
        "{:#}",
        probed.said
    );
    assert_eq!(probed.came_to("tls13", "name-on-retry").0, "fine", "it begins in clear on each connection");
    // Without it this is no TLS.
    assert_eq!(probe(address, &["--timeout", "1s"]).status, Some(2));
}
