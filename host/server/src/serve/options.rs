//! What an operator of `reprise serve` can set, on the command line or in a file. The doc comments are the text of `reprise
//! serve --help`.

use std::path::PathBuf;

use clap::Args;
use serde::Deserialize;

use super::{
    argument::{ClientAuth, Listen, NamedSite, Source, TlsVersion},
    backend_address::BackendAddress,
    ciphers::{Alpn, CipherList, CipherSuites},
};
use crate::hosting::{
    Count, HostOptions, SizeOf, Span, Timeout, declared_with_hosts,
    text::{one_or_many, path, separated, some},
};

declared_with_hosts! {
/// Every option of `reprise serve`, each as given or not, and the default of those that have one by themselves.
#[derive(Clone, Debug, Default, Args, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub(crate) struct Options {
    /// Where to listen; repeatable [default: 127.0.0.1:8443]
    ///
    /// The default is reached from this machine only, which is the safe way to try. Port 0 takes a free one; the line
    /// `listening on …` shows it. A session resumes only on the listener that made it; addresses under one NAME count as
    /// one listener, and addresses without a NAME are all called `default`.
    #[arg(long, value_name = "[NAME=]ADDR")]
    #[serde(deserialize_with = "some")]
    pub(crate) listen: Vec<Listen>,

    /// Forward the decrypted bytes to this TCP address [default: a built-in responder]
    ///
    /// A name is resolved at each connection; one that cannot be at the start is a warning in the log.
    /// Without it a built-in HTTP/1.1 responder answers `GET /` and `GET /connection`, to see what resumed and why.
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) backend: Option<BackendAddress>,

    /// Decide for servers that nobody rebuilt, too: their modules ask at this socket [default: none]
    ///
    /// As `reprise agent` does: same policies, stores and sessions' keyring, one status for all. Any user of this machine may ask.
    #[arg(long, value_name = "PATH")]
    #[serde(deserialize_with = "path")]
    pub(crate) agent: Option<PathBuf>,

    /// Accept 0-RTT data of up to this size, at most 16KiB [default: 0, none]
    ///
    /// TLS 1.3 only; it saves the client a round trip. A session is good for it once, on all nodes that share a store: the look-up
    /// that accepts it takes the session out of the store. What remains of the risk of replays (RFC 8446 section 8): who keeps a
    /// client's data from arriving can deliver it later, when the client has sent it again. The responder only shows things. With
    /// --backend it needs --early-data-to-backend, or none is accepted.
    #[arg(long, value_name = "SIZE")]
    pub(crate) early_data: Option<SizeOf<0, { 16 << 10 }>>,

    /// Forward 0-RTT data to the backend too
    ///
    /// It may be a replay, see --early-data. The backend cannot tell it from what came later, and so cannot answer 425 Too Early (RFC
    /// 8470): say this only of a backend that may be asked everything twice.
    #[arg(long, value_name = "true|false", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub(crate) early_data_to_backend: Option<bool>,

    /// Begin each connection to the backend with a PROXY protocol header, version 2
    ///
    /// It carries the client's address and the one that it connected to, the server name (PP2_TYPE_AUTHORITY), the protocol that
    /// ALPN chose (PP2_TYPE_ALPN), and the TLS version, cipher suite and client certificate's CN (PP2_TYPE_SSL). Type 0xE0,
    /// from the range for custom ones, has one byte: 1 if the connection resumed a session, else 0.
    #[arg(long, value_name = "true|false", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub(crate) send_proxy: Option<bool>,

    /// When a connection to the backend is closed on which nothing moves in either direction [default: 10m]
    ///
    /// The default is nginx's. It ends what a vanished client or a stuck backend leaves behind; a protocol that is silent
    /// for longer needs a longer one.
    #[arg(long, value_name = "SPAN")]
    pub(crate) backend_idle_timeout: Option<Timeout> = "10m",

    /// Sources whose connections begin with a PROXY protocol header, version 2; repeatable [default: none]
    ///
    /// List the load balancers in front of this server, and nothing else: whoever is listed says where its connections come
    /// from, and policies believe it. A listed source must send the header, within --handshake-timeout. From any other
    /// source a header is no TLS, and the connection ends.
    #[arg(long, value_name = "NETWORK")]
    #[serde(deserialize_with = "one_or_many")]
    pub(crate) accept_proxy: Vec<Source>,

    /// Protocols offered in ALPN, the preferred first [default: http/1.1,http/1.0, or none with --backend]
    ///
    /// A client that offers ALPN and none of these is refused (RFC 7301). The responder speaks http/1.1 and http/1.0; what a
    /// backend speaks is for you to say.
    #[arg(long, value_name = "PROTOCOL", value_delimiter = ',')]
    #[serde(deserialize_with = "separated")]
    pub(crate) alpn: Vec<Alpn>,

    /// The certificate chain, PEM, leaf first [default: a self-signed one for localhost]
    ///
    /// The default is made on the first start and kept in --state-dir, so that a client that was told to trust it still
    /// does after a restart. It serves every server name that no --site has.
    #[arg(long, value_name = "FILE")]
    #[serde(deserialize_with = "path")]
    pub(crate) cert: Option<PathBuf>,

    /// The certificate's private key, PEM, unencrypted [default: looked for in the --cert file]
    #[arg(long, value_name = "FILE")]
    #[serde(deserialize_with = "path")]
    pub(crate) key: Option<PathBuf>,

    /// Another certificate for the clients that ask for NAME; repeatable
    ///
    /// NAME is the server name (SNI), or `*.` and its parent for any one label. CLIENT_CA verifies this site's clients;
    /// without it --client-ca does, and the word `none` asks for no client certificate here.
    #[arg(long, value_name = "NAME=CERT,KEY[,CLIENT_CA]")]
    #[serde(deserialize_with = "one_or_many")]
    pub(crate) site: Vec<NamedSite>,

    /// The CAs that client certificates are verified against, PEM
    #[arg(long, value_name = "FILE")]
    #[serde(deserialize_with = "path")]
    pub(crate) client_ca: Option<PathBuf>,

    /// Whether clients need a certificate [default: required where there is a client CA, else none]
    ///
    /// Whoever names a CA most likely means it. With `optional` a client without one is served, a client with a bad one is
    /// not.
    #[arg(long, value_enum)]
    pub(crate) client_auth: Option<ClientAuth>,

    /// Certificate revocation lists for client certificates, PEM
    ///
    /// A client certificate whose issuer has no current list in it is refused. When what is revoked changes, sessions
    /// made before no longer resume.
    #[arg(long, value_name = "FILE")]
    #[serde(deserialize_with = "path")]
    pub(crate) crl: Option<PathBuf>,

    /// TLS 1.3 tickets per full handshake [default: 1]
    ///
    /// Each is an entry of the store and a call to each policy. Clients that open connections in parallel and use each
    /// ticket once are served by more, at most 16.
    #[arg(long, value_name = "N")]
    pub(crate) tickets: Option<Count<0, 16>> = "1",

    /// The oldest version served [default: 1.2]
    ///
    /// Older ones are deprecated (RFC 8996).
    #[arg(long, value_enum, value_name = "VERSION")]
    pub(crate) min_tls: Option<TlsVersion> = "1.2",

    /// The newest version served [default: 1.3]
    #[arg(long, value_enum, value_name = "VERSION")]
    pub(crate) max_tls: Option<TlsVersion> = "1.3",

    /// TLS 1.2 cipher suites, in OpenSSL's notation [default: OpenSSL's]
    #[arg(long, value_name = "LIST")]
    pub(crate) ciphers: Option<CipherList>,

    /// TLS 1.3 cipher suites, in OpenSSL's notation [default: OpenSSL's]
    #[arg(long, value_name = "LIST")]
    pub(crate) ciphersuites: Option<CipherSuites>,

    /// When a client that has not finished its handshake is dropped [default: 10s]
    ///
    /// Enough for a bad mobile link, short enough that silent clients do not pile up.
    #[arg(long, value_name = "SPAN")]
    pub(crate) handshake_timeout: Option<Timeout> = "10s",

    /// When the responder drops a client that sends no request or takes no answer [default: 60s]
    ///
    /// For connections to a --backend there is --backend-idle-timeout.
    #[arg(long, value_name = "SPAN")]
    pub(crate) idle_timeout: Option<Timeout> = "60s",

    /// Connections served at once, all listeners together [default: 10000]
    ///
    /// The next ones wait in the kernel's backlog. A connection takes some 50 KB while it is busy, so this is half a
    /// gigabyte. `ulimit -n` should be twice as much with a backend.
    #[arg(long, value_name = "N")]
    pub(crate) max_connections: Option<Count<1, 10_000_000>> = "10000",

    /// On SIGTERM or SIGINT, how long connections may take to finish [default: 10s]
    ///
    /// Well within what service supervisors grant before they kill (30 s and more). After that stores have three
    /// seconds to write what waits. A second signal ends the server at once.
    #[arg(long, value_name = "SPAN")]
    pub(crate) drain: Option<Span> = "10s",
}
shared HostOptions
}

impl Options {
    /// These options, and `other`'s where these have none.
    pub(crate) fn or(self, mut other: Self) -> Self {
        if self.cert.is_some() {
            // A certificate and its key belong together: neither side's is paired with the other's.
            other.key = None;
        }
        self.each_or(other)
    }
}
