//! From options, as given or not, to settings that hold together.

use std::{
    collections::HashSet,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use ipnet::IpNet;

use super::{
    argument::{ClientAuth, DEFAULT, Listen, SiteClientCa, TlsVersion},
    backend_address::BackendAddress,
    ciphers::{Alpn, CipherList, CipherSuites, RESPONDER},
    options::Options,
    self_signed,
};
use crate::{
    hosting::{HostSettings, SizeOf, agent},
    state_dir,
};

/// What the server runs with.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) host: HostSettings,
    /// Where modules ask, if they may.
    pub(crate) agent: Option<agent::Socket>,
    pub(crate) listen: Vec<Listen>,
    pub(crate) backend: Option<BackendAddress>,
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
    pub(crate) tickets: usize,
    pub(crate) handshake_timeout: Duration,
    pub(crate) idle_timeout: Duration,
    pub(crate) max_connections: usize,
    pub(crate) drain: Duration,
}

/// The part of the TLS configuration that all sites share.
#[derive(Clone, Debug)]
pub(crate) struct Tls {
    pub(crate) min: TlsVersion,
    pub(crate) max: TlsVersion,
    pub(crate) ciphers: Option<CipherList>,
    pub(crate) ciphersuites: Option<CipherSuites>,
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
        check_backend(&options)?;
        let own_certificate = options.cert.is_some() || options.key.is_some();
        let self_signed = if own_certificate {
            None
        } else {
            Some(
                state_dir::choose(options.state_dir.as_deref())
                    .context("no certificate is given, and none can be kept")?,
            )
        };
        Ok(Self {
            host: HostSettings::new(&options.part())?,
            agent: options.agent.clone().map(|path| agent::Socket { path, uids: Vec::new() }),
            listen: listen(&options)?,
            tls: tls(&options)?,
            sites: sites(&options, self_signed.as_deref())?,
            self_signed,
            send_proxy: options.send_proxy == Some(true),
            backend_idle_timeout: options.backend_idle_timeout().0,
            accept_proxy: options.accept_proxy.iter().map(|source| source.0).collect(),
            tickets: options.tickets().0,
            handshake_timeout: options.handshake_timeout().0,
            idle_timeout: options.idle_timeout().0,
            max_connections: options.max_connections().0,
            drain: options.drain().0,
            backend: options.backend.clone(),
        })
    }
}

/// Whether what is said of a backend is said where there is one, and what is said of the responder where there is none.
fn check_backend(options: &Options) -> Result<()> {
    if options.backend.is_some() {
        ensure!(
            options.idle_timeout.is_none(),
            "--idle-timeout is the built-in responder's, and there is a --backend: write --backend-idle-timeout instead"
        );
        return Ok(());
    }
    for (option, given) in [
        ("send-proxy", options.send_proxy == Some(true)),
        ("backend-idle-timeout", options.backend_idle_timeout.is_some()),
    ] {
        ensure!(!given, "--{option} needs a --backend that it is for: give it, or leave --{option} out");
    }
    Ok(())
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
    let (min, max) = (options.min_tls(), options.max_tls());
    ensure!(min <= max, "--min-tls is newer than --max-tls, which leaves no version to serve: swap them");
    let (ciphers, ciphersuites) = (options.ciphers.clone(), options.ciphersuites.clone());
    ensure!(
        ciphers.is_none() || min <= TlsVersion::Tls12,
        "--ciphers are those of TLS 1.2, which --min-tls leaves out: write --ciphersuites, or leave one of them out"
    );
    ensure!(
        ciphersuites.is_none() || max >= TlsVersion::Tls13,
        "--ciphersuites are those of TLS 1.3, which --max-tls leaves out: write --ciphers, or leave one of them out"
    );
    Ok(Tls { min, max, ciphers, ciphersuites, early_data: early_data(options, max)?, alpn: alpn(options)? })
}

fn alpn(options: &Options) -> Result<Vec<String>> {
    if options.alpn.is_empty() && options.backend.is_none() {
        return Ok(RESPONDER.map(str::to_owned).to_vec());
    }
    let mut protocols: Vec<String> = Vec::new();
    for Alpn(protocol) in &options.alpn {
        ensure!(!protocols.contains(protocol), "--alpn {protocol} is given twice: leave one out");
        ensure!(
            options.backend.is_some() || RESPONDER.contains(&protocol.as_str()),
            "--alpn {protocol} needs a --backend that speaks it: the built-in responder speaks {} only",
            RESPONDER.join(" and ")
        );
        protocols.push(protocol.clone());
    }
    Ok(protocols)
}

