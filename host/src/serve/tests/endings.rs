use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;

#[tokio::test]
async fn a_server_that_stops_lets_a_request_finish_and_then_ends() {
    let files = Files::new();
    files.issue("default", None);
    let server = Running::start(&files, "drain = '1h'").await;
    let mut stream = server.connect(None).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\n").await.unwrap();
    server.stop.notify_one();
    // Nobody new is accepted once it drains.
    while TcpStream::connect(server.address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    stream.write_all(b"\r\n").await.unwrap();
    let mut answer = String::new();
    // The end is a close_notify: this client does not ignore a bare end of the stream.
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.contains("Connection: close"), "{answer}");
    server.done.await.unwrap();
}

#[tokio::test]
async fn a_client_that_never_finishes_is_told_goodbye_when_the_drain_is_over() {
    let files = Files::new();
    files.issue("default", None);
    let server = Running::start(&files, "drain = '1ms'").await;
    let mut stream = server.connect(None).await.unwrap();
    stream.write_all(b"GET / HTT").await.unwrap();
    server.stop.notify_one();
    assert_eq!(stream.read(&mut [0]).await.unwrap(), 0);
    server.done.await.unwrap();
}

#[tokio::test]
async fn a_second_signal_ends_the_drain() {
    let files = Files::new();
    files.issue("default", None);
    let server = Running::start(&files, "drain = '1h'").await;
    let mut stream = server.connect(None).await.unwrap();
    server.stop.notify_one();
    server.hurry.notify_one();
    assert_eq!(stream.read(&mut [0]).await.unwrap(), 0);
    server.done.await.unwrap();
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
    // While the first is there, it is answered and the second is not.
    tokio::select! {
        biased;
        _ = &mut second => panic!("there was room for two"),
        answer = get(&mut first, "/") => assert!(answer.unwrap().contains("Reprise")),
    }
    drop(first);
    assert!(second.await.contains("Reprise"));
}
