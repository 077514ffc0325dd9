//! The sites that are served: one `SSL_CTX` for each site on each listener, all of them swapped as one.

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{Arc, Weak},
};

use anyhow::{Context, Result};
use arc_swap::ArcSwap;
use openssl::{
    ssl::{AlpnError, SslContext, SslContextBuilder, SslMethod, SslMode, SslOptions, SslVerifyMode, SslVersion},
    stack::Stack,
    x509::{
        X509Name,
        store::{X509Store, X509StoreBuilder},
        verify::X509VerifyFlags,
    },
};
use reprise::{Alert, ClientHello, HelloResponse, Host, Listener, add_crl};
use reprise_session::{reading::Reader, session::Epoch};

use super::{
    argument::TlsVersion,
    ciphers::{CipherList, CipherSuites},
    material::{Fingerprint, Material, Parsed},
    settings::{ClientCa, Settings, SiteFiles, Tls},
};

/// Which certificates of a client's chain are looked up in the revocation lists: the leaf.
const CRL_CHECKS: X509VerifyFlags = X509VerifyFlags::CRL_CHECK;

/// Every site on every listener, and the contexts in force.
pub(crate) struct Sites {
    host: Arc<Host>,
    tls: Tls,
    files: Vec<SiteFiles>,
    /// The listeners' names; a listener is known by its place here.
    listeners: Vec<String>,
    /// From server name to the site's place in `files`. The default site, at 0, has none.
    by_name: HashMap<String, usize>,
    /// For each site its contexts, one for each listener. A handshake takes a context from it and keeps that one.
    live: ArcSwap<Vec<Arc<[SslContext]>>>,
}

/// A look at every site's files: what was seen of each, so that the next look tells what is new.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Look(Vec<Result<Fingerprint, String>>);

/// What became of a site whose files changed.
#[derive(Debug)]
pub(crate) struct Change {
    /// The site's name.
    pub(crate) site: String,
    /// Whether the new files are in force, or why the previous ones stay.
    pub(crate) outcome: Result<()>,
}

impl Sites {
    /// Builds the contexts of every site that `settings` name and installs `host` on each.
    ///
    /// # Errors
    /// A site's files are missing or wrong; the message names the site and the file.
    pub(crate) fn open(host: Arc<Host>, settings: &Settings, listeners: Vec<String>) -> Result<(Arc<Self>, Look)> {
        let files = settings.sites.clone();
        let sites = Arc::new(Self {
            host,
            tls: settings.tls.clone(),
            by_name: files.iter().enumerate().skip(1).map(|(at, site)| (site.name.clone(), at)).collect(),
            files,
            listeners,
            live: ArcSwap::default(),
        });
        let (mut live, mut look, reader) = (Vec::new(), Vec::new(), Reader::begin());
        for site in &sites.files {
            let (fingerprint, contexts) =
                sites.build(site, reader).with_context(|| format!("the site `{}` cannot be served", site.name))?;
            look.push(Ok(fingerprint));
            live.push(contexts);
        }
        sites.live.store(Arc::new(live));
        Ok((sites, Look(look)))
    }

    /// The context in force for `server_name` on a listener: its site's, else that of the site for one label under its
    /// parent, else the default site's.
    pub(crate) fn context(&self, listener: usize, server_name: Option<&str>) -> SslContext {
        // A client may send what looks like a pattern; it is a name that no site has.
        let site = server_name.filter(|name| !name.starts_with('*')).and_then(|name| {
            let wildcard = || {
                let (label, parent) = name.split_once('.')?;
                let is_label = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
                let stands_for_it = !label.is_empty() && label.bytes().all(is_label);
                stands_for_it.then(|| self.by_name.get(&format!("*.{parent}"))).flatten()
            };
            self.by_name.get(name).or_else(wildcard).copied()
        });
        self.live.load()[site.unwrap_or(0)][listener].clone()
    }

    /// Reads every site's files, to tell whether they have changed.
    pub(crate) fn look(&self) -> Look {
        let reader = Reader::begin();
        let look =
            |site| Material::read(site, reader).map(|read| read.fingerprint()).map_err(|error| error.to_string());
        Look(self.files.iter().map(look).collect())
    }

    /// Rebuilds the sites that look different from `before`, and puts those whose files are good in force, all in one step.
    /// Connections keep the context that they have.
    pub(crate) fn reload(self: &Arc<Self>, before: &Look, now: &Look) -> Vec<Change> {
        let mut live = self.live.load().as_ref().clone();
        let (mut changes, reader) = (Vec::new(), Reader::begin());
        for (at, site) in self.files.iter().enumerate() {
            if before.0[at] == now.0[at] {
                continue;
            }
            let outcome = self.build(site, reader).map(|(_, contexts)| live[at] = contexts);
            changes.push(Change { site: site.name.clone(), outcome });
        }
        self.live.store(Arc::new(live));
        changes
    }

