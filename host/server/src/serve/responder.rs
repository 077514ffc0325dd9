//! What answers where there is no backend: two resources, to see what resumed and why.

use hyper::{Method, StatusCode, http::request::Parts};

use super::report::Report;
use crate::http::{Answer, Resources};

const PAGE: &str = "<!doctype html>\n<meta charset=\"utf-8\">\n<title>Reprise</title>\n\
<h1>Reprise</h1>\n<p>This TLS server keeps its sessions as its policies say.\n\
<p><a href=\"/connection\">/connection</a> tells about this connection: what resumed, and if not, why.\n";

/// The resources of one connection.
pub(crate) struct Responder<'a> {
    pub(crate) report: &'a Report,
}

impl Resources for Responder<'_> {
    async fn answer(&self, request: &Parts) -> Answer {
        if !matches!(request.method, Method::GET | Method::HEAD) {
            return Answer::not_allowed("GET, HEAD");
        }
        match request.uri.path() {
            "/" => Answer::new(StatusCode::OK, "text/html; charset=utf-8", PAGE.to_owned()),
            "/connection" => Answer::new(StatusCode::OK, "application/json", self.report.json()),
            _ => Answer::text(StatusCode::NOT_FOUND, "Nothing here; there is `/` and `/connection`."),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{
        http::{MAX_HEAD, serve},
        phase::{Phase, Phased},
    };
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    /// What the responder sends to a client that sends `requests` and then hangs up.
    async fn talk(requests: &str) -> String {
        let (mut client, mut server) = duplex(1 << 20);
        client.write_all(requests.as_bytes()).await.unwrap();
        client.shutdown().await.unwrap();
        let phased = Phased::new();
        let serve = async {
            serve(&mut server, &Responder { report: &Report::default() }, Duration::from_secs(60), &mut phased.watch())
                .await
                .unwrap();
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
        let responder = Responder { report: &report };
        let serve = serve(&mut server, &responder, Duration::from_millis(100), &mut phases);
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
            serve(&mut server, &Responder { report: &report }, Duration::from_secs(3600), &mut phases).await.unwrap();
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
