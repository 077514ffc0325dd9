//! The PROXY protocol, in and out, with headers written and read byte by byte.

use std::{
    io::{ErrorKind, Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    sync::mpsc::{self, Receiver},
    thread,
};

use reprise_tests::{Client, PATIENCE, Place, Server, Session, Version, Visit, built, certificates::client_ca};

const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";
const DESTINATION: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 1);

/// What a proxy sends first of a client at `source`, port 40000, that connected to 203.0.113.1, port 443.
fn header(source: Ipv4Addr) -> Vec<u8> {
    let ports = [40_000_u16.to_be_bytes(), 443_u16.to_be_bytes()].concat();
    [&SIGNATURE[..], &[0x21, 0x11, 0, 12], &source.octets(), &DESTINATION.octets(), &ports].concat()
}

fn connection(server: &Server, sent: &[u8]) -> TcpStream {
    let mut tcp = TcpStream::connect(server.address()).unwrap();
    tcp.set_read_timeout(Some(PATIENCE)).unwrap();
    tcp.write_all(sent).unwrap();
    tcp
}

fn visit(client: &Client, server: &Server, source: Ipv4Addr, session: Option<&Session>) -> Visit {
    let tcp = connection(server, &header(source));
    client.connect_over(tcp, session).and_then(|open| open.finish()).expect("a proxied visit")
}

/// A server whose policy binds each session to the very address that made it.
fn bound_to_addresses(place: &Place, arguments: &[&str]) -> Server {
    place.policy("10-tenants.wasm", built::policy("tenants"));
    place.policy("10-tenants.toml", "[settings]\nipv4-prefix = 32\n");
    let server = place.serve(arguments);
    server.live("tenants", 1);
    server
}

#[test]
fn policies_are_given_the_address_that_a_listed_proxy_names() {
    let place = Place::new();
    let server = bound_to_addresses(&place, &["--accept-proxy", "127.0.0.0/8"]);
    let (one, other) = (Ipv4Addr::new(198, 51, 100, 7), Ipv4Addr::new(198, 51, 100, 8));
    for version in Version::BOTH {
        let client = Client::new(version);
        let first = visit(&client, &server, one, None);
        let same = visit(&client, &server, one, Some(&first.session));
        assert!(same.reused, "{:?}", same.report);
        let elsewhere = visit(&client, &server, other, Some(&same.session));
        assert_eq!(elsewhere.report.miss_reason.as_deref(), Some("policy: tenants"), "{version:?}");
    }
}

#[test]
fn a_source_that_is_not_listed_is_never_where_it_says_it_is() {
    let place = Place::new();
    let server = bound_to_addresses(&place, &["--accept-proxy", "127.0.0.2", "--accept-proxy", "10.0.0.0/8"]);
    for version in Version::BOTH {
        let client = Client::new(version);
        let tcp = connection(&server, &header(Ipv4Addr::new(198, 51, 100, 7)));
        assert!(client.connect_over(tcp, None).is_err(), "its header is no ClientHello");
        // Without one it is served, as itself.
        let first = client.first_visit(server.address());
        assert!(client.revisit(server.address(), &first.session).reused);
    }
}

#[test]
fn a_listed_source_without_a_header_or_with_a_broken_one_is_not_served() {
    let place = Place::new();
    let server = place.serve(&["--accept-proxy", "127.0.0.1", "--log", "info,reprise::serve=debug"]);
    assert!(Client::new(Version::Tls13).connect(server.address(), None).is_err());
    server.log().line(&["no handshake", "listed in --accept-proxy", "something else was found"]);
    let version_1 = b"PROXY TCP4 198.51.100.7 203.0.113.1 40000 443\r\n";
    let mut unassigned = header(Ipv4Addr::LOCALHOST);
    unassigned[12] = 0x2f;
    for sent in [&version_1[..], &unassigned] {
        assert!(Client::new(Version::Tls12).connect_over(connection(&server, sent), None).is_err());
    }
    // The proxy's own connection, say to see whether this server is up; the family is ignored then.
    let local = [&SIGNATURE[..], &[0x20, 0x11, 0, 0]].concat();
    let open = Client::new(Version::Tls12).connect_over(connection(&server, &local), None).expect("LOCAL is served");
    assert!(!open.finish().unwrap().report.resumed);
}

