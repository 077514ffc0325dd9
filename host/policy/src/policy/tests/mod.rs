//! Policies from bytes to decisions, through the runtime as the host uses it.

mod accepts;
mod contract;
mod decisions;
mod failures;
mod large;
mod life;
mod living;
mod memory;
mod shadow;
mod share;
mod speed;
mod supervision;
mod wasi;

use std::{path::Path, sync::Arc, time::Duration};

use reprise_fixtures::{Callback, Fixture};
use reprise_session::session::SessionId;

use super::{
    Budget, Candidate, Chain, GetDecision, Manifest, NewDecision, Notes, Policy, Rejection, Runtime, RuntimeOptions,
    wit::types::{Connection, Session, TlsVersion},
};

/// A runtime that is small, and patient: tests share their machine.
pub(super) fn runtime() -> Runtime {
    runtime_with(|_| {})
}

fn runtime_with(change: impl FnOnce(&mut RuntimeOptions)) -> Runtime {
    let mut options = RuntimeOptions { instances: 2, policies: 4, ..RuntimeOptions::default() };
    options.start = Duration::from_secs(20);
    change(&mut options);
    Runtime::new(options).unwrap()
}

pub(super) fn load(runtime: &Runtime, name: &str, module: &[u8], manifest: &str) -> Result<Arc<Policy>, Rejection> {
    let file = format!("policies/10-{name}.wasm");
    let manifest = Manifest::parse(manifest).unwrap();
    runtime.load(Candidate { file: Path::new(&file), name, generation: 1, module, manifest: &manifest })
}

fn chain_of(runtime: &Runtime, modules: &[(&str, Vec<u8>)]) -> Chain {
    Chain::new(modules.iter().map(|(name, module)| load(runtime, name, module, "").unwrap()).collect())
}

/// Time that is never short.
fn ample() -> Budget {
    Budget::new(Duration::from_secs(60))
}

/// Time that a loop will use up.
fn scarce() -> Budget {
    Budget::new(Duration::from_millis(20))
}

/// Once live, it counts `in` when it is asked about a candidate, and never returns.
fn says_so_and_loops() -> Vec<u8> {
    Fixture::default()
        .once_live(
            Callback::Get,
            "(call $count_up (i32.const 1024) (i32.const 2) (i64.const 1)) (loop $forever (br $forever)) unreachable",
        )
        .data("in")
        .build()
}

fn id() -> SessionId {
    SessionId::from([7; 32])
}

fn connection() -> Connection {
    Connection {
        server_name: Some("a.example".into()),
        peer: Some("192.0.2.7".into()),
        listener: "public".into(),
        now: 1_800_000_000,
        early_data: false,
        attributes: Vec::new(),
    }
}

fn session() -> Session {
    Session {
        id: id().as_bytes().to_vec(),
        version: TlsVersion::Tls13,
        cipher_suite: 0x1301,
        server_name: Some("a.example".into()),
        alpn: Some("h2".into()),
        authenticated: 1_800_000_000,
        expires: 1_800_086_400,
        resumptions: 0,
        peer_certificate: None,
        note: None,
        attributes: Vec::new(),
    }
}

fn decide_new(chain: &Chain, budget: &mut Budget) -> NewDecision {
    chain.decide_new(budget, &connection(), &session(), &Notes::new()).0
}

fn decide_get(chain: &Chain, budget: &mut Budget) -> GetDecision {
    chain.decide_get(budget, &connection(), &session(), &Notes::new()).0
}

/// What is logged on this thread meanwhile.
fn logged(work: impl FnOnce()) -> String {
    #[derive(Clone, Default)]
    struct Buffer(Arc<reprise_session::lock::Mutex<Vec<u8>>>);

    impl std::io::Write for Buffer {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    let buffer = Buffer::default();
    let writer = buffer.clone();
    let subscriber =
        tracing_subscriber::fmt().without_time().with_ansi(false).with_writer(move || writer.clone()).finish();
    tracing::subscriber::with_default(subscriber, work);
    String::from_utf8(buffer.0.lock().clone()).unwrap()
}