/// How much 0-RTT data is accepted.
fn early_data(options: &Options, max: TlsVersion) -> Result<u32> {
    let Some(SizeOf(bytes)) = options.early_data.filter(|size| size.0 > 0) else {
        ensure!(
            options.early_data_to_backend != Some(true),
            "--early-data-to-backend is given, but no 0-RTT data is accepted: add --early-data SIZE"
        );
        return Ok(0);
    };
    ensure!(max >= TlsVersion::Tls13, "--early-data is of TLS 1.3, which --max-tls leaves out: leave one of them out");
    match (&options.backend, options.early_data_to_backend == Some(true)) {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hosting::read;

    fn settings(toml: &str) -> Result<Settings> {
        Settings::new(toml::from_str(&format!("cert = 'c'\nkey = 'k'\n{toml}")).unwrap())
    }

    #[test]
    fn the_file_that_comes_with_the_service_makes_settings() {
        let file = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../packaging/systemd/reprise.toml"));
        let settings = Settings::new(read(file, "serve").unwrap()).unwrap();
        assert!(settings.host.policies.is_some() && settings.backend.is_some() && settings.self_signed.is_none());
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
            ("backend = 'b:1'\nearly-data = '4KiB'", "--early-data-to-backend"),
            ("early-data = '4KiB'\nearly-data-to-backend = true", "--backend"),
            ("backend = 'b:1'\nearly-data-to-backend = true", "--early-data SIZE"),
            ("backend-idle-timeout = '1s'", "--backend"),
            ("backend = 'b:1'\nidle-timeout = '1s'", "--backend-idle-timeout"),
            ("backend = 'b:1'\nalpn = 'h2,h2'", "twice"),
            ("max-tls = '1.2'\nearly-data = '4KiB'", "--max-tls"),
            ("max-tls = '1.2'\nciphersuites = 'TLS_AES_128_GCM_SHA256'", "--ciphers,"),
            ("min-tls = '1.3'\nciphers = 'HIGH'", "--ciphersuites"),
            ("site = ['a=c,k', 'A=c2,k2']", "twice"),
            ("site = 'default=c,k'", "default"),
            ("listen = ['127.0.0.1:1', 'x=127.0.0.1:1']", "twice"),
            ("policy-keys = 'keys'", "--policies"),
            ("policies = 'p'\npolicy-keys = '/no/such/keys'", "/no/such/keys"),
            ("admin-host = 'metrics.example'", "--admin PORT"),
            ("admin-recent = true", "--admin PORT"),
            ("admin = '10.0.0.1:9090'\nadmin-recent = true", "ssh -L"),
            ("admin = '9090'\nadmin-recent = true\nrecent = '0'", "--recent 0"),
            ("store = 'disk:d'", "reprise keys new"),
            ("store = ['disk:d', 'memory']\nkeyring = 'k'", "wrong order"),
            ("store = ['memory', 'memory:1MiB']", "twice"),
        ] {
            let error = format!("{:#}", settings(toml).map(|_| ()).expect_err(toml));
            assert!(error.contains(named), "{toml}: {error}");
        }
        assert!(Settings::new(toml::from_str("key = 'k'").unwrap()).is_err());
    }

    #[test]
    fn a_maximum_below_the_default_lifetime_lowers_it() {
        assert_eq!(settings("max-lifetime = '10m'").unwrap().host.lifetime, Duration::from_secs(600));
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
        assert_eq!(settings("backend = 'b:1'\nalpn = 'h2,http/1.1'").unwrap().tls.alpn, ["h2", "http/1.1"]);
        assert_eq!(settings("").unwrap().tls.alpn, ["http/1.1", "http/1.0"]);
        assert_eq!(settings("alpn = 'http/1.0'").unwrap().tls.alpn, ["http/1.0"]);
        assert_eq!(settings("backend = 'b:1'").unwrap().tls.alpn, [""; 0]);
    }
}