    /// Every file that a site is made of.
    pub(crate) fn watched(&self) -> Vec<PathBuf> {
        let mut files = Vec::new();
        for site in &self.files {
            files.extend([site.cert.clone(), site.key.clone()]);
            if let Some(ca) = &site.client_ca {
                files.push(ca.file.clone());
                files.extend(ca.crl.clone());
            }
        }
        files
    }

    fn build(self: &Arc<Self>, site: &SiteFiles, reader: Reader) -> Result<(Fingerprint, Arc<[SslContext]>)> {
        let material = Material::read(site, reader)?;
        let parsed = material.parse(site)?;
        let epoch = self.epoch(site, &parsed)?;
        let contexts = (0..self.listeners.len()).map(|listener| {
            let mut context = self.context_of(site, &parsed)?;
            let listens = Listener::named(&self.listeners[listener])
                .site(&site.name)
                .epoch(epoch)
                .revocation_lists(&parsed.crls, CRL_CHECKS);
            self.host.install(&mut context, listens.on_client_hello(choose_site(Arc::downgrade(self), listener)))?;
            Ok(context.build())
        });
        Ok((material.fingerprint(), contexts.collect::<Result<_>>()?))
    }

    fn context_of(&self, site: &SiteFiles, parsed: &Parsed) -> Result<SslContextBuilder> {
        let mut context = SslContext::builder(SslMethod::tls_server())?;
        context.set_options(
            SslOptions::CIPHER_SERVER_PREFERENCE
                | SslOptions::NO_COMPRESSION
                | SslOptions::NO_RENEGOTIATION
                // A client that hangs up without close_notify, as browsers do, must not cost it its session.
                | SslOptions::IGNORE_UNEXPECTED_EOF,
        );
        context.set_mode(
            SslMode::ACCEPT_MOVING_WRITE_BUFFER
                | SslMode::ENABLE_PARTIAL_WRITE
                | SslMode::RELEASE_BUFFERS
                // The trust store is for clients' certificates; ours comes with its chain.
                | SslMode::NO_AUTO_CHAIN,
        );
        context.set_min_proto_version(Some(version(self.tls.min)))?;
        context.set_max_proto_version(Some(version(self.tls.max)))?;
        context.set_max_early_data(self.tls.early_data)?;
        if let Some(CipherList(ciphers)) = &self.tls.ciphers {
            context
                .set_cipher_list(ciphers)
                .with_context(|| format!("--ciphers `{ciphers}` names no usable cipher suite"))?;
        }
        if let Some(CipherSuites(suites)) = &self.tls.ciphersuites {
            context
                .set_ciphersuites(suites)
                .with_context(|| format!("--ciphersuites `{suites}` is not a list of TLS 1.3 suites"))?;
        }
        if !self.tls.alpn.is_empty() {
            let ours = self.tls.alpn.clone();
            context.set_alpn_select_callback(move |_, theirs| {
                // No protocol in common ends the handshake (RFC 7301 section 3.2).
                select_protocol(&ours, theirs).ok_or(AlpnError::ALERT_FATAL)
            });
        }

        context.set_certificate(&parsed.chain[0])?;
        for issuer in &parsed.chain[1..] {
            context.add_extra_chain_cert(issuer.clone())?;
        }
        context.set_private_key(&parsed.key)?;
        context.check_private_key()?;
        context.set_verify(verify_mode(site));
        if let Some(ca) = &site.client_ca {
            context.set_cert_store(trust(ca, parsed)?);
            let mut names: Stack<X509Name> = Stack::new()?;
            for issuer in &parsed.client_cas {
                names.push(issuer.subject_name().to_owned()?)?;
            }
            context.set_client_ca_list(names);
        }
        Ok(context)
    }

    /// Two configurations under which sessions may not be exchanged have different epochs.
    fn epoch(&self, site: &SiteFiles, parsed: &Parsed) -> Result<Epoch> {
        let Tls { min, max, ciphers, ciphersuites, alpn: _, early_data: _ } = &self.tls;
        let ciphers = ciphers.as_ref().map(|ciphers| &ciphers.0);
        let ciphersuites = ciphersuites.as_ref().map(|suites| &suites.0);
        let verify = verify_mode(site).bits();
        let mut configuration = format!("{verify} {min:?} {max:?} {ciphers:?} {ciphersuites:?}\n").into_bytes();
        configuration.extend(parsed.client_verification()?);
        Ok(Epoch::of(&configuration))
    }
}

