//! The servers that are compared.

use std::{
    collections::HashMap,
    fmt,
    str::FromStr,
    sync::{Arc, Mutex},
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use openssl::{
    ssl::{
        SslContext, SslContextBuilder, SslMethod, SslOptions, SslRef, SslSession, SslSessionCacheMode, SslVerifyMode,
    },
    x509::store::X509StoreBuilder,
};
use reprise::{Host, Listener, policies_dir::PolicyEvent};
use tempfile::TempDir;

#[path = "../../tests/support/certificates.rs"]
#[allow(dead_code)]
mod certificates;

use self::certificates::Identity;

/// Who keeps the sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Variant {
    /// OpenSSL's internal cache.
    Internal,
    /// Native callbacks that keep DER in a hash map.
    NativeDer,
    /// Native callbacks that keep sessions and duplicate them.
    NativeDup,
    /// Reprise without policies.
    Host,
    /// The same, which keeps the last handshakes.
    Recent,
    /// Reprise with one Wasm policy.
    Policy,
}

impl Variant {
    /// All, the one that ratios refer to first.
    pub const ALL: [Variant; 5] =
        [Variant::Internal, Variant::NativeDer, Variant::Host, Variant::Recent, Variant::Policy];
}

impl fmt::Display for Variant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Variant::Internal => "OpenSSL's internal cache",
            Variant::NativeDer => "native callbacks, DER",
            Variant::NativeDup => "native callbacks, duplicates",
            Variant::Host => "host without policies",
            Variant::Recent => "host that keeps recent handshakes",
            Variant::Policy => "host with a Wasm policy",
        })
    }
}

impl Variant {
    /// What it is called on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Variant::Internal => "internal",
            Variant::NativeDer => "native-der",
            Variant::NativeDup => "native-dup",
            Variant::Host => "host",
            Variant::Recent => "recent",
            Variant::Policy => "policy",
        }
    }
}

impl FromStr for Variant {
    type Err = anyhow::Error;

    fn from_str(name: &str) -> Result<Self> {
        let all = [
            Variant::Internal,
            Variant::NativeDer,
            Variant::NativeDup,
            Variant::Host,
            Variant::Recent,
            Variant::Policy,
        ];
        let found = all.into_iter().find(|variant| variant.name() == name);
        found.with_context(|| format!("{name}: expected one of {:?}", all.map(Variant::name)))
    }
}

/// What kind of handshake.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    pub tls13: bool,
    pub client_certificate: bool,
}

impl Case {
    pub const ALL: [Case; 4] = [
        Case { tls13: false, client_certificate: false },
        Case { tls13: true, client_certificate: false },
        Case { tls13: false, client_certificate: true },
        Case { tls13: true, client_certificate: true },
    ];
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let version = if self.tls13 { "TLS 1.3" } else { "TLS 1.2" };
        write!(f, "{version}, {} client certificate", if self.client_certificate { "with" } else { "without" })
    }
}

impl Case {
    /// What it is called on the command line.
    pub fn name(self) -> String {
        let version = if self.tls13 { "tls13" } else { "tls12" };
        format!("{version}{}", if self.client_certificate { "-cert" } else { "" })
    }
}

impl FromStr for Case {
    type Err = anyhow::Error;

    fn from_str(name: &str) -> Result<Self> {
        let found = Case::ALL.into_iter().find(|case| case.name() == name);
        found.with_context(|| format!("{name}: expected one of {:?}", Case::ALL.map(Case::name)))
    }
}

/// A server.
pub struct Server {
    pub context: SslContext,
    pub client_identity: Option<Identity>,
    pub host: Option<Host>,
    _policies: Option<TempDir>,
}

impl Server {
    pub fn new(variant: Variant, case: Case) -> Result<Self> {
        Self::adjusted(variant, case, |_| {})
    }

