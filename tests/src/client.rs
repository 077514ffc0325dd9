//! A client of the openssl crate.

use std::{
    io::{self, ErrorKind, Read, Write},
    net::{SocketAddr, TcpStream},
    sync::OnceLock,
};

use openssl::{
    ssl::{Ssl, SslContext, SslMethod, SslSession, SslStream, SslVersion},
    x509::X509,
};

use crate::{PATIENCE, Report, Version, certificates::Identity, report::REQUEST};

/// A client, by what it offers. It does not verify the server, and offers a session to whomever it is told.
pub struct Client {
    version: Version,
    server_name: Option<String>,
    identity: Option<Identity>,
    ciphers: Option<&'static str>,
    protocol: Option<&'static str>,
    context: OnceLock<SslContext>,
}

/// A session as a client has it, bound to no context.
#[derive(Clone)]
pub struct Session {
    der: Vec<u8>,
    /// In TLS 1.2 the id that goes over the wire in clear.
    pub id: Vec<u8>,
}

impl Session {
    /// The master secret of a TLS 1.2 session, the resumption's pre-shared key of a TLS 1.3 one.
    pub fn secret(&self) -> Vec<u8> {
        let session = SslSession::from_der(&self.der).expect("it was encoded by OpenSSL");
        let mut secret = vec![0; session.master_key_len()];
        session.master_key(&mut secret);
        secret
    }

    /// The same as a client has it that sends early data whatever the server said.
    pub fn with_early_data(&self) -> Session {
        // `max_early_data [15] EXPLICIT INTEGER`, of OpenSSL's SSL_SESSION_ASN1: 16384.
        const ALLOWED: [u8; 6] = [0xaf, 4, 2, 2, 0x40, 0];
        let (content, mut at) = (contents(&self.der), 0);
        while content.get(at).is_some_and(|tag| *tag < ALLOWED[0]) {
            at += length(&content[at..]);
        }
        if content.get(at) == Some(&ALLOWED[0]) {
            return self.clone();
        }
        let content = [&content[..at], &ALLOWED, &content[at..]].concat();
        let der = [&[0x30, 0x82][..], &u16::try_from(content.len()).unwrap().to_be_bytes(), &content].concat();
        Session { der, id: self.id.clone() }
    }

    /// As OpenSSL's programs read it.
    pub fn pem(&self) -> String {
        let text = openssl::base64::encode_block(&self.der);
        let lines: Vec<_> = text.as_bytes().chunks(64).map(String::from_utf8_lossy).collect();
        format!("-----BEGIN {0}-----\n{1}\n-----END {0}-----\n", "SSL SESSION PARAMETERS", lines.join("\n"))
    }
}

/// How long a DER element is that begins here, with its header.
fn length(element: &[u8]) -> usize {
    element.len() - after(element).1.len()
}

/// What is in a DER element.
fn contents(element: &[u8]) -> &[u8] {
    after(element).0
}

/// What is in the DER element that begins here, and what comes after it. Tags are one byte.
fn after(element: &[u8]) -> (&[u8], &[u8]) {
    let (octets, rest) = match element[1] {
        short @ 0..0x80 => (usize::from(short), &element[2..]),
        long => {
            let (octets, rest) = element[2..].split_at(usize::from(long & 0x7f));
            (octets.iter().fold(0, |length, octet| length << 8 | usize::from(*octet)), rest)
        }
    };
    rest.split_at(octets)
}

/// One connection, from its handshake to its end.
pub struct Visit {
    /// What the server tells of it.
    pub report: Report,
    /// The client's view of whether it resumed.
    pub reused: bool,
    /// The session that the client has in the end.
    pub session: Session,
}

/// What came of one connection to a server that may not be ours.
pub struct Exchange {
    /// What it answered.
    pub answer: String,
    /// The client's view of whether it resumed.
    pub reused: bool,
    /// The session that the client has in the end.
    pub session: Session,
}

/// A connection that is open.
pub struct Open {
    stream: SslStream<TcpStream>,
}

