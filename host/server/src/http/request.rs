//! The head of an HTTP/1.1 request (RFC 9112), as far as the responder needs it.

/// The largest request head, in bytes.
pub(crate) const MAX_HEAD: usize = 8 << 10;
const MAX_HEADERS: usize = 64;

/// What is known of a request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Request {
    pub(crate) method: Method,
    /// The path, without a query.
    pub(crate) path: String,
    /// Whom it is for.
    pub(crate) host: Host,
    /// Whether the client wants another request on this connection, and one can be told apart from this one's end.
    pub(crate) keep_alive: bool,
}

/// Whom a request is for: by its target, if that is in absolute form, and by its field Host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Host {
    /// It does not say.
    #[default]
    None,
    /// As it stands there, with a port if there is one.
    One(String),
    /// Different ones.
    Several,
}

/// A method, as far as it is told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Method {
    Get,
    Head,
    Post,
    Other,
}

/// What the bytes received so far are.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Head {
    /// The beginning of a head.
    Partial,
    /// A whole head, of this many bytes.
    Complete(Request, usize),
    /// No head of a request.
    Malformed,
    /// Larger than [`MAX_HEAD`], or with too many fields.
    TooLarge,
}

/// Reads the head at the start of `bytes`.
pub(crate) fn parse(bytes: &[u8]) -> Head {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut request = httparse::Request::new(&mut headers);
    let length = match request.parse(bytes) {
        Ok(httparse::Status::Complete(length)) if length <= MAX_HEAD => length,
        Ok(httparse::Status::Partial) if bytes.len() < MAX_HEAD => return Head::Partial,
        Ok(_) | Err(httparse::Error::TooManyHeaders) => return Head::TooLarge,
        Err(_) => return Head::Malformed,
    };
    let (Some(method), Some(target), Some(minor)) = (request.method, request.path, request.version) else {
        return Head::Malformed;
    };
    let asks = |name: &str, token: &str| {
        let fields = request.headers.iter().filter(|field| field.name.eq_ignore_ascii_case(name));
        fields
            .flat_map(|field| field.value.split(|byte| *byte == b','))
            .any(|value| value.trim_ascii().eq_ignore_ascii_case(token.as_bytes()))
    };
    // A body is not read, so what follows it cannot be told from it.
    let has_body = request.headers.iter().any(|field| {
        field.name.eq_ignore_ascii_case("transfer-encoding")
            || field.name.eq_ignore_ascii_case("content-length") && field.value.trim_ascii() != b"0"
    });
    let wants_more = if minor == 0 { asks("connection", "keep-alive") } else { !asks("connection", "close") };
    let request = Request {
        method: match method {
            "GET" => Method::Get,
            "HEAD" => Method::Head,
            "POST" => Method::Post,
            _ => Method::Other,
        },
        path: path(target).to_owned(),
        host: host(target, request.headers),
        keep_alive: wants_more && !has_body,
    };
    Head::Complete(request, length)
}