/// The part of the client-hello hook that is ours: the context in force for the name asked for.
fn choose_site(
    sites: Weak<Sites>,
    listener: usize,
) -> impl Fn(&mut ClientHello<'_>) -> Result<HelloResponse, Alert> + Send + Sync + 'static {
    move |hello| {
        // Weak, or the contexts in `live` and this closure in each of them would keep each other alive.
        let sites = sites.upgrade().ok_or(Alert::INTERNAL_ERROR)?;
        let context = sites.context(listener, hello.server_name());
        hello.switch_to(&context).map_err(|error| {
            tracing::error!("a connection could not be switched to its site: {error}");
            Alert::INTERNAL_ERROR
        })?;
        Ok(HelloResponse::Continue)
    }
}

/// The first of `ours` that is among `theirs`, where each protocol stands behind a byte for its length.
fn select_protocol<'a>(ours: &[String], theirs: &'a [u8]) -> Option<&'a [u8]> {
    let offered = |ours: &String| {
        let mut rest = theirs;
        while let Some((length, after)) = rest.split_first() {
            let (protocol, next) = after.split_at_checked(usize::from(*length))?;
            if protocol == ours.as_bytes() {
                return Some(protocol);
            }
            rest = next;
        }
        None
    };
    ours.iter().find_map(offered)
}

fn version(version: TlsVersion) -> SslVersion {
    match version {
        TlsVersion::Tls12 => SslVersion::TLS1_2,
        TlsVersion::Tls13 => SslVersion::TLS1_3,
    }
}

fn verify_mode(site: &SiteFiles) -> SslVerifyMode {
    match &site.client_ca {
        None => SslVerifyMode::NONE,
        Some(ca) if ca.required => SslVerifyMode::PEER | SslVerifyMode::FAIL_IF_NO_PEER_CERT,
        Some(_) => SslVerifyMode::PEER,
    }
}

fn trust(ca: &ClientCa, parsed: &Parsed) -> Result<X509Store> {
    let mut store = X509StoreBuilder::new()?;
    for issuer in &parsed.client_cas {
        store.add_cert(issuer.clone())?;
    }
    if ca.crl.is_some() {
        // The very lists whose entries are in the epoch.
        for list in &parsed.crls {
            add_crl(&mut store, list)?;
        }
        store.set_flags(CRL_CHECKS)?;
    }
    Ok(store.build())
}

#[cfg(test)]
mod tests {
    use super::*;
    use reprise_testing::certificates::Identity;

    use crate::serve::tests::{Files, revocation_list, settings};

    #[tokio::test]
    async fn a_revocation_list_is_read_once() {
        let files = Files::new();
        files.issue("default", None);
        let ca = files.issue("ca", None);
        let [one, other] = ["one", "other"].map(|client| files.issue(client, Some(&ca)));
        let revoke = |client| std::fs::write(files.path("crl.pem"), revocation_list(&ca, &[client])).unwrap();
        revoke(&one);
        let settings = settings(&files, "client-ca = '{}/ca.crt'\ncrl = '{}/crl.pem'");
        let host = Arc::new(Host::builder().build().unwrap());
        let (sites, _) = Sites::open(host, &settings, vec!["default".into()]).unwrap();
        let site = &sites.files[0];
        let read = || Material::read(site, Reader::begin()).unwrap();

        let (before, material) = (read().parse(site).unwrap(), read());
        // Replaced in the midst: sessions and verification go by the bytes that were read.
        revoke(&other);
        let (parsed, after) = (material.parse(site).unwrap(), read().parse(site).unwrap());
        let epoch = |parsed| sites.epoch(site, parsed).unwrap();
        assert_eq!(epoch(&parsed), epoch(&before));
        assert_ne!(epoch(&parsed), epoch(&after));
        let store = trust(site.client_ca.as_ref().unwrap(), &parsed).unwrap();
        let verified = |client: &Identity| {
            let none = openssl::stack::Stack::new().unwrap();
            let mut context = openssl::x509::X509StoreContext::new().unwrap();
            context.init(&store, &client.certificate, &none, |context| context.verify_cert()).unwrap()
        };
        assert_eq!((verified(&one), verified(&other)), (false, true));
        // And no file is needed any more.
        std::fs::remove_file(files.path("crl.pem")).unwrap();
        sites.context_of(site, &parsed).unwrap();
    }
}
