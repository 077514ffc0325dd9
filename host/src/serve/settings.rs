//! From options, as given or not, to settings that hold together.

use std::{
    collections::HashSet,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use ipnet::IpNet;

use super::{
    argument::{ClientAuth, DEFAULT, Listen, SiteClientCa, TlsVersion},
    options::Options,
    quantity::{Size, Span},
    self_signed, state_dir,
    stores::StoreKind,
};
use crate::{
    policies_dir::exposed,
    policy::{Compiler, SupervisionOptions},
    signing::PolicyKeys,
    store::Redis,
};

/// What the server runs with.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) listen: Vec<Listen>,
    pub(crate) backend: Option<String>,
    /// Whether the backend is sent a PROXY protocol header.
    pub(crate) send_proxy: bool,
    pub(crate) backend_idle_timeout: Duration,
    /// Whose connections begin with a PROXY protocol header.
    pub(crate) accept_proxy: Vec<IpNet>,
    pub(crate) tls: Tls,
    /// The first is the default site.
    pub(crate) sites: Vec<SiteFiles>,
    /// Where the default site's self-signed certificate is kept, if it has one.
    pub(crate) self_signed: Option<PathBuf>,
    pub(crate) policies: Option<PathBuf>,
    pub(crate) policy_keys: Option<PolicyKeys>,
    pub(crate) strict: bool,
    /// Where compiled policies are kept.
    pub(crate) compiled: Option<PathBuf>,
    pub(crate) policy_budget: Duration,
    pub(crate) memory: PolicyMemory,
    /// Where policies are compiled: whoever runs the server says it.
    pub(crate) compiler: Compiler,
    pub(crate) supervision: SupervisionOptions,
    pub(crate) lifetime: Duration,
    pub(crate) max_lifetime: Duration,
    pub(crate) tickets: usize,
    /// The nearest first; never empty.
    pub(crate) stores: Vec<StoreKind>,
    pub(crate) keyring: Option<PathBuf>,
    pub(crate) namespace: String,
    pub(crate) store_deadline: Duration,
    pub(crate) copy_age: Duration,
    pub(crate) max_session_size: usize,
    pub(crate) handshake_timeout: Duration,
    pub(crate) idle_timeout: Duration,
    pub(crate) max_connections: usize,
    pub(crate) drain: Duration,
    /// Where metrics and status are served.
    pub(crate) admin: Option<SocketAddr>,
    /// Where the socket of `reprise status` is, if it was said.
    pub(crate) state_dir: Option<PathBuf>,
}

/// What policies and their compilation may take, in bytes, where it was said.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PolicyMemory {
    pub(crate) of_all: Option<usize>,
    pub(crate) to_compile: Option<usize>,
}

/// The part of the TLS configuration that all sites share.
#[derive(Clone, Debug)]
pub(crate) struct Tls {
    pub(crate) min: TlsVersion,
    pub(crate) max: TlsVersion,
    pub(crate) ciphers: Option<String>,
    pub(crate) ciphersuites: Option<String>,
    /// The most bytes of 0-RTT data that are accepted; 0 accepts none.
    pub(crate) early_data: u32,
    /// The protocols offered in ALPN, the preferred first. Empty: ALPN is not answered.
    pub(crate) alpn: Vec<String>,
}

/// A site, as the files it is made of.
#[derive(Clone, Debug)]
pub(crate) struct SiteFiles {
    /// The server name that chooses it, or `default`.
    pub(crate) name: String,
    pub(crate) cert: PathBuf,
    pub(crate) key: PathBuf,
    pub(crate) client_ca: Option<ClientCa>,
}

/// How a site verifies its clients.
#[derive(Clone, Debug)]
pub(crate) struct ClientCa {
    pub(crate) file: PathBuf,
    pub(crate) crl: Option<PathBuf>,
    /// Whether a client without a certificate is refused.
    pub(crate) required: bool,
}