    /// A server whose context is changed once everything is set.
    pub fn adjusted(variant: Variant, case: Case, adjust: impl FnOnce(&mut SslContextBuilder)) -> Result<Self> {
        let (mut context, client_identity) = context(case)?;
        let (mut host, mut policies) = (None, None);
        match variant {
            Variant::Internal => {
                context.set_session_cache_mode(SslSessionCacheMode::SERVER);
            }
            Variant::NativeDer => {
                native(&mut context, |session| session.to_der().ok(), |der| SslSession::from_der(der).ok())
            }
            Variant::NativeDup => native(&mut context, duplicate, duplicate),
            Variant::Host => host = Some(Host::builder().build()?),
            Variant::Recent => host = Some(Host::builder().recent(1_000).build()?),
            Variant::Policy => {
                let dir = tempfile::tempdir()?;
                let module = super::policy();
                std::fs::copy(&module, dir.path().join("10-tenants.wasm"))
                    .with_context(|| format!("{}: run `cargo xtask plugins` first", module.display()))?;
                // Under valgrind a call takes fifty times as long.
                let served = Host::builder().policies(dir.path()).policy_budget(Duration::from_secs(10)).build()?;
                goes_live(&served)?;
                host = Some(served);
                policies = Some(dir);
            }
        }
        if let Some(host) = &host {
            host.install(&mut context, Listener::named("public"))?;
        }
        adjust(&mut context);
        Ok(Self { context: context.build(), client_identity, host, _policies: policies })
    }

    /// A server with this host, whose policies are in a directory.
    pub fn hosted(case: Case, host: Host, policies: TempDir) -> Result<Self> {
        let (mut context, client_identity) = context(case)?;
        host.install(&mut context, Listener::named("public"))?;
        Ok(Self { context: context.build(), client_identity, host: Some(host), _policies: Some(policies) })
    }

    /// As a server that tells policies the peer's address does.
    pub fn attach(&self, ssl: &mut SslRef) -> Result<()> {
        if let Some(host) = &self.host {
            host.attach(ssl, [192, 0, 2, 1].into())?;
        }
        Ok(())
    }
}

/// Waits until the policy decides: `build` has the patience of a server that starts, which a busy
/// machine under valgrind exhausts.
fn goes_live(host: &Host) -> Result<()> {
    let events = host.policy_events();
    while host.policies().list().is_empty() {
        let event = events.recv_timeout(Duration::from_secs(300)).context("the policy does not go live")?;
        ensure!(!matches!(event, PolicyEvent::Rejected { .. }), "{event:?}");
    }
    Ok(())
}

/// A server's context, and who its clients are.
fn context(case: Case) -> Result<(SslContextBuilder, Option<Identity>)> {
    let identity = certificates::server();
    let mut context = SslContext::builder(SslMethod::tls_server())?;
    context.set_certificate(&identity.certificate)?;
    context.set_private_key(&identity.key)?;
    context.set_options(SslOptions::NO_TICKET);
    context.set_num_tickets(1)?;
    context.set_session_id_context(b"bench")?;
    let client_identity = case.client_certificate.then(|| certificates::client("client", 30));
    if case.client_certificate {
        let mut store = X509StoreBuilder::new()?;
        store.add_cert(certificates::ca().certificate)?;
        context.set_cert_store(store.build());
        context.set_verify(SslVerifyMode::PEER | SslVerifyMode::FAIL_IF_NO_PEER_CERT);
    }
    Ok((context, client_identity))
}

/// Native callbacks around a hash map, as a server without Reprise would write them.
fn native<T: Send + 'static>(
    context: &mut SslContextBuilder,
    keep: impl Fn(&SslSession) -> Option<T> + Send + Sync + 'static,
    give: impl Fn(&T) -> Option<SslSession> + Send + Sync + 'static,
) {
    let kept = Arc::new(Mutex::new(HashMap::new()));
    let store = kept.clone();
    context.set_session_cache_mode(SslSessionCacheMode::SERVER | SslSessionCacheMode::NO_INTERNAL);
    context.set_new_session_callback(move |_, session| {
        if let Some(value) = keep(&session) {
            store.lock().expect("one thread").insert(session.id().to_vec(), value);
        }
    });
    #[allow(unsafe_code)]
    // SAFETY: a fresh session is returned, which nothing else refers to.
    unsafe {
        context.set_get_session_callback(move |_, id| kept.lock().expect("one thread").get(id).and_then(&give));
    }
}

#[allow(unsafe_code, clippy::ptr_arg)]
fn duplicate(session: &SslSession) -> Option<SslSession> {
    use foreign_types::ForeignType;

    unsafe extern "C" {
        fn SSL_SESSION_dup(session: *const openssl_sys::SSL_SESSION) -> *mut openssl_sys::SSL_SESSION;
    }
    // SAFETY: a live session, read only; the result is owned.
    unsafe {
        let duplicate = SSL_SESSION_dup(session.as_ptr());
        (!duplicate.is_null()).then(|| SslSession::from_ptr(duplicate))
    }
}