#[test]
fn a_header_that_does_not_come_to_an_end_is_dropped_and_keeps_nobody_waiting() {
    let place = Place::new();
    let server = place.serve(&["--accept-proxy", "127.0.0.1", "--handshake-timeout", "5s"]);
    let whole = header(Ipv4Addr::new(198, 51, 100, 7));
    // More of them than there are threads, each stuck at another byte.
    let stuck: Vec<TcpStream> = (0..64).map(|at| connection(&server, &whole[..at % whole.len()])).collect();
    visit(&Client::new(Version::Tls13), &server, Ipv4Addr::new(198, 51, 100, 8), None);
    for mut tcp in stuck {
        match tcp.read_to_end(&mut Vec::new()) {
            Ok(_) => {}
            Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset),
        }
    }
}

/// What a backend was told first.
#[derive(Debug)]
struct Told {
    source: SocketAddr,
    destination: SocketAddr,
    fields: Vec<(u8, Vec<u8>)>,
}

impl Told {
    fn field(&self, kind: u8) -> Option<&[u8]> {
        self.fields.iter().find(|(found, _)| *found == kind).map(|(_, value)| value.as_slice())
    }

    /// Of PP2_TYPE_SSL: the client's flags, the outcome of the verification, and the rest.
    fn tls(&self) -> (u8, u32, Vec<(u8, Vec<u8>)>) {
        let value = self.field(0x20).expect("it is told of TLS");
        (value[0], u32::from_be_bytes(value[1..5].try_into().unwrap()), fields(&value[5..]))
    }
}

fn fields(mut bytes: &[u8]) -> Vec<(u8, Vec<u8>)> {
    let mut fields = Vec::new();
    while let [kind, high, low, rest @ ..] = bytes {
        let (value, next) = rest.split_at(usize::from(u16::from_be_bytes([*high, *low])));
        fields.push((*kind, value.to_vec()));
        bytes = next;
    }
    assert!(bytes.is_empty(), "cut off");
    fields
}

/// A backend that reads a header of IPv4 addresses, then sends back what it gets.
fn backend() -> (SocketAddr, Receiver<Told>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (tell, told) = mpsc::channel();
    thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let mut fixed = [0; 16];
            stream.read_exact(&mut fixed).unwrap();
            assert_eq!((&fixed[..12], &fixed[12..14]), (&SIGNATURE[..], &[0x21, 0x11][..]));
            let mut rest = vec![0; usize::from(u16::from_be_bytes([fixed[14], fixed[15]]))];
            stream.read_exact(&mut rest).unwrap();
            let end = |at: usize, port: usize| {
                let octets: [u8; 4] = rest[at..at + 4].try_into().unwrap();
                SocketAddr::from((octets, u16::from_be_bytes([rest[port], rest[port + 1]])))
            };
            let sent = tell.send(Told { source: end(0, 8), destination: end(4, 10), fields: fields(&rest[12..]) });
            if sent.is_err() {
                return;
            }
            thread::spawn(move || {
                let mut back = stream.try_clone().unwrap();
                std::io::copy(&mut stream, &mut back)
            });
        }
    });
    (address, told)
}

