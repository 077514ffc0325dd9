use std::io::{Read, Write};

use openssl::ssl::{self, ShutdownState};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    task::spawn_blocking,
};

use super::*;

/// A client that can tell a goodbye (`close_notify`) from a connection that just ends, which the asynchronous one cannot.
pub(super) struct Listening(ssl::SslStream<std::net::TcpStream>);

impl Listening {
    pub(super) async fn to(server: &Running) -> Self {
        let address = server.address;
        let connect = move || {
            let stream = std::net::TcpStream::connect(address).unwrap();
            let mut stream = ssl::SslStream::new(Ssl::new(&client_context().build()).unwrap(), stream).unwrap();
            stream.connect().unwrap();
            Self(stream)
        };
        spawn_blocking(connect).await.unwrap()
    }

    pub(super) async fn send(mut self, text: &'static str) -> Self {
        let send = move || {
            self.0.write_all(text.as_bytes()).unwrap();
            self
        };
        spawn_blocking(send).await.unwrap()
    }

    /// What comes until the end, and whether that was a goodbye.
    pub(super) async fn rest(mut self) -> (String, bool) {
        let listen = move || {
            let mut rest = String::new();
            let _ = self.0.read_to_string(&mut rest);
            (rest, self.0.get_shutdown().contains(ShutdownState::RECEIVED))
        };
        spawn_blocking(listen).await.unwrap()
    }
}

#[tokio::test]
async fn a_server_that_stops_lets_a_request_finish_and_then_ends() {
    let files = Files::new();
    files.issue("default", None);
    let server = Running::start(&files, "drain = '1h'").await;
    let client = Listening::to(&server).await.send("GET / HTTP/1.1\r\n").await;
    server.stop.notify_one();
    // Nobody new is accepted once it drains.
    while TcpStream::connect(server.address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    let (answer, goodbye) = client.send("\r\n").await.rest().await;
    assert!(answer.contains("Connection: close") && goodbye, "{answer}");
    server.done.await.unwrap();
}

#[tokio::test]
async fn a_client_that_never_finishes_is_told_goodbye_when_the_drain_is_over() {
    let files = Files::new();
    files.issue("default", None);
    let server = Running::start(&files, "drain = '1ms'").await;
    let client = Listening::to(&server).await.send("GET / HTT").await;
    server.stop.notify_one();
    assert_eq!(client.rest().await, (String::new(), true));
    server.done.await.unwrap();
}

#[tokio::test]
async fn a_second_signal_ends_the_drain() {
    let files = Files::new();
    files.issue("default", None);
    let server = Running::start(&files, "drain = '1h'").await;
    let client = Listening::to(&server).await;
    server.stop.notify_one();
    server.hurry.notify_one();
    assert_eq!(client.rest().await, (String::new(), true));
    server.done.await.unwrap();
}

#[tokio::test]
async fn a_silent_client_does_not_hold_up_the_end() {
    let files = Files::new();
    files.issue("default", None);
    let server = Running::start(&files, "drain = '1ms'\nhandshake-timeout = '1h'").await;
    let mut silent = TcpStream::connect(server.address).await.unwrap();
    let mut half = TcpStream::connect(server.address).await.unwrap();
    half.write_all(b"\x16\x03\x01\x02\x00\x01").await.unwrap();
    // Connections are accepted in the order in which they come.
    server.connect(None).await.unwrap();
    server.stop.notify_one();
    server.done.await.unwrap();
    assert_eq!(silent.read(&mut [0]).await.unwrap_or(0), 0);
    assert_eq!(half.read(&mut [0]).await.unwrap_or(0), 0);
}

#[tokio::test]
async fn a_client_that_takes_nothing_holds_up_no_end() {
    let files = Files::new();
    files.issue("default", None);
    let backend = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let toml = format!("drain = '1ms'\nbackend-idle-timeout = '1h'\nbackend = '{}'", backend.local_addr().unwrap());
    let server = Running::start(&files, &toml).await;
    let client = server.connect(None).await.unwrap();
    let (mut stream, _) = backend.accept().await.unwrap();
    // Until all buffers on the way are full: what is written next waits for the client.
    let full = async { while stream.write_all(&[0; 1 << 16]).await.is_ok() {} };
    assert!(tokio::time::timeout(std::time::Duration::from_secs(2), full).await.is_err());
    server.stop.notify_one();
    server.done.await.unwrap();
    drop(client);
}

#[tokio::test]
async fn a_silent_client_is_dropped_and_others_are_served_meanwhile() {
    let files = Files::new();
    files.issue("default", None);
    let server = Running::start(&files, "handshake-timeout = '300ms'").await;
    let mut silent = TcpStream::connect(server.address).await.unwrap();
    let mut half = TcpStream::connect(server.address).await.unwrap();
    half.write_all(b"\x16\x03\x01\x02\x00\x01").await.unwrap();
    let mut stream = server.connect(None).await.unwrap();
    assert!(get(&mut stream, "/").await.unwrap().contains("Reprise"));
    assert_eq!(silent.read(&mut [0]).await.unwrap_or(0), 0);
    assert_eq!(half.read(&mut [0]).await.unwrap_or(0), 0);
}

#[tokio::test]
async fn over_the_limit_a_client_waits_until_another_is_done() {
    let files = Files::new();
    files.issue("default", None);
    let server = Running::start(&files, "max-connections = 1").await;
    let mut first = server.connect(None).await.unwrap();
    let mut second = Box::pin(async {
        let mut second = server.connect(None).await.unwrap();
        get(&mut second, "/").await.unwrap()
    });
    // While the first is there, it is answered time and again and the second is not.
    let mut asking = Box::pin(async {
        let mut answer = [0; 15];
        for _ in 0..50 {
            first.write_all(b"HEAD / HTTP/1.1\r\n\r\n").await.unwrap();
            first.read_exact(&mut answer).await.unwrap();
            assert_eq!(&answer, b"HTTP/1.1 200 OK");
            while !answer.ends_with(b"\r\n\r\n") {
                answer.rotate_left(1);
                answer[14] = first.read_u8().await.unwrap();
            }
        }
    });
    tokio::select! {
        _ = &mut second => panic!("there was room for two"),
        () = &mut asking => {}
    }
    drop(asking);
    drop(first);
    assert!(second.await.contains("Reprise"));
}
