//! A server that closes what it does not know, and has the numbers back for somebody else's connection.

use std::process::Command;

use reprise_tests::{Client, Version, modules::Guests, until};

use crate::{learned, own, visit};

/// A server of one thread. Asked for `/give`, it closes every socket that it has not made, and has their numbers stand for
/// connections of a stranger, who listens at their other ends from then on; asked for `/heard`, it says how many messages the
/// stranger was sent, on how many connections.
pub const SERVER: &str = r#"
import os, socket, ssl, stat, sys
port, certificate, key = int(sys.argv[1]), *sys.argv[2:]
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(certificate, key)
listening = socket.create_server(("127.0.0.1", port))
strangers = []
given = set()

def give(connection):
    mine = {0, 1, 2, listening.fileno(), connection.fileno(), *given}
    for number in sorted(int(name) for name in os.listdir("/proc/self/fd")):
        try:
            if number in mine | given or not stat.S_ISSOCK(os.fstat(number).st_mode):
                continue
        except OSError:
            continue
        near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        near.setblocking(False)
        far.setblocking(False)
        os.dup2(near.fileno(), number)
        given.update([near.fileno(), far.fileno(), number])
        strangers.append((near, far))

messages = 0

def heard():
    global messages
    for _, far in strangers:
        try:
            while far.recv(65536):
                messages += 1
        except BlockingIOError:
            pass
    return f"heard {messages} on {len(strangers)}"

while True:
    tcp, _ = listening.accept()
    try:
        with context.wrap_socket(tcp, server_side=True) as connection:
            request = connection.recv(4096)
            if request.startswith(b"GET /give"):
                give(connection)
            connection.sendall(b"HTTP/1.0 200 OK\r\n\r\nsite a.example " + heard().encode() + b"\n")
            connection.unwrap()
    except OSError:
        pass
"#;

#[test]
fn a_descriptor_that_was_given_away_is_sent_nothing() {
    let (guests, identity) = (Guests::new(), own("a.example"));
    let _agent = guests.agent();
    guests.place().identity("a.example", &identity);
    guests.place().write("server.py", SERVER);
    let server = guests.start("python3", |port| {
        let mut command = Command::new("python3");
        command.arg(guests.place().path("server.py")).arg(port.to_string());
        command.arg(guests.place().path("a.example.crt")).arg(guests.place().path("a.example.key"));
        command
    });
    for version in Version::BOTH {
        let client = Client::new(version);
        let session = learned(&client, &server);
        assert!(visit(&client, &server, Some(&session)).reused, "{version:?}");
        let open = client.connect(server.address(), Some(&session)).unwrap();
        let gave = open.exchange_for("GET /give HTTP/1.0\r\n\r\n").unwrap();
        let count = |answer: &str, word: &str| -> usize {
            let mut words = answer.split_whitespace().skip_while(|found| *found != word);
            words.nth(1).and_then(|number| number.parse().ok()).unwrap_or_else(|| panic!("no {word} in {answer}"))
        };
        assert!(count(&gave.answer, "on") >= 2, "the module's lines were given away: {}", gave.answer);
        // It connects anew, sooner or later; and until then, each handshake is a full one.
        until("sessions resume again", || {
            let session = visit(&client, &server, None).session;
            let again = visit(&client, &server, Some(&session));
            assert_eq!(count(&again.answer, "heard"), 0, "{version:?}: the stranger was sent something");
            again.reused
        });
    }
}
