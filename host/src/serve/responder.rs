//! What answers where there is no backend: HTTP/1.1 with two resources, to see what resumed and why.

use std::{
    io,
    time::{Duration, SystemTime},
};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    time::timeout,
};

use super::{
    phase::Phases,
    report::Report,
    request::{self, Head, MAX_HEAD, Method, Request},
};

const PAGE: &str = "<!doctype html>\n<meta charset=\"utf-8\">\n<title>Reprise</title>\n\
<h1>Reprise</h1>\n<p>This TLS server keeps its sessions as its policies say.\n\
<p><a href=\"/connection\">/connection</a> tells about this connection: what resumed, and if not, why.\n";

/// How long, and for how many bytes, a client that is still sending is listened to after an error, so that it reads the
/// answer before the connection is reset under it (RFC 9112 section 9.6).
const LINGER: (Duration, usize) = (Duration::from_secs(1), 64 << 10);

/// Answers the requests that come over `stream`, then closes it.
///
/// A client that sends no whole head within `idle`, or takes no answer within it, is dropped. When the server drains, a
/// request that has begun is answered and the connection closed.
///
/// # Errors
/// The stream's.
pub(crate) async fn serve<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    report: &Report,
    idle: Duration,
    phases: &mut Phases,
) -> io::Result<()> {
    let mut received = Vec::new();
    // A client's first request is waited for even when the server drains: it may have connected a moment ago.
    let mut waits_for_drain = false;
    loop {
        let head = tokio::select! {
            biased;
            head = timeout(idle, head(stream, &mut received)) => head,
            () = phases.draining(), if waits_for_drain => {
                if received.is_empty() {
                    break;
                }
                waits_for_drain = false;
                continue;
            }
        };
        let answer = match head {
            Ok(head) => answer(head?, report, phases.is_draining()),
            Err(_elapsed) => None,
        };
        let Some(answer) = answer else { break };
        timeout(idle, send(stream, &answer)).await??;
        match answer.then {
            Then::NextRequest => waits_for_drain = true,
            Then::Close => break,
            Then::Linger => {
                timeout(idle, stream.shutdown()).await??;
                let _ = timeout(LINGER.0, discard(stream, LINGER.1)).await;
                return Ok(());
            }
        }
    }
    timeout(idle, stream.shutdown()).await?
}