impl Settings {
    /// The settings that `options` make, with a default for each that is not given. Makes the self-signed certificate if no
    /// other is given and it is not there yet.
    ///
    /// # Errors
    /// Options that contradict each other; the message says which and what to do.
    pub(crate) fn new(options: Options) -> Result<Self> {
        let span = |given: Option<Span>, default: u64| given.map_or(Duration::from_secs(default), |span| span.0);
        let own_certificate = options.cert.is_some() || options.key.is_some();
        let self_signed = if own_certificate {
            None
        } else {
            Some(
                state_dir::choose(options.state_dir.as_deref())
                    .context("no certificate is given, and none can be kept")?,
            )
        };
        let settings = Self {
            listen: listen(&options)?,
            tls: tls(&options)?,
            policy_keys: policy_keys(&options)?,
            strict: options.strict,
            compiled: compiled(&options),
            sites: sites(&options, self_signed.as_deref())?,
            self_signed,
            send_proxy: options.send_proxy,
            backend_idle_timeout: span(options.backend_idle_timeout, 600),
            accept_proxy: options.accept_proxy.iter().map(|source| source.0).collect(),
            policy_budget: options.policy_budget.map_or(Duration::from_millis(20), |span| span.0),
            memory: policy_memory(&options)?,
            compiler: Compiler::default(),
            supervision: supervision(&options),
            lifetime: span(options.lifetime, 2 * 3600),
            max_lifetime: span(options.max_lifetime, 24 * 3600),
            tickets: options.tickets.unwrap_or(1),
            stores: stores(&options)?,
            keyring: options.keyring,
            namespace: options.namespace.unwrap_or_else(|| "reprise".into()),
            store_deadline: options.store_deadline.map_or(Duration::from_millis(20), |span| span.0),
            copy_age: span(options.copy_age, 30),
            max_session_size: options.max_session_size.map_or(16 << 10, |size| size.0),
            handshake_timeout: span(options.handshake_timeout, 10),
            idle_timeout: span(options.idle_timeout, 60),
            max_connections: options.max_connections.unwrap_or(10_000),
            drain: span(options.drain, 10),
            admin: options.admin.map(|admin| admin.0),
            state_dir: options.state_dir,
            backend: options.backend,
            policies: options.policies,
        };
        ensure!(
            settings.lifetime <= settings.max_lifetime || options.lifetime.is_none(),
            "--lifetime {:?} is longer than --max-lifetime {:?}: shorten the one or lengthen the other",
            settings.lifetime,
            settings.max_lifetime
        );
        for (option, span) in [
            ("policy-budget", settings.policy_budget),
            ("policy-failure-window", settings.supervision.window),
            ("store-deadline", settings.store_deadline),
            ("lifetime", settings.lifetime),
            ("max-lifetime", settings.max_lifetime),
            ("handshake-timeout", settings.handshake_timeout),
            ("idle-timeout", settings.idle_timeout),
            ("backend-idle-timeout", settings.backend_idle_timeout),
        ] {
            ensure!(
                !span.is_zero(),
                "--{option} is zero, and nothing can be done in no time: give it a span like `10s`"
            );
        }
        ensure!(
            settings.backend.is_some() || !settings.send_proxy,
            "--send-proxy needs a --backend that is told: give it, or leave --send-proxy out"
        );
        ensure!(
            settings.supervision.failures > 0,
            "--policy-failures 0 would set every policy aside before it fails: give it at least 1"
        );
        ensure!(settings.tickets <= 16, "--tickets {} is more than 16: no client keeps so many", settings.tickets);
        Redis::check_namespace(&settings.namespace).context("--namespace")?;
        ensure!(settings.max_connections > 0, "--max-connections 0 serves nobody: give it at least 1");
        Ok(Self { lifetime: settings.lifetime.min(settings.max_lifetime), ..settings })
    }
}

