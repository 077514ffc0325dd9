//! A connection that breaks on one side is not taken for one that ends on the other.

use std::{io::ErrorKind, time::Duration};

use socket2::SockRef;
use tokio::net::TcpListener;

use super::{endings::Listening, *};

/// A server, a client of its, and their connection to a backend, on which a word went either way.
struct Joined {
    server: Running,
    client: SslStream<TcpStream>,
    backend: TcpStream,
    _files: Files,
}

impl Joined {
    async fn new() -> Self {
        let files = Files::new();
        files.issue("default", None);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let toml = format!("drain = '1ms'\nbackend = '{}'", listener.local_addr().unwrap());
        let server = Running::start(&files, &toml).await;
        let mut client = server.connect(None).await.unwrap();
        client.write_all(b"ask").await.unwrap();
        let (mut backend, _) = listener.accept().await.unwrap();
        let mut word = [0; 3];
        backend.read_exact(&mut word).await.unwrap();
        backend.write_all(b"say").await.unwrap();
        client.read_exact(&mut word).await.unwrap();
        assert_eq!(&word, b"say");
        Self { server, client, backend, _files: files }
    }

    /// How the backend finds that the client's side ends.
    async fn backend_reads(&mut self) -> Result<usize, ErrorKind> {
        self.backend.read(&mut [0; 8]).await.map_err(|error| error.kind())
    }
}

/// Closes a socket, so that it is reset.
fn reset(stream: TcpStream) {
    SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
}

/// Closes what is under TLS, without a word.
fn abandon(stream: SslStream<TcpStream>, with_reset: bool) {
    if with_reset {
        SockRef::from(stream.get_ref()).set_linger(Some(Duration::ZERO)).unwrap();
    }
}

#[tokio::test]
async fn a_client_that_breaks_off_resets_the_backend() {
    for with_reset in [false, true] {
        let mut joined = Joined::new().await;
        let client = std::mem::replace(&mut joined.client, joined.server.connect(None).await.unwrap());
        abandon(client, with_reset);
        assert_eq!(joined.backend_reads().await, Err(ErrorKind::ConnectionReset), "reset: {with_reset}");
    }
}

#[tokio::test]
async fn a_client_that_says_goodbye_ends_its_sending() {
    let mut joined = Joined::new().await;
    joined.client.write_all(b"!").await.unwrap();
    // `close_notify`, and then TCP's end of its sending: it still listens.
    joined.client.shutdown().await.unwrap();
    assert_eq!(joined.backend_reads().await, Ok(1));
    assert_eq!(joined.backend_reads().await, Ok(0));
    joined.backend.write_all(b"last words").await.unwrap();
    drop(joined.backend);
    let mut rest = String::new();
    joined.client.read_to_string(&mut rest).await.unwrap();
    assert_eq!(rest, "last words");
}

/// What a client hears, and whether the last of it is a goodbye, where the backend says something and then does `end`.
async fn hears(end: impl Fn(TcpStream)) -> (String, bool) {
    let files = Files::new();
    files.issue("default", None);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = Running::start(&files, &format!("backend = '{}'", listener.local_addr().unwrap())).await;
    let client = Listening::to(&server).await.send("ask").await;
    let (mut backend, _) = listener.accept().await.unwrap();
    backend.read_exact(&mut [0; 3]).await.unwrap();
    backend.write_all(b"say").await.unwrap();
    end(backend);
    client.rest().await
}

#[tokio::test]
async fn a_backend_that_breaks_off_is_no_goodbye() {
    let (_, goodbye) = hears(reset).await;
    assert!(!goodbye);
}

#[tokio::test]
async fn a_backend_that_ends_is_a_goodbye() {
    assert_eq!(hears(drop).await, ("say".to_owned(), true));
}

#[tokio::test]
async fn a_server_that_ends_does_not_end_the_clients_words() {
    let mut joined = Joined::new().await;
    joined.server.stop.notify_one();
    assert_eq!(joined.backend_reads().await, Err(ErrorKind::ConnectionReset));
}