/// A response, and what becomes of the connection after it.
struct Answer {
    status: &'static str,
    content_type: &'static str,
    body: String,
    /// For HEAD: the fields of the answer to GET, and no body (RFC 9110 section 9.3.2).
    head_only: bool,
    then: Then,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Then {
    NextRequest,
    Close,
    /// The client may still be sending what was not read.
    Linger,
}

/// Takes the next request's head off `received`, reading more as needed. `Partial`: the client has hung up.
async fn head<S: AsyncRead + Unpin>(stream: &mut S, received: &mut Vec<u8>) -> io::Result<Head> {
    loop {
        match request::parse(received) {
            Head::Partial => {}
            Head::Complete(request, length) => {
                received.drain(..length);
                return Ok(Head::Complete(request, length));
            }
            other => return Ok(other),
        }
        let room = MAX_HEAD.saturating_sub(received.len()).max(1);
        if stream.take(room as u64).read_buf(received).await? == 0 {
            return Ok(Head::Partial);
        }
    }
}

fn answer(head: Head, report: &Report, draining: bool) -> Option<Answer> {
    let request = match head {
        Head::Partial => return None,
        Head::Malformed => return Some(Answer::error("400 Bad Request")),
        Head::TooLarge => return Some(Answer::error("431 Request Header Fields Too Large")),
        Head::Complete(request, _) => request,
    };
    let Request { method, path, keep_alive } = request;
    let (status, content_type, body) = match (method, path.as_str()) {
        (Method::Other, _) => return Some(Answer::error("405 Method Not Allowed")),
        (_, "/") => ("200 OK", "text/html; charset=utf-8", PAGE.to_owned()),
        (_, "/connection") => ("200 OK", "application/json", report.json()),
        _ => {
            ("404 Not Found", "text/plain; charset=utf-8", "Nothing here; there is `/` and `/connection`.\n".to_owned())
        }
    };
    let then = if keep_alive && !draining { Then::NextRequest } else { Then::Close };
    Some(Answer { status, content_type, body, head_only: method == Method::Head, then })
}

impl Answer {
    fn error(status: &'static str) -> Self {
        let body = format!("{status}\n");
        Self { status, content_type: "text/plain; charset=utf-8", body, head_only: false, then: Then::Linger }
    }
}

async fn send<S: AsyncWrite + Unpin>(stream: &mut S, answer: &Answer) -> io::Result<()> {
    let Answer { status, content_type, body, head_only, then } = answer;
    let date = httpdate::fmt_http_date(SystemTime::now());
    let length = body.len();
    // RFC 9110 section 15.5.6 wants `Allow` with 405; it is true in any answer.
    let mut response = format!(
        "HTTP/1.1 {status}\r\nDate: {date}\r\nContent-Type: {content_type}\r\nContent-Length: {length}\r\n\
         Cache-Control: no-store\r\nAllow: GET, HEAD\r\nConnection: {}\r\n\r\n",
        if *then == Then::NextRequest { "keep-alive" } else { "close" },
    );
    if !head_only {
        response.push_str(body);
    }
    stream.write_all(response.as_bytes()).await?;
    stream.flush().await
}

async fn discard<S: AsyncRead + Unpin>(stream: &mut S, most: usize) -> io::Result<u64> {
    tokio::io::copy(&mut stream.take(most as u64), &mut tokio::io::sink()).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::serve::phase::{Phase, Phased};
    use tokio::io::duplex;

    /// What the responder sends to a client that sends `requests` and then hangs up.
    async fn talk(requests: &str) -> String {
        let (mut client, mut server) = duplex(1 << 20);
        client.write_all(requests.as_bytes()).await.unwrap();
        client.shutdown().await.unwrap();
        let phased = Phased::new();
        let serve = async {
            serve(&mut server, &Report::default(), Duration::from_secs(60), &mut phased.watch()).await.unwrap();
            drop(server);
        };
        let mut answers = String::new();
        let (_, read) = tokio::join!(serve, client.read_to_string(&mut answers));
        read.unwrap();
        answers
    }

    fn statuses(answers: &str) -> Vec<&str> {
        answers.lines().filter_map(|line| line.strip_prefix("HTTP/1.1 ")).map(|status| &status[..3]).collect()
    }

    #[tokio::test]
    async fn a_connection_carries_several_requests_even_sent_at_once() {
        let answers = talk("GET / HTTP/1.1\r\n\r\nGET /connection HTTP/1.1\r\n\r\nGET /no HTTP/1.1\r\nConnection: close\r\n\r\nGET / HTTP/1.1\r\n\r\n").await;
        assert_eq!(statuses(&answers), ["200", "200", "404"]);
    }

    #[tokio::test]
    async fn head_has_the_fields_of_get_and_no_body() {
        let get = talk("GET / HTTP/1.0\r\n\r\n").await;
        let head = talk("HEAD / HTTP/1.0\r\n\r\n").await;
        let fields = |answer: &str| {
            answer
                .split_once("\r\n\r\n")
                .unwrap()
                .0
                .lines()
                .filter(|l| !l.starts_with("Date"))
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        assert_eq!(fields(&head), fields(&get));
        assert!(head.ends_with("\r\n\r\n") && get.ends_with(PAGE));
    }

    #[tokio::test]
    async fn what_is_wrong_is_answered_and_ends_the_connection() {
        let next = "GET / HTTP/1.1\r\n\r\n";
        for (request, status) in [
            ("\x16\x03\x01 what\r\n\r\n".to_owned(), "400"),
            ("POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n".to_owned(), "405"),
            (format!("GET /{} HTTP/1.1\r\n\r\n", "a".repeat(2 * MAX_HEAD)), "431"),
        ] {
            assert_eq!(statuses(&talk(&format!("{request}{next}")).await), [status]);
        }
    }

    #[tokio::test]
    async fn a_client_that_trickles_its_request_is_dropped() {
        let (mut client, mut server) = duplex(1 << 10);
        let phased = Phased::new();
        let mut phases = phased.watch();
        let report = Report::default();
        let serve = serve(&mut server, &report, Duration::from_millis(100), &mut phases);
        let trickle = async {
            loop {
                client.write_all(b"G").await.unwrap();
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        // The head would take a hundred times as long as a client has; each byte of it comes well in time.
        tokio::select! {
            served = serve => served.unwrap(),
            () = trickle => unreachable!(),
        }
    }

    #[tokio::test]
    async fn an_idle_connection_closes_when_the_server_drains() {
        let (mut client, mut server) = duplex(1 << 10);
        let phased = Phased::new();
        let mut phases = phased.watch();
        let report = Report::default();
        let serve = async {
            serve(&mut server, &report, Duration::from_secs(3600), &mut phases).await.unwrap();
            drop(server);
        };
        let client = async {
            client.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
            let mut first = [0; 15];
            client.read_exact(&mut first).await.unwrap();
            phased.enter(Phase::Draining);
            let mut rest = String::new();
            client.read_to_string(&mut rest).await.unwrap();
            rest
        };
        let ((), rest) = tokio::join!(serve, client);
        assert!(rest.ends_with(PAGE));
    }
}