#[test]
fn the_backend_is_told_who_is_connected_how_and_whether_by_resumption() {
    let place = Place::new();
    let ca = client_ca("Client CA");
    place.write("clients.pem", ca.certificate_pem());
    let (address, told) = backend();
    let (address, clients) = (address.to_string(), place.arg("clients.pem"));
    let arguments = ["--send-proxy", "--client-ca", &clients, "--client-auth", "optional", "--alpn", "echo"];
    let server = place.serve(&[&["--backend", &address], &arguments[..]].concat());
    for version in Version::BOTH {
        let client = Client::new(version).with(&ca.issue_client("alice")).speaking("echo");
        let mut session = None;
        for resumed in [false, true] {
            let tcp = connection(&server, b"");
            let own = tcp.local_addr().unwrap();
            let mut open = client.connect_over(tcp, session.as_ref()).expect("the server is up");
            let told = told.recv_timeout(PATIENCE).unwrap();
            assert_eq!((told.source, told.destination), (own, server.address()));
            assert_eq!(told.field(0x01), Some(&b"echo"[..]), "PP2_TYPE_ALPN");
            assert_eq!(told.field(0x02), Some(&b"a.example"[..]), "PP2_TYPE_AUTHORITY");
            assert_eq!(told.field(0xe0), Some(&[u8::from(resumed)][..]), "whether it resumed");
            let (flags, verified, tls) = told.tls();
            // PP2_CLIENT_SSL, PP2_CLIENT_CERT_SESS; PP2_CLIENT_CERT_CONN only where the client has just shown it.
            assert_eq!((flags, verified), (if resumed { 0b101 } else { 0b111 }, 0), "{version:?}");
            assert!(tls.contains(&(0x21, version.name().into())), "PP2_SUBTYPE_SSL_VERSION: {tls:?}");
            assert!(tls.contains(&(0x22, b"alice".to_vec())), "PP2_SUBTYPE_SSL_CN: {tls:?}");
            assert!(tls.iter().any(|(kind, _)| *kind == 0x23), "PP2_SUBTYPE_SSL_CIPHER: {tls:?}");
            // What follows the header is the client's, whole. In TLS 1.3 the session comes before it.
            open.send(b"hello");
            let mut back = [0; 5];
            open.receive(&mut back);
            assert_eq!(&back, b"hello");
            session = Some(open.session().unwrap());
        }
    }
}

#[test]
fn the_backend_is_not_told_of_a_certificate_that_nobody_showed() {
    let place = Place::new();
    let (address, told) = backend();
    let server = place.serve(&["--backend", &address.to_string(), "--send-proxy"]);
    let nameless = Client::new(Version::Tls13).asking_for(None);
    let _open = nameless.connect(server.address(), None).expect("the server is up");
    let told = told.recv_timeout(PATIENCE).unwrap();
    let (flags, verified, tls) = told.tls();
    assert!(flags == 0b001 && verified != 0 && !tls.iter().any(|(kind, _)| *kind == 0x22), "{told:?}");
    assert_eq!((told.field(0x01), told.field(0x02)), (None, None), "neither ALPN nor a server name");
}

/// PP2_TYPE_AUTHORITY is "the exact copy of the server_name extension". OpenSSL has none left of a
/// resumption in TLS 1.2.
#[test]
fn the_backend_is_told_the_name_as_it_was_sent() {
    let place = Place::new();
    let (address, told) = backend();
    let server = place.serve(&["--backend", &address.to_string(), "--send-proxy"]);
    for (version, resumed) in [(Version::Tls12, "a.example"), (Version::Tls13, "A.Example")] {
        let client = Client::new(version).asking_for(Some("A.Example"));
        let mut session = None;
        for name in ["A.Example", resumed] {
            let mut open = client.connect(server.address(), session.as_ref()).expect("the server is up");
            let told = told.recv_timeout(PATIENCE).unwrap();
            assert_eq!(told.field(0x02), Some(name.as_bytes()), "{version:?}");
            open.send(b"hello");
            open.receive(&mut [0; 5]);
            session = Some(open.session().unwrap());
        }
    }
}

#[test]
fn the_backend_is_told_what_the_proxy_in_front_told() {
    let place = Place::new();
    let (address, told) = backend();
    let server = place.serve(&["--backend", &address.to_string(), "--send-proxy", "--accept-proxy", "127.0.0.1"]);
    let client = Client::new(Version::Tls13);
    let tcp = connection(&server, &header(Ipv4Addr::new(198, 51, 100, 7)));
    let _open = client.connect_over(tcp, None).expect("the server is up");
    let told = told.recv_timeout(PATIENCE).unwrap();
    assert_eq!(told.source, "198.51.100.7:40000".parse().unwrap());
    assert_eq!(told.destination, (DESTINATION, 443).into());
}