impl Client {
    /// A client of one version that asks for `a.example`.
    pub fn new(version: Version) -> Self {
        Self {
            version,
            server_name: Some("a.example".into()),
            identity: None,
            ciphers: None,
            protocol: None,
            context: OnceLock::new(),
        }
    }

    /// It asks for this name, or for none.
    pub fn asking_for(self, server_name: Option<&str>) -> Self {
        Self { server_name: server_name.map(str::to_owned), ..self }
    }

    /// It has a certificate.
    pub fn with(self, identity: &Identity) -> Self {
        Self { identity: Some(identity.clone()), ..self }
    }

    /// It offers these cipher suites only: a list for TLS 1.2, suites for TLS 1.3.
    pub fn offering(self, ciphers: &'static str) -> Self {
        Self { ciphers: Some(ciphers), ..self }
    }

    /// It speaks this protocol, and says so (ALPN).
    pub fn speaking(self, protocol: &'static str) -> Self {
        Self { protocol: Some(protocol), ..self }
    }

    /// Connects, offers `session`, asks for the report and lets the server end the connection.
    ///
    /// # Errors
    /// The handshake or what follows it fails, e.g. since TLS 1.3 tells a refusal only then.
    pub fn visit(&self, address: SocketAddr, session: Option<&Session>) -> Result<Visit, String> {
        self.connect(address, session)?.finish()
    }

    /// A visit without a session, which must succeed and not be resumed.
    pub fn first_visit(&self, address: SocketAddr) -> Visit {
        let visit = self.visit(address, None).expect("the first visit");
        assert!(!visit.reused && !visit.report.resumed, "nothing was offered");
        visit
    }

    /// A visit that must succeed with `session`, whose outcome both sides must agree on.
    pub fn revisit(&self, address: SocketAddr, session: &Session) -> Visit {
        let visit = self.visit(address, Some(session)).expect("a visit with a session");
        assert_eq!(visit.reused, visit.report.resumed, "both sides know whether it resumed: {:?}", visit.report);
        visit
    }

    /// Does the handshake.
    ///
    /// # Errors
    /// It fails.
    pub fn connect(&self, address: SocketAddr, session: Option<&Session>) -> Result<Open, String> {
        self.connect_over(TcpStream::connect(address).map_err(|error| error.to_string())?, session)
    }

    /// Does the handshake over a connection that may have carried something before.
    ///
    /// # Errors
    /// It fails.
    pub fn connect_over(&self, tcp: TcpStream, session: Option<&Session>) -> Result<Open, String> {
        let ssl = self.ssl(session)?;
        tcp.set_read_timeout(Some(PATIENCE)).and_then(|()| tcp.set_nodelay(true)).map_err(|error| error.to_string())?;
        let mut stream = SslStream::new(ssl, tcp).map_err(|error| error.to_string())?;
        stream.connect().map_err(|error| format!("handshake: {error}"))?;
        Ok(Open { stream })
    }

    /// The bytes with which it begins a handshake that offers `session` and sends `early` as 0-RTT
    /// data, to be sent to whomever, as often as one likes.
    ///
    /// # Panics
    /// The session does not allow early data.
    pub fn first_flight(&self, session: &Session, early: &[u8]) -> Vec<u8> {
        let ssl = self.ssl(Some(session)).expect("the session can be offered");
        let mut stream = SslStream::new(ssl, Capture::default()).expect("a stream");
        let sent = stream.write_early_data(early).expect("the session allows early data");
        assert_eq!(sent, early.len());
        std::mem::take(&mut stream.get_mut().0)
    }

    fn ssl(&self, session: Option<&Session>) -> Result<Ssl, String> {
        let mut ssl = Ssl::new(self.context.get_or_init(|| self.context())).map_err(|error| error.to_string())?;
        if let Some(name) = &self.server_name {
            ssl.set_hostname(name).map_err(|error| error.to_string())?;
        }
        if let Some(protocol) = self.protocol {
            let offered = [&[protocol.len() as u8], protocol.as_bytes()].concat();
            ssl.set_alpn_protos(&offered).map_err(|error| error.to_string())?;
        }
        if let Some(session) = session {
            let session = SslSession::from_der(&session.der).map_err(|error| error.to_string())?;
            offer(&mut ssl, &session);
        }
        Ok(ssl)
    }