fn policy_memory(options: &Options) -> Result<PolicyMemory> {
    const LEAST: usize = 1 << 20;
    const LEAST_TO_COMPILE: usize = 16 << 20;
    let at_least = |option, given: Option<Size>, least: usize| {
        let bytes = given.map(|size| size.0);
        ensure!(
            bytes.is_none_or(|bytes| bytes >= least),
            "--{option} {} is less than any policy takes: give it at least `{}MiB`",
            bytes.unwrap_or_default(),
            least >> 20
        );
        Ok(bytes)
    };
    Ok(PolicyMemory {
        of_all: at_least("policy-memory", options.policy_memory, LEAST)?,
        to_compile: at_least("compile-memory", options.compile_memory, LEAST_TO_COMPILE)?,
    })
}

fn supervision(options: &Options) -> SupervisionOptions {
    let defaults = SupervisionOptions::default();
    SupervisionOptions {
        failures: options.policy_failures.unwrap_or(defaults.failures),
        window: options.policy_failure_window.map_or(defaults.window, |span| span.0),
        ..defaults
    }
}

fn listen(options: &Options) -> Result<Vec<Listen>> {
    if options.listen.is_empty() {
        return Ok(vec!["127.0.0.1:8443".parse()?]);
    }
    let mut seen = HashSet::new();
    for listen in &options.listen {
        let twice = listen.address.port() != 0 && !seen.insert(listen.address);
        ensure!(!twice, "--listen {} is given twice: leave one out", listen.address);
    }
    Ok(options.listen.clone())
}

fn tls(options: &Options) -> Result<Tls> {
    let (min, max) = (options.min_tls.unwrap_or(TlsVersion::Tls12), options.max_tls.unwrap_or(TlsVersion::Tls13));
    ensure!(min <= max, "--min-tls is newer than --max-tls, which leaves no version to serve: swap them");
    let mut alpn = options.alpn.clone();
    if options.backend.is_none() {
        if let Some(other) = alpn.iter().find(|protocol| *protocol != "http/1.1") {
            bail!("--alpn {other} needs a --backend that speaks it: the built-in responder speaks http/1.1 only");
        }
        alpn = vec!["http/1.1".to_owned()];
    }
    for protocol in &alpn {
        // RFC 7301 section 3.1.
        ensure!((1..=255).contains(&protocol.len()), "--alpn `{protocol}`: a protocol's name has 1 to 255 bytes");
    }
    let (ciphers, ciphersuites) = (options.ciphers.clone(), options.ciphersuites.clone());
    Ok(Tls { min, max, ciphers, ciphersuites, early_data: early_data(options)?, alpn })
}

/// How much 0-RTT data is accepted.
fn early_data(options: &Options) -> Result<u32> {
    /// What OpenSSL reads unless it is told otherwise (`SSL_CTX_set_recv_max_early_data`), which bounds as well what it skips.
    const MOST: usize = 16 << 10;
    let Some(Size(bytes)) = options.early_data.filter(|size| size.0 > 0) else {
        ensure!(
            !options.early_data_to_backend,
            "--early-data-to-backend is given, but no 0-RTT data is accepted: add --early-data SIZE"
        );
        return Ok(0);
    };
    ensure!(bytes <= MOST, "--early-data {bytes} is more than the 16KiB that are read of it: give it at most that");
    match (&options.backend, options.early_data_to_backend) {
        (Some(_), false) => bail!(
            "--early-data is not accepted for a --backend, which cannot tell it from other data: add --early-data-to-backend if \
             what it is sent may be done twice, or leave --early-data out"
        ),
        (None, true) => bail!("--early-data-to-backend needs a --backend: give it, or leave the option out"),
        _ => Ok(u32::try_from(bytes)?),
    }
}

