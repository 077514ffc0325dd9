//! What is taken for a request, and what becomes of the connection after it.

use tokio::io::duplex;

use super::*;
use crate::phase::{Phase, Phased};

/// Answers with the path.
struct Paths;

impl Resources for Paths {
    async fn answer(&self, request: &Parts) -> Answer {
        Answer::text(StatusCode::OK, request.uri.path())
    }
}

/// What a client that sends this and hangs up is answered: status and body of each.
async fn answers(requests: &str) -> Vec<(u16, String)> {
    let (mut client, mut server) = duplex(1 << 20);
    client.write_all(requests.as_bytes()).await.unwrap();
    client.shutdown().await.unwrap();
    let phased = Phased::new();
    serve(&mut server, &Paths, Duration::from_secs(60), &mut phased.watch()).await.unwrap();
    // The server's side is still there: it has said goodbye.
    let mut all = String::new();
    client.read_to_string(&mut all).await.unwrap();
    let mut answers = Vec::new();
    for answer in all.split("HTTP/1.").skip(1) {
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        answers.push((head[2..5].parse().unwrap(), body.trim_end().to_owned()));
    }
    answers
}

/// The statuses alone.
async fn statuses(requests: &str) -> Vec<u16> {
    answers(requests).await.into_iter().map(|(status, _)| status).collect()
}

#[tokio::test]
async fn a_request_typed_by_hand_is_understood() {
    for (head, path) in [
        ("GET /connection HTTP/1.1\r\n\r\n", "/connection"),
        ("GET /connection HTTP/1.0\n\n", "/connection"),
        ("GET /connection?x=1 HTTP/1.1\nHost: a\n\n", "/connection"),
        ("GET https://a.example/connection?x HTTP/1.1\r\n\r\n", "/connection"),
        ("GET https://a.example HTTP/1.1\r\n\r\n", "/"),
        ("GET /?to=http://b/ HTTP/1.1\r\n\r\n", "/"),
    ] {
        assert_eq!(answers(head).await, [(200, path.to_owned())], "{head:?}");
    }
}

#[tokio::test]
async fn every_beginning_of_a_head_is_no_request() {
    let head = "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n";
    for end in 0..head.len() {
        assert_eq!(statuses(&head[..end]).await, [0; 0], "{end}");
    }
}

#[tokio::test]
async fn a_connection_goes_on_unless_told_otherwise() {
    for (head, keep_alive) in [
        ("GET / HTTP/1.1\r\n\r\n", true),
        ("GET / HTTP/1.1\r\nConnection: Close\r\n\r\n", false),
        ("GET / HTTP/1.1\r\nConnection: x, close\r\n\r\n", false),
        ("GET / HTTP/1.0\r\n\r\n", false),
        ("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", true),
    ] {
        let answered = statuses(&format!("{head}GET / HTTP/1.1\r\n\r\n")).await;
        assert_eq!(answered.len(), if keep_alive { 2 } else { 1 }, "{head:?}");
    }
}

#[tokio::test]
async fn a_body_is_never_taken_for_the_next_request() {
    let next = "GET /next HTTP/1.1\r\n\r\n";
    for field in ["Content-Length: 5", "Transfer-Encoding: chunked"] {
        assert_eq!(statuses(&format!("POST / HTTP/1.1\r\n{field}\r\n\r\n{next}")).await, [200], "{field}");
    }
    for field in ["Content-Length: 0", "content-length: 00"] {
        assert_eq!(statuses(&format!("GET / HTTP/1.1\r\n{field}\r\n\r\n{next}")).await, [200, 200], "{field}");
    }
}

#[tokio::test]
async fn a_length_that_is_not_clear_is_refused() {
    let next = "GET /next HTTP/1.1\r\n\r\n";
    for fields in [
        "Content-Length: 0\r\nContent-Length: 5",
        "Content-Length: 0, 0",
        "Content-Length: +0",
        "Content-Length: -1",
        "Content-Length: 0x0",
        "Content-Length : 0",
        "Transfer-Encoding: identity",
        "Transfer-Encoding: chunked, identity",
        "Content-Length: 0\r\n Transfer-Encoding: chunked",
    ] {
        assert_eq!(statuses(&format!("GET / HTTP/1.1\r\n{fields}\r\n\r\n{next}")).await, [400], "{fields}");
    }
    // With both, one of them is not true: the connection ends.
    let both = "Content-Length: 0\r\nTransfer-Encoding: chunked";
    assert_eq!(statuses(&format!("GET / HTTP/1.1\r\n{both}\r\n\r\n0\r\n\r\n{next}")).await, [200]);
    let old = "Transfer-Encoding: chunked";
    assert_eq!(statuses(&format!("GET / HTTP/1.0\r\n{old}\r\n\r\n{next}")).await, [400]);
}

