//! HTTP/1.1 by hyper, within our bounds: small heads, no bodies, and limited patience with clients.
//!
//! - `content`: the body of an answer, which may go on
//! - `pace`: how long a client is waited for

mod content;
mod pace;
#[cfg(test)]
mod tests;

use std::{
    convert::Infallible,
    error::Error as _,
    future::Future,
    io,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use hyper::{
    Request, Response, StatusCode,
    body::{Body, Incoming},
    header::{ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_TYPE, HeaderName, HeaderValue},
    http::request::Parts,
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use reprise_session::printable;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    time::timeout,
};

use self::{
    content::Content,
    pace::{Noted, Pace, Stage},
};
pub(crate) use self::{content::Events, pace::Patience};
use crate::phase::Phases;

/// The largest request head, in bytes. Also the smallest buffer that hyper works with.
pub(crate) const MAX_HEAD: usize = 8 << 10;
const MAX_HEADERS: usize = 64;

/// How long, and for how many bytes, a client that is still sending is listened to after an error, so that it reads the
/// answer before the connection is reset under it (RFC 9112 section 9.6).
const LINGER: (Duration, usize) = (Duration::from_secs(1), 64 << 10);

/// What a server has to answer with.
pub(crate) trait Resources: Sync {
    /// The answer to a request, whose body is not read.
    fn answer(&self, request: &Parts) -> impl Future<Output = Answer> + Send;
}

/// What is answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) content_type: &'static str,
    pub(crate) body: String,
    /// The methods that the resource knows. RFC 9110 section 15.5.6 wants them with 405; they are true in any answer.
    allow: &'static str,
    /// What the body goes on with.
    pub(crate) events: Option<Events>,
    /// More fields: name and value.
    pub(crate) fields: &'static [(&'static str, &'static str)],
}

impl Answer {
    /// An answer of this type.
    pub(crate) fn new(status: StatusCode, content_type: &'static str, body: String) -> Self {
        Self { status, content_type, body, allow: "GET, HEAD", events: None, fields: &[] }
    }

    /// Lines of text.
    pub(crate) fn text(status: StatusCode, text: impl Into<String>) -> Self {
        let lines: String = text.into().lines().map(|line| printable::line(line, 4_096).into_owned() + "\n").collect();
        Self::new(status, "text/plain; charset=utf-8", lines)
    }

    /// The same, with what it goes on with.
    pub(crate) fn going_on(self, events: Events) -> Self {
        Self { events: Some(events), ..self }
    }

    /// The same, with these fields beside the usual ones.
    pub(crate) fn with(self, fields: &'static [(&'static str, &'static str)]) -> Self {
        Self { fields, ..self }
    }

    /// The status alone, as text.
    pub(crate) fn error(status: StatusCode) -> Self {
        Self::text(status, status.to_string())
    }

    /// A resource that is not there for the request's method, but for `allow`.
    pub(crate) fn not_allowed(allow: &'static str) -> Self {
        Self { allow, ..Self::error(StatusCode::METHOD_NOT_ALLOWED) }
    }

    /// `close`: the connection ends with it, though its client may want it to go on.
    fn into_response(self, close: bool, pace: &Arc<Pace>, phases: &Phases) -> Response<Content> {
        let mut response = Response::new(Content::new(self.body, self.events, pace, phases));
        *response.status_mut() = self.status;
        let fields = response.headers_mut();
        fields.insert(CONTENT_TYPE, HeaderValue::from_static(self.content_type));
        fields.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        fields.insert(ALLOW, HeaderValue::from_static(self.allow));
        for (name, value) in self.fields {
            fields.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        if close {
            fields.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}

/// Answers the requests that come over `stream`, then closes it.
///
/// A client that is slower than `patience` allows is dropped. When the server drains, a
/// request that has begun is answered, an answer that goes on ends, and the connection is closed.
///
/// # Errors
/// The stream's, or the client does not take an answer.
pub(crate) async fn serve<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    resources: &impl Resources,
    patience: impl Into<Patience>,
    phases: &mut Phases,
) -> io::Result<()> {
    let patience = patience.into();
    let (pace, unread) = (Arc::new(Pace::new(patience)), AtomicBool::new(false));
    exchange(pace.note(&mut *stream), resources, &pace, &unread, phases).await?;
    // hyper says no goodbye where it was dropped, where the client hung up in the middle of a
    // request, and after a request with the field Upgrade.
    if pace.stage() != Stage::End {
        timeout(patience.answer, stream.shutdown()).await??;
    }
    if unread.load(Relaxed) {
        let _ = timeout(LINGER.0, discard(stream, LINGER.1)).await;
    }
    Ok(())
}

/// Lets hyper serve the connection until it is over, or its client too slow. `unread` is set if
/// the client may still be sending.
async fn exchange<S: AsyncRead + AsyncWrite + Unpin>(
    stream: Noted<'_, S>,
    resources: &impl Resources,
    pace: &Arc<Pace>,
    unread: &AtomicBool,
    phases: &mut Phases,
) -> io::Result<()> {
    let watched = phases.clone();
    let service = service_fn(|request: Request<Incoming>| {
        let watched = &watched;
        async move {
            pace.enter(Stage::Work);
            let (request, body) = request.into_parts();
            let has_body = !body.is_end_stream();
            drop(body);
            let answer = resources.answer(&request).await;
            let rest = has_body || answer.status == StatusCode::METHOD_NOT_ALLOWED;
            unread.fetch_or(rest, Relaxed);
            pace.enter(Stage::Answer);
            Ok::<_, Infallible>(answer.into_response(rest || watched.is_draining(), pace, watched))
        }
    });
    let mut http = http1::Builder::new();
    http.max_header_size(MAX_HEAD)
        .max_headers(MAX_HEADERS)
        .max_buf_size(MAX_HEAD)
        .title_case_headers(true)
        // A client that has said all still gets its answers.
        .half_close(true);
    let mut connection = pin!(http.serve_connection(TokioIo::new(stream), service));
    // The first request is waited for even when the server drains: its client may have connected
    // a moment ago.
    let mut drained = pin!(async {
        phases.draining().await;
        pace.idle().await;
    });
    let mut serving = true;
    loop {
        // The connection first: both others depend on the stage that it leaves behind.
        tokio::select! {
            biased;
            ended = connection.as_mut() => match ended {
                Err(error) if error.is_parse() => unread.store(true, Relaxed),
                // It hung up in the middle of a request.
                Err(error) if error.is_incomplete_message() => {}
                ended => ended.map_err(cause)?,
            },
            stage = pace.exceeded() => match stage {
                Stage::Answer | Stage::End => return Err(io::ErrorKind::TimedOut.into()),
                Stage::Head | Stage::Work | Stage::Idle => {}
            },
            () = drained.as_mut(), if serving => {
                connection.as_mut().graceful_shutdown();
                serving = false;
                continue;
            }
        }
        return Ok(());
    }
}

/// The stream's error, if it is one.
fn cause(error: hyper::Error) -> io::Error {
    match error.source().and_then(|source| source.downcast_ref::<io::Error>()) {
        Some(source) => io::Error::new(source.kind(), source.to_string()),
        None => io::Error::other(error),
    }
}

async fn discard<S: AsyncRead + Unpin>(stream: &mut S, most: usize) -> io::Result<u64> {
    tokio::io::copy(&mut stream.take(most as u64), &mut tokio::io::sink()).await
}