fn sites(options: &Options, self_signed: Option<&Path>) -> Result<Vec<SiteFiles>> {
    let auth = options.client_auth;
    let client_ca = |file: &PathBuf| match auth {
        Some(ClientAuth::None) => None,
        Some(ClientAuth::Optional) => Some(ClientCa { file: file.clone(), crl: options.crl.clone(), required: false }),
        Some(ClientAuth::Required) | None => {
            Some(ClientCa { file: file.clone(), crl: options.crl.clone(), required: true })
        }
    };
    let inherited = options.client_ca.as_ref().and_then(client_ca);

    let (cert, key) = match (&options.cert, &options.key, self_signed) {
        (Some(cert), Some(key), _) => (cert.clone(), key.clone()),
        (Some(both), None, _) => (both.clone(), both.clone()),
        (None, None, Some(dir)) => self_signed::kept_in(dir)?,
        (None, ..) => bail!("--key is given without --cert: give the certificate too"),
    };
    let mut sites = vec![SiteFiles { name: DEFAULT.to_owned(), cert, key, client_ca: inherited.clone() }];
    for site in &options.site {
        ensure!(
            sites.iter().all(|known| known.name != site.name),
            "--site {} is given twice, or is the name that the site for all other names has: leave one out",
            site.name
        );
        sites.push(SiteFiles {
            name: site.name.clone(),
            cert: site.cert.clone(),
            key: site.key.clone(),
            client_ca: match &site.client_ca {
                SiteClientCa::Inherited => inherited.clone(),
                SiteClientCa::None => None,
                SiteClientCa::File(file) => client_ca(file),
            },
        });
    }
    if sites.iter().all(|site| site.client_ca.is_none()) {
        ensure!(
            matches!(auth, None | Some(ClientAuth::None)),
            "--client-auth asks for client certificates, but there is no CA to verify them: add --client-ca FILE"
        );
        if let Some(crl) = &options.crl {
            bail!("--crl {} is given, but no client certificates are asked for: add --client-ca FILE", crl.display());
        }
    }
    Ok(sites)
}

/// The stores, the nearest first, and whether what is needed for them is there.
fn stores(options: &Options) -> Result<Vec<StoreKind>> {
    if options.store.is_empty() {
        return Ok(vec![StoreKind::default()]);
    }
    ensure!(
        options.store.is_sorted_by(|nearer, further| nearer.distance() < further.distance()),
        "--store: the stores are in the wrong order, or one kind is given twice: write `memory`, `disk:…`, `redis…://…` in this order, \
         each at most once"
    );
    ensure!(
        options.keyring.is_some() || !options.store.iter().any(StoreKind::is_shared),
        "--store: others than this process can read what is kept there, and there are no keys to seal it with: make a keyring with \
         `reprise keys new FILE`, and give --keyring FILE, the same one to every server that shares the store"
    );
    Ok(options.store.clone())
}

fn policy_keys(options: &Options) -> Result<Option<PolicyKeys>> {
    let Some(file) = &options.policy_keys else { return Ok(None) };
    ensure!(
        options.policies.is_some(),
        "--policy-keys {} is given, but no policies are loaded: add --policies DIR",
        file.display()
    );
    Ok(Some(read_policy_keys(file, options.strict)?))
}

/// Where compiled policies are kept; where no state can be, nowhere.
fn compiled(options: &Options) -> Option<PathBuf> {
    options.policies.as_ref()?;
    Some(state_dir::choose(options.state_dir.as_deref()).ok()?.join("compiled"))
}

/// The keys in `file`, which is as dear as what they sign: with `strict` nobody else may write it.
pub(crate) fn read_policy_keys(file: &Path, strict: bool) -> Result<PolicyKeys> {
    match exposed(file) {
        Some(exposed) if strict => bail!("--policy-keys: {exposed}"),
        Some(exposed) => tracing::warn!("--policy-keys: {exposed}"),
        None => {}
    }
    PolicyKeys::read(file).context("--policy-keys")
}

#[cfg(test)]
mod tests {
    use super::{super::configuration::read, *};

    fn settings(toml: &str) -> Result<Settings> {
        Settings::new(toml::from_str(&format!("cert = 'c'\nkey = 'k'\n{toml}")).unwrap())
    }

    #[test]
    fn the_file_that_comes_with_the_service_makes_settings() {
        let file = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../packaging/systemd/reprise.toml"));
        let settings = Settings::new(read(file).unwrap()).unwrap();
        assert!(settings.policies.is_some() && settings.backend.is_some() && settings.self_signed.is_none());
    }