    fn context(&self) -> SslContext {
        let mut context = SslContext::builder(SslMethod::tls_client()).unwrap();
        let version = match self.version {
            Version::Tls12 => SslVersion::TLS1_2,
            Version::Tls13 => SslVersion::TLS1_3,
        };
        context.set_min_proto_version(Some(version)).unwrap();
        context.set_max_proto_version(Some(version)).unwrap();
        match (self.version, self.ciphers) {
            (Version::Tls12, Some(ciphers)) => context.set_cipher_list(ciphers).unwrap(),
            (Version::Tls13, Some(suites)) => context.set_ciphersuites(suites).unwrap(),
            (_, None) => {}
        }
        if let Some(identity) = &self.identity {
            context.set_certificate(&identity.certificate).unwrap();
            context.set_private_key(&identity.key).unwrap();
        }
        context.build()
    }
}

impl Open {
    /// The server's certificate.
    pub fn server_certificate(&self) -> X509 {
        self.stream.ssl().peer_certificate().expect("a server has one")
    }

    /// Asks for the report and lets the server end the connection.
    ///
    /// # Errors
    /// The server ends it otherwise.
    pub fn finish(self) -> Result<Visit, String> {
        let Exchange { answer, reused, session } = self.exchange()?;
        Ok(Visit { report: Report::of_answer(&answer)?, reused, session })
    }

    /// Sends the request for the report to any server that ends the connection after its answer.
    ///
    /// # Errors
    /// The server ends it otherwise.
    pub fn exchange(self) -> Result<Exchange, String> {
        self.exchange_for(REQUEST)
    }

    /// The same with another request.
    ///
    /// # Errors
    /// The server ends it otherwise.
    pub fn exchange_for(mut self, request: &str) -> Result<Exchange, String> {
        self.stream.write_all(request.as_bytes()).map_err(|error| format!("request: {error}"))?;
        let answer = self.read_to_end()?;
        let reused = self.stream.ssl().session_reused();
        // In TLS 1.3 it is there once a ticket has been read, and that comes before the answer.
        let session = self.session()?;
        // The server has closed; what a goodbye meets now is its business.
        let _ = self.stream.shutdown();
        Ok(Exchange { answer, reused, session })
    }

    /// The client's view of whether it resumed.
    pub fn reused(&self) -> bool {
        self.stream.ssl().session_reused()
    }

    /// The session that the client has by now.
    ///
    /// # Errors
    /// It has none.
    pub fn session(&self) -> Result<Session, String> {
        let session = self.stream.ssl().session().ok_or("the client has no session")?;
        let der = session.to_der().map_err(|error| error.to_string())?;
        Ok(Session { der, id: session.id().to_vec() })
    }

    /// Sends bytes.
    pub fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).expect("the server takes what is sent");
    }

    /// Reads as many bytes as fit.
    pub fn receive(&mut self, bytes: &mut [u8]) {
        self.stream.read_exact(bytes).expect("the server answers");
    }

    /// Reads until the server ends the connection.
    ///
    /// # Errors
    /// It is not ended with close_notify.
    pub fn read_to_end(&mut self) -> Result<String, String> {
        let mut answer = String::new();
        self.stream.read_to_string(&mut answer).map_err(|error| format!("answer: {error}"))?;
        Ok(answer)
    }
}

/// A server that only listens.
#[derive(Default)]
struct Capture(Vec<u8>);

impl Write for Capture {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Read for Capture {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(ErrorKind::WouldBlock.into())
    }
}

#[expect(unsafe_code, reason = "the openssl crate has no safe way to offer a session")]
fn offer(ssl: &mut Ssl, session: &SslSession) {
    // SAFETY: the crate asks that a session be of the connection's context. This one was decoded
    // from DER a moment ago and is of no context, which SSL_set_session allows; it takes a
    // reference of its own.
    unsafe { ssl.set_session(session) }.expect("a client takes a session");
}
