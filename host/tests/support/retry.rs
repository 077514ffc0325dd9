//! A TLS 1.3 handshake over a HelloRetryRequest, whose second ClientHello the test may change:
//! before the client makes it, so that its binder is right, or on its way to the server.

use std::sync::{Arc, Mutex};

use openssl::ssl::{ErrorCode, Ssl, SslContext, SslContextBuilder, SslRef, SslSession, SslStream};

use super::{Client, raw, wire::Wire};

/// The groups of a server that asks clients of [`client`] to try again.
pub fn asks_again(context: &mut SslContextBuilder) {
    context.set_groups_list("P-256").unwrap();
}

/// A client whose key share such a server does not take.
pub fn client() -> Client {
    Client::of(openssl::ssl::SslVersion::TLS1_3).adjusted(|context| context.set_groups_list("X25519:P-256").unwrap())
}

/// A server's connection.
pub fn connection(context: &SslContext) -> SslStream<Wire> {
    SslStream::new(Ssl::new(context).unwrap(), Wire::from_client(Vec::new())).unwrap()
}

/// What a server answers to a client's first ClientHello: an alert, or anything else.
pub fn answer(server: &SslContext, client: &Client) -> Option<u8> {
    let mut client = SslStream::new(client.connection().0, Wire::from_client(Vec::new())).unwrap();
    assert_eq!(client.connect().unwrap_err().code(), ErrorCode::WANT_READ);
    let mut server = connection(server);
    server.get_mut().receive(&client.get_mut().take_sent());
    assert!(server.accept().is_err(), "the client has not finished");
    drop(openssl::error::ErrorStack::get());
    alert(&server.get_mut().take_sent())
}

/// Both ends, between the second ClientHello and what the server makes of it.
pub struct Retry {
    pub server: SslStream<Wire>,
    client: SslStream<Wire>,
    sessions: Arc<Mutex<Vec<SslSession>>>,
    /// What the client sent, but for what has reached the server.
    sent: Vec<u8>,
}

/// What came of it.
pub enum Ended {
    /// The handshake is complete on both sides.
    Complete { resumed: bool, sessions: Vec<SslSession> },
    /// The server sent this fatal alert.
    Alert(u8),
}

impl Retry {
    /// Up to the second ClientHello, before which the client is changed like this.
    pub fn after(server: &SslContext, client: &Client, change: impl FnOnce(&SslRef)) -> Self {
        Self::between(connection(server), client, |hello| hello, change)
    }

    /// The same for a server's connection made by the test, with the first ClientHello changed on its way, too.
    pub fn between(
        server: SslStream<Wire>,
        client: &Client,
        first: impl FnOnce(raw::Hello) -> raw::Hello,
        change: impl FnOnce(&SslRef),
    ) -> Self {
        let (client, sessions) = client.connection();
        let client = SslStream::new(client, Wire::from_client(Vec::new())).unwrap();
        let mut retry = Self { server, client, sessions, sent: Vec::new() };
        retry.sends();
        retry.rewrite(first);
        retry.serves();
        let answer = retry.server.get_mut().take_sent();
        assert_eq!(alert(&answer), None, "the first ClientHello is answered");
        retry.client.get_mut().receive(&answer);
        change(retry.client.ssl());
        retry.sends();
        assert!(raw::Hello::read(&retry.sent).is_some(), "there was a HelloRetryRequest");
        retry
    }

    /// The second ClientHello is changed on its way to the server.
    pub fn rewrite(&mut self, change: impl FnOnce(raw::Hello) -> raw::Hello) {
        let hello = raw::Hello::read(&self.sent).expect("the client has sent a ClientHello");
        self.sent = change(hello).write();
    }

    /// What the server answers to the second ClientHello: an alert, or anything else.
    pub fn answered(&mut self) -> Option<u8> {
        self.serves();
        let answer = self.server.get_mut().take_sent();
        self.client.get_mut().receive(&answer);
        alert(&answer)
    }

    /// To the end.
    pub fn end(&mut self) -> Ended {
        if let Some(alert) = self.answered() {
            return Ended::Alert(alert);
        }
        self.sends();
        assert_eq!(self.answered(), None);
        assert!(self.client.ssl().is_init_finished() && self.server.ssl().is_init_finished(), "both ends are done");
        // The tickets come with whatever is read next.
        let error = self.client.ssl_read(&mut [0]).unwrap_err();
        assert_eq!(error.code(), ErrorCode::WANT_READ, "{error}");
        let sessions = self.sessions.lock().unwrap().drain(..).collect();
        Ended::Complete { resumed: self.client.ssl().session_reused(), sessions }
    }

    /// The client does what it can.
    fn sends(&mut self) {
        if let Err(error) = self.client.connect() {
            assert_eq!(error.code(), ErrorCode::WANT_READ, "{error}");
        }
        self.sent = self.client.get_mut().take_sent();
    }

    /// The server does what it can, or ends the handshake. A hook that asks for a retry is called again.
    fn serves(&mut self) {
        self.server.get_mut().receive(&self.sent);
        while self.server.accept().is_err_and(|error| error.code() == ErrorCode::WANT_CLIENT_HELLO_CB) {}
        drop(openssl::error::ErrorStack::get());
    }
}

impl Ended {
    /// The alert that it ended with.
    pub fn alert(&self) -> Option<u8> {
        if let Ended::Alert(alert) = self { Some(*alert) } else { None }
    }

    /// Whether it resumed, and the session that the client has of it.
    pub fn complete(self) -> (bool, SslSession) {
        match self {
            Ended::Complete { resumed, mut sessions } => (resumed, sessions.pop().expect("there was a ticket")),
            Ended::Alert(alert) => panic!("the server sent the alert {alert}"),
        }
    }
}

/// The fatal alert in these records, if there is one in clear.
fn alert(records: &[u8]) -> Option<u8> {
    const FATAL: u8 = 2;
    raw::records(records).find_map(|(kind, content)| match (kind, content) {
        (21, &[FATAL, alert]) => Some(alert),
        _ => None,
    })
}