    #[test]
    fn options_that_contradict_each_other_are_refused() {
        for (toml, named) in [
            ("lifetime = '2d'", "--max-lifetime"),
            ("min-tls = '1.3'\nmax-tls = '1.2'", "--min-tls"),
            ("client-auth = 'required'", "--client-ca"),
            ("crl = 'crl.pem'", "--client-ca"),
            ("alpn = 'h2'", "--backend"),
            ("send-proxy = true", "--backend"),
            ("early-data = '17KiB'", "16KiB"),
            ("backend = 'b:1'\nearly-data = '4KiB'", "--early-data-to-backend"),
            ("early-data = '4KiB'\nearly-data-to-backend = true", "--backend"),
            ("backend = 'b:1'\nearly-data-to-backend = true", "--early-data SIZE"),
            ("backend = 'b:1'\nbackend-idle-timeout = '0s'", "--backend-idle-timeout"),
            ("backend = 'b:1'\nalpn = ['']", "1 to 255"),
            ("site = ['a=c,k', 'A=c2,k2']", "twice"),
            ("site = 'default=c,k'", "default"),
            ("listen = ['127.0.0.1:1', 'x=127.0.0.1:1']", "twice"),
            ("handshake-timeout = '0s'", "--handshake-timeout"),
            ("policy-memory = '1023KiB'", "--policy-memory"),
            ("compile-memory = '1MiB'", "--compile-memory"),
            ("policy-failures = 0", "--policy-failures"),
            ("policy-failure-window = '0s'", "--policy-failure-window"),
            ("tickets = 17", "--tickets"),
            ("policy-keys = 'keys'", "--policies"),
            ("policies = 'p'\npolicy-keys = '/no/such/keys'", "/no/such/keys"),
            ("max-connections = 0", "--max-connections"),
            ("store = 'disk:d'", "reprise keys new"),
            ("store = ['disk:d', 'memory']\nkeyring = 'k'", "wrong order"),
            ("store = ['memory', 'memory:1MiB']", "twice"),
            ("store-deadline = '0s'", "--store-deadline"),
            ("namespace = 'a b'", "--namespace"),
        ] {
            let error = format!("{:#}", settings(toml).map(|_| ()).expect_err(toml));
            assert!(error.contains(named), "{toml}: {error}");
        }
        assert!(Settings::new(toml::from_str("key = 'k'").unwrap()).is_err());
    }

    #[test]
    fn a_maximum_below_the_default_lifetime_lowers_it() {
        assert_eq!(settings("max-lifetime = '10m'").unwrap().lifetime, Duration::from_secs(600));
    }

    #[test]
    fn a_client_ca_means_required_and_a_site_may_have_its_own_or_none() {
        let settings = settings("client-ca = 'ca'\nsite = ['a=c,k', 'b=c,k,other', 'c=c,k,none']").unwrap();
        let cas: Vec<_> = settings
            .sites
            .iter()
            .map(|site| site.client_ca.as_ref().map(|ca| (ca.file.clone(), ca.required)))
            .collect();
        let required = |file: &str| Some((PathBuf::from(file), true));
        assert_eq!(cas, [required("ca"), required("ca"), required("other"), None]);
    }

    #[test]
    fn early_data_is_accepted_where_it_was_asked_for_and_nowhere_else() {
        for (toml, accepted) in [
            ("", 0),
            ("backend = 'b:1'", 0),
            ("early-data = '0'", 0),
            ("early-data = '4KiB'", 4096),
            ("backend = 'b:1'\nearly-data = '16KiB'\nearly-data-to-backend = true", 16_384),
        ] {
            assert_eq!(settings(toml).unwrap().tls.early_data, accepted, "{toml}");
        }
    }

    #[test]
    fn alpn_is_offered_in_the_order_given() {
        assert_eq!(settings("backend = 'b:1'\nalpn = ['h2', 'http/1.1']").unwrap().tls.alpn, ["h2", "http/1.1"]);
        assert_eq!(settings("").unwrap().tls.alpn, ["http/1.1"]);
        assert_eq!(settings("backend = 'b:1'").unwrap().tls.alpn, [""; 0]);
    }
}
