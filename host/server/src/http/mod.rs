//! HTTP/1.1 as far as a small responder needs it: heads in, answers out.
//!
//! - `request`: the head of a request

pub(crate) mod request;

use std::{
    future::Future,
    io,
    time::{Duration, SystemTime},
};

use reprise_session::printable;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    time::timeout,
};

use self::request::{Head, MAX_HEAD, Method, Request};
use crate::phase::Phases;

/// How long, and for how many bytes, a client that is still sending is listened to after an error, so that it reads the
/// answer before the connection is reset under it (RFC 9112 section 9.6).
const LINGER: (Duration, usize) = (Duration::from_secs(1), 64 << 10);

/// What a server has to answer with.
pub(crate) trait Resources: Sync {
    /// The answer to a request.
    fn answer(&self, request: &Request) -> impl Future<Output = Answer> + Send;
}

/// What is answered.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    /// The status code and its reason.
    pub(crate) status: &'static str,
    pub(crate) content_type: &'static str,
    pub(crate) body: String,
    /// The methods that the resource knows. RFC 9110 section 15.5.6 wants them with 405; they are true in any answer.
    allow: &'static str,
}

impl Answer {
    /// An answer of this type.
    pub(crate) fn new(status: &'static str, content_type: &'static str, body: String) -> Self {
        Self { status, content_type, body, allow: "GET, HEAD" }
    }

    /// Lines of text.
    pub(crate) fn text(status: &'static str, text: impl Into<String>) -> Self {
        let lines: String = text.into().lines().map(|line| printable::line(line, 4_096).into_owned() + "\n").collect();
        Self::new(status, "text/plain; charset=utf-8", lines)
    }

    /// The status alone, as text.
    pub(crate) fn error(status: &'static str) -> Self {
        Self::text(status, status)
    }

    /// A resource that is not there for the request's method, but for `allow`.
    pub(crate) fn not_allowed(allow: &'static str) -> Self {
        Self { allow, ..Self::error("405 Method Not Allowed") }
    }
}

/// How long a client is waited for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    /// For the head of its first request, and of a later one once that has begun.
    pub(crate) request: Duration,
    /// For a later request to begin.
    pub(crate) idle: Duration,
    /// For it to take an answer.
    pub(crate) answer: Duration,
}

impl From<Duration> for Patience {
    fn from(always: Duration) -> Self {
        Self { request: always, idle: always, answer: always }
    }
}

/// Answers the requests that come over `stream`, then closes it.
///
/// A client that is slower than `patience` allows is dropped. When the server drains, a
/// request that has begun is answered and the connection closed.
///
/// # Errors
/// The stream's.
pub(crate) async fn serve<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    resources: &impl Resources,
    patience: impl Into<Patience>,
    phases: &mut Phases,
) -> io::Result<()> {
    let patience = patience.into();
    let (mut received, mut first) = (Vec::new(), true);
    // A client's first request is waited for even when the server drains: it may have connected a moment ago.
    let mut waits_for_drain = false;
    loop {
        let head = tokio::select! {
            biased;
            head = next_head(stream, &mut received, patience, first) => head,
            () = phases.draining(), if waits_for_drain => {
                if received.is_empty() {
                    break;
                }
                waits_for_drain = false;
                continue;
            }
        };
        let response = match head {
            Some(head) => respond(head?, resources, phases).await,
            None => None,
        };
        first = false;
        let Some(response) = response else { break };
        timeout(patience.answer, send(stream, &response)).await??;
        match response.then {
            Then::NextRequest => waits_for_drain = true,
            Then::Close => break,
            Then::Linger => {
                timeout(patience.answer, stream.shutdown()).await??;
                let _ = timeout(LINGER.0, discard(stream, LINGER.1)).await;
                return Ok(());
            }
        }
    }
    timeout(patience.answer, stream.shutdown()).await?
}

/// The next request's head, of the first request or a later one; none if it takes too long.
async fn next_head<S: AsyncRead + Unpin>(
    stream: &mut S,
    received: &mut Vec<u8>,
    patience: Patience,
    first: bool,
) -> Option<io::Result<Head>> {
    if !first && received.is_empty() {
        match timeout(patience.idle, more(stream, received)).await.ok()? {
            Ok(0) => return Some(Ok(Head::Partial)),
            Ok(_) => {}
            Err(error) => return Some(Err(error)),
        }
    }
    timeout(patience.request, head(stream, received)).await.ok()
}

/// An answer, and what becomes of the connection after it.
struct Response {
    answer: Answer,
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
        if more(stream, received).await? == 0 {
            return Ok(Head::Partial);
        }
    }
}

async fn more<S: AsyncRead + Unpin>(stream: &mut S, received: &mut Vec<u8>) -> io::Result<usize> {
    let room = MAX_HEAD.saturating_sub(received.len()).max(1);
    stream.take(room as u64).read_buf(received).await
}

async fn respond(head: Head, resources: &impl Resources, phases: &Phases) -> Option<Response> {
    let request = match head {
        Head::Partial => return None,
        Head::Malformed => return Some(Response::error(Answer::error("400 Bad Request"))),
        Head::TooLarge => return Some(Response::error(Answer::error("431 Request Header Fields Too Large"))),
        Head::Complete(request, _) => request,
    };
    let answer = resources.answer(&request).await;
    if answer.status.starts_with("405") {
        return Some(Response::error(answer));
    }
    let then = if request.keep_alive && !phases.is_draining() { Then::NextRequest } else { Then::Close };
    Some(Response { answer, head_only: request.method == Method::Head, then })
}

impl Response {
    fn error(answer: Answer) -> Self {
        Self { answer, head_only: false, then: Then::Linger }
    }
}

async fn send<S: AsyncWrite + Unpin>(stream: &mut S, response: &Response) -> io::Result<()> {
    let Response { answer: Answer { status, content_type, body, allow }, head_only, then } = response;
    let date = httpdate::fmt_http_date(SystemTime::now());
    let length = body.len();
    let mut response = format!(
        "HTTP/1.1 {status}\r\nDate: {date}\r\nContent-Type: {content_type}\r\nContent-Length: {length}\r\n\
         Cache-Control: no-store\r\nAllow: {allow}\r\nConnection: {}\r\n\r\n",
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
