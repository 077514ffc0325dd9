//! What must live: each is made to end, and is there again.

use std::{collections::VecDeque, io, sync::Mutex, time::Duration};

use reprise::status::Vital;
use reprise_session::vital::Vitals;
use tokio::net::TcpListener;

use super::*;
use crate::{
    phase::{Phase, Phased},
    serve::accept::{self, Accept},
};

/// Far beyond what anything here takes. Reached only by a test that fails.
const PATIENCE: Duration = Duration::from_secs(120);

/// A socket that does this before it accepts for good.
struct Faulty {
    socket: TcpListener,
    before: Mutex<VecDeque<Step>>,
}

#[derive(Clone, Copy)]
enum Step {
    Accept,
    Panic,
    Fail(i32),
}

impl Accept for Faulty {
    async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        let step = self.before.lock().unwrap().front().copied().unwrap_or(Step::Accept);
        let accepted = match step {
            Step::Accept => Some(TcpListener::accept(&self.socket).await),
            Step::Fail(errno) => Some(Err(io::Error::from_raw_os_error(errno))),
            Step::Panic => None,
        };
        self.before.lock().unwrap().pop_front();
        accepted.expect("as the test asks for")
    }
}

fn vital(vitals: &Vitals, name: &str) -> Vital {
    vitals.list().into_iter().find(|vital| vital.name == name).unwrap_or_else(|| panic!("nothing is called {name}"))
}

async fn until(what: impl Fn() -> bool) {
    let reached = async {
        while !what() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(PATIENCE, reached).await.expect("not in time");
}

#[tokio::test]
async fn a_listener_that_fails_or_panics_accepts_again() {
    let files = Files::new();
    files.issue("default", None);
    let server = Server::bind(settings(&files, "")).await.unwrap();
    let phased = Phased::new();
    let steps = [Step::Accept, Step::Panic, Step::Fail(libc::EMFILE), Step::Panic, Step::Fail(libc::ECONNABORTED)];
    let socket = Faulty { socket: TcpListener::bind("127.0.0.1:0").await.unwrap(), before: Mutex::new(steps.into()) };
    let address = socket.socket.local_addr().unwrap();
    let life = server.hosting.health().vitals().task("listener");
    let accepting = tokio::spawn(accept::run(socket, 0, Arc::clone(&server.shared), phased.watch(), life));

    let connect = async || {
        let stream = TcpStream::connect(address).await.unwrap();
        let mut stream = SslStream::new(Ssl::new(&client_context().build()).unwrap(), stream).unwrap();
        Pin::new(&mut stream).connect().await.unwrap();
        stream
    };
    let mut first = connect().await;
    let mut second = connect().await;
    assert!(get(&mut second, "/").await.unwrap().contains("Reprise"));
    assert!(get(&mut first, "/").await.unwrap().contains("Reprise"), "what was accepted before goes on");
    let vital = vital(server.hosting.health().vitals(), "listener");
    assert_eq!((vital.restarts, vital.ended.as_deref()), (2, Some("it panicked: as the test asks for")));
    until(|| server.hosting.health().unsound().is_empty()).await;
    phased.enter(Phase::Draining);
    accepting.await.unwrap();
}

#[tokio::test]
async fn certificates_are_followed_after_a_panic() {
    let files = Files::new();
    files.issue("default", None);
    let server = Running::start(&files, "").await;
    server.vitals.strike("certificates");
    let renewed = files.issue("default", None).certificate.to_der().unwrap();
    // Nobody asks: the change itself, or the look after the restart, is what leads to it.
    while certificate(&server.connect(None).await.unwrap()).to_der().unwrap() != renewed {
        tokio::task::yield_now().await;
    }
    server.reload.now().await;
    let vital = vital(&server.vitals, "certificates");
    assert_eq!((vital.restarts, vital.ended.as_deref()), (1, Some("it panicked: struck by a test")));
}

#[tokio::test]
async fn operators_are_answered_after_a_panic() {
    let files = Files::new();
    files.issue("default", None);
    let server = Running::start(&files, "admin = '127.0.0.1:0'").await;
    let ask = async || {
        let mut stream = TcpStream::connect(server.admin.unwrap()).await.unwrap();
        stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await.unwrap();
        let mut answer = String::new();
        // It is reset where nobody takes it.
        let _ = stream.read_to_string(&mut answer).await;
        answer.lines().next().unwrap_or_default().to_owned()
    };
    assert_eq!(ask().await, "HTTP/1.1 200 OK");
    server.vitals.strike("--admin");
    assert_eq!(ask().await, "", "this one it ends at");
    // Within a second of its start it is not sound yet.
    let mut seen = Vec::new();
    while seen.last().is_none_or(|answer| answer != "HTTP/1.1 200 OK") {
        seen.push(ask().await);
    }
    assert_eq!(vital(&server.vitals, "--admin").restarts, 1);
}

#[tokio::test]
async fn a_task_that_is_gone_for_good_ends_the_server() {
    let files = Files::new();
    files.issue("default", None);
    let mut server = Server::bind(settings(&files, "")).await.unwrap();
    // As if what starts it again had itself ended.
    server.hosting.living().abort_all();
    let ended = server.run(std::future::pending(), std::future::pending()).await;
    assert!(ended.unwrap_err().to_string().contains("follows files"));
}