#[tokio::test]
async fn nothing_is_upgraded() {
    let next = "GET /next HTTP/1.1\r\n\r\n";
    let upgrade = "GET / HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n";
    assert_eq!(statuses(&format!("{upgrade}{next}")).await, [200, 200]);
    assert_eq!(statuses(upgrade).await, [200]);
}

#[tokio::test]
async fn what_is_no_request_is_malformed() {
    for bytes in ["\x16\x03\x01\0", "GET\r\n\r\n", "GET / HTTP/2.0\r\n\r\n", "GET / HTTP/1.1\r\nno colon\r\n\r\n"] {
        assert_eq!(statuses(bytes).await, [400], "{bytes:?}");
    }
}

#[tokio::test]
async fn a_head_is_bounded_in_bytes_and_fields() {
    let head = |length: usize| {
        let rest = "GET / HTTP/1.1\r\na: \r\n\r\n".len();
        format!("GET /{} HTTP/1.1\r\na: \r\n\r\n", "a".repeat(length - rest))
    };
    assert_eq!(statuses(&head(MAX_HEAD)).await, [200]);
    assert_eq!(statuses(&head(MAX_HEAD + 1)).await, [431]);
    assert_eq!(statuses(&"a".repeat(2 * MAX_HEAD)).await, [431], "it has no end");
    let fields = |count| format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(count));
    assert_eq!(statuses(&fields(MAX_HEADERS)).await, [200]);
    assert_eq!(statuses(&fields(MAX_HEADERS + 1)).await, [431]);
}

/// With hours for all else, a client's connection ends by the one time that is short.
#[tokio::test]
async fn each_stage_of_a_connection_has_its_own_time() {
    const HOUR: Duration = Duration::from_secs(3_600);
    const HOURS: Patience = Patience { request: HOUR, idle: HOUR, answer: HOUR };
    const SHORT: Duration = Duration::from_millis(100);
    let (request, idle) = (Patience { request: SHORT, ..HOURS }, Patience { idle: SHORT, ..HOURS });
    let answer = Patience { answer: SHORT, ..HOURS };
    let phased = Phased::new();
    // The client sends the one and, once it has the beginning of an answer, the other.
    for (first, then, room, patience) in [
        ("", "", 1 << 20, request),
        ("GET / HTTP/1.1\r\n", "", 1 << 20, request),
        ("GET / HTTP/1.1\r\n\r\n", "", 1 << 20, idle),
        ("GET / HTTP/1.1\r\n\r\n", "GET / HT", 1 << 20, request),
        ("GET / HTTP/1.1\r\n\r\nGET / HT", "", 1 << 20, request),
        ("GET / HTTP/1.1\r\n\r\n", "", 24, answer),
    ] {
        let (mut client, mut server) = duplex(room);
        let mut phases = phased.watch();
        client.write_all(first.as_bytes()).await.unwrap();
        let client = async {
            if !then.is_empty() {
                client.read_exact(&mut [0; 8]).await.unwrap();
                client.write_all(then.as_bytes()).await.unwrap();
            }
            std::future::pending::<()>().await;
        };
        let served = async {
            tokio::select! {
                served = serve(&mut server, &Paths, patience, &mut phases) => served,
                () = client => unreachable!(),
            }
        };
        let served = timeout(Duration::from_secs(60), served).await;
        let served = served.unwrap_or_else(|_| panic!("{first:?} {then:?} {patience:?}"));
        let taken = served.map_err(|error| error.kind());
        assert_eq!(taken, if room == 24 { Err(io::ErrorKind::TimedOut) } else { Ok(()) }, "{first:?}");
    }
}

#[tokio::test]
async fn a_first_request_is_answered_while_the_server_drains() {
    let (mut client, mut server) = duplex(1 << 20);
    let phased = Phased::new();
    phased.enter(Phase::Draining);
    let mut phases = phased.watch();
    let client = async {
        tokio::task::yield_now().await;
        client.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.unwrap();
        answer
    };
    let serve = async {
        serve(&mut server, &Paths, Duration::from_secs(60), &mut phases).await.unwrap();
        drop(server);
    };
    let ((), answer) = tokio::join!(serve, client);
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.contains("Connection: close"), "{answer}");
}

/// Bytes that nobody has read reset a connection when it is closed, and the answer goes with it.
#[tokio::test]
async fn a_client_still_sending_reads_why_it_is_refused() {
    let (mut client, mut server) = duplex(1 << 20);
    client.write_all(&vec![b'a'; LINGER.1 / 2]).await.unwrap();
    client.shutdown().await.unwrap();
    let phased = Phased::new();
    serve(&mut server, &Paths, Duration::from_secs(60), &mut phased.watch()).await.unwrap();
    let mut unread = Vec::new();
    server.read_to_end(&mut unread).await.unwrap();
    assert_eq!(unread.len(), 0);
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
}