fn host(target: &str, headers: &[httparse::Header<'_>]) -> Host {
    let fields = headers.iter().filter(|field| field.name.eq_ignore_ascii_case("host"));
    let mut hosts: Vec<_> = fields.map(|field| String::from_utf8_lossy(field.value.trim_ascii())).collect();
    if let Some((_, rest)) = target.split_once("://")
        && !target.starts_with('/')
    {
        hosts.push(rest.split(['/', '?']).next().unwrap_or(rest).into());
    }
    hosts.retain(|host| !host.is_empty());
    hosts.dedup();
    match &hosts[..] {
        [] => Host::None,
        [one] => Host::One(one.clone().into_owned()),
        _ => Host::Several,
    }
}

/// The path in a target of origin form or absolute form (RFC 9112 section 3.2).
fn path(target: &str) -> &str {
    let path = match target.split_once("://") {
        Some((_, rest)) if !target.starts_with('/') => rest.find('/').map_or("/", |at| &rest[at..]),
        _ => target,
    };
    path.split('?').next().unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complete(head: &str) -> Request {
        match parse(head.as_bytes()) {
            Head::Complete(request, length) => {
                assert_eq!(length, head.len());
                request
            }
            other => panic!("{head:?}: {other:?}"),
        }
    }

    #[test]
    fn a_request_typed_by_hand_is_understood() {
        for head in [
            "GET /connection HTTP/1.1\r\n\r\n",
            "GET /connection HTTP/1.0\n\n",
            "GET /connection?x=1 HTTP/1.1\nHost: a\n\n",
        ] {
            let request = complete(head);
            assert_eq!((request.method, request.path.as_str()), (Method::Get, "/connection"), "{head:?}");
        }
    }

    #[test]
    fn the_absolute_form_names_the_same_path() {
        assert_eq!(complete("GET https://a.example/connection?x HTTP/1.1\r\n\r\n").path, "/connection");
        assert_eq!(complete("GET https://a.example HTTP/1.1\r\n\r\n").path, "/");
        assert_eq!(complete("GET /?to=http://b/ HTTP/1.1\r\n\r\n").path, "/");
    }

    #[test]
    fn whom_a_request_is_for_is_known() {
        let host = |head: &str| complete(&format!("GET {head}\r\n\r\n")).host;
        let one = |host: &str| Host::One(host.into());
        assert_eq!(host("/ HTTP/1.1"), Host::None);
        assert_eq!(host("/ HTTP/1.1\r\nHost:"), Host::None);
        assert_eq!(host("/ HTTP/1.1\r\nhOST:  a.example:80 "), one("a.example:80"));
        assert_eq!(host("http://a.example/ HTTP/1.1"), one("a.example"));
        assert_eq!(host("http://a.example?x HTTP/1.1\r\nHost: a.example"), one("a.example"));
        assert_eq!(host("http://a.example/ HTTP/1.1\r\nHost: b.example"), Host::Several);
        assert_eq!(host("/ HTTP/1.1\r\nHost: a.example\r\nHost: b.example"), Host::Several);
        assert_eq!(host("/?to=http://b/ HTTP/1.1\r\nHost: a.example"), one("a.example"));
    }

    #[test]
    fn every_beginning_of_a_head_is_partial() {
        let head = "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n";
        for end in 0..head.len() {
            assert_eq!(parse(&head.as_bytes()[..end]), Head::Partial, "{end}");
        }
    }

    #[test]
    fn the_connection_goes_on_unless_version_or_client_say_otherwise() {
        for (head, keep_alive) in [
            ("GET / HTTP/1.1\r\n\r\n", true),
            ("GET / HTTP/1.1\r\nConnection: Close\r\n\r\n", false),
            ("GET / HTTP/1.1\r\nConnection: x, close\r\n\r\n", false),
            ("GET / HTTP/1.0\r\n\r\n", false),
            ("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", true),
        ] {
            assert_eq!(complete(head).keep_alive, keep_alive, "{head:?}");
        }
    }

    #[test]
    fn a_body_is_never_taken_for_the_next_request() {
        for field in ["Content-Length: 5", "content-length: 00", "Transfer-Encoding: chunked"] {
            assert!(!complete(&format!("POST / HTTP/1.1\r\n{field}\r\n\r\n")).keep_alive, "{field}");
        }
        assert!(complete("GET / HTTP/1.1\r\nContent-Length: 0\r\n\r\n").keep_alive);
    }

    #[test]
    fn what_is_no_request_is_malformed() {
        for bytes in
            [&b"\x16\x03\x01\x00"[..], b"GET\r\n\r\n", b"GET / HTTP/2.0\r\n\r\n", b"GET / HTTP/1.1\r\nno colon\r\n\r\n"]
        {
            assert_eq!(parse(bytes), Head::Malformed, "{bytes:?}");
        }
    }

    #[test]
    fn a_head_is_bounded_in_bytes_and_fields() {
        let long = format!("GET /{} HTTP/1.1\r\n", "a".repeat(MAX_HEAD));
        assert_eq!(parse(long.as_bytes()), Head::TooLarge);
        assert_eq!(parse(format!("{long}\r\n").as_bytes()), Head::TooLarge);
        let many = format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(MAX_HEADERS + 1));
        assert_eq!(parse(many.as_bytes()), Head::TooLarge);
    }
}
