//! What an operator can set, on the command line or in a file. The doc comments are the text of `reprise serve --help`.

use std::path::PathBuf;

use clap::Args;
use serde::Deserialize;

use super::{
    argument::{AdminAddress, ClientAuth, HostName, Listen, NamedSite, Namespace, Source, TlsVersion},
    backend_address::BackendAddress,
    ciphers::{Alpn, CipherList, CipherSuites},
    log_filter::LogFilter,
    precedence::declared,
    quantity::{Age, Count, Lifetime, SizeOf, Span, Timeout},
    stores::StoreKind,
    text::{one_or_many, path, separated, some},
};
use crate::log::LogFormat;

declared! {
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

    /// The directory of policies, watched while serving [default: no policies]
    ///
    /// Every NAME.wasm in it decides, with its NAME.toml beside it. Without policies the host's own limits decide alone.
    #[arg(long, value_name = "DIR")]
    #[serde(deserialize_with = "path")]
    pub(crate) policies: Option<PathBuf>,

    /// Public keys one of which must have signed a policy for it to go live [default: no signatures asked for]
    ///
    /// One minisign public key a line, as `reprise sign --new-key` makes them. NAME.wasm.sig, from `reprise sign`, stands for the
    /// module, its name and its NAME.toml. Read at the start. A signature says who made a policy, not that it is the newest
    /// or that it is there: against that is --strict.
    #[arg(long, value_name = "FILE")]
    #[serde(deserialize_with = "path")]
    pub(crate) policy_keys: Option<PathBuf>,

    /// Refuse policies that others than their owner may write [default: a warning in the log]
    ///
    /// Looked at are the directory, every directory above it, the files in it, what links lead to, and --policy-keys. The
    /// owner must be root or the server's user.
    #[arg(long, value_name = "true|false", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub(crate) strict: Option<bool>,

    /// What all policies together may take of one handshake [default: 20ms]
    ///
    /// A policy needs 1 to 2 µs. The default leaves room for a busy machine, and is still no pause that a person notices.
    /// What is not decided by then is a full handshake.
    #[arg(long, value_name = "SPAN")]
    pub(crate) policy_budget: Option<Timeout> = "20ms",

    /// What the memory of all policies may take together [default: 512MiB and 64MiB for each core]
    ///
    /// A policy in Rust or C has an instance of 1 to 2 MiB for each thread that may ask it, one in JavaScript or Python of 20 to 60 MiB.
    /// Where not all fit, policies have fewer instances; one of which not even one fits is rejected. No call fails for it.
    #[arg(long, value_name = "SIZE")]
    pub(crate) policy_memory: Option<SizeOf<{ 1 << 20 }, { 1 << 40 }>>,

    /// What compiling a policy may take of memory [default: 2GiB]
    ///
    /// Each is compiled in a process of its own. One that takes more is rejected.
    #[arg(long, value_name = "SIZE")]
    pub(crate) compile_memory: Option<SizeOf<{ 16 << 20 }, { 1 << 40 }>>,

    /// How many failures of a policy within --policy-failure-window set it aside [default: 5]
    ///
    /// Traps and invalid verdicts count; so do calls that run past their deadline, where they are a tenth of all. The last
    /// good generation answers then, or the policy counts as failing, and it is tried again after 10 s, 20 s, and so on up to
    /// 10 minutes. Each failure costs a full handshake, so that few do little harm and many are a pattern.
    #[arg(long, value_name = "N")]
    pub(crate) policy_failures: Option<Count<1, 1_000_000>> = "5",

    /// How long a policy's failure counts [default: 30s]
    #[arg(long, value_name = "SPAN")]
    pub(crate) policy_failure_window: Option<Timeout> = "30s",

    /// How long a session resumes where no policy says [default: 2h]
    ///
    /// OpenSSL's own default for TLS (7200 s).
    #[arg(long, value_name = "SPAN")]
    pub(crate) lifetime: Option<Lifetime> = "2h",

    /// How long any session resumes, counted from its full handshake [default: 1d]
    ///
    /// Holds across TLS 1.3 renewals and whatever policies say, so that every client proves itself anew once a day.
    #[arg(long, value_name = "SPAN")]
    pub(crate) max_lifetime: Option<Lifetime> = "1d",

    /// TLS 1.3 tickets per full handshake [default: 1]
    ///
    /// Each is an entry of the store and a call to each policy. Clients that open connections in parallel and use each
    /// ticket once are served by more, at most 16.
    #[arg(long, value_name = "N")]
    pub(crate) tickets: Option<Count<0, 16>> = "1",

    /// Where sessions are kept; repeatable, the nearest first [default: memory:64MiB]
    ///
    /// `memory[:SIZE]`: this process; 64MiB hold about 100,000 sessions without client certificates. `disk:DIR[?size=SIZE]`: all
    /// processes of this machine, over restarts, in at most 1GiB or SIZE. `redis://[USER[:PASSWORD]@]HOST[:PORT][/DB]`: a fleet, in
    /// Redis or Valkey; `rediss://` over TLS, `redis+sentinel://HOST:PORT,…/MASTER`, `redis+cluster://HOST:PORT,…`. Given several
    /// times, nearer stores keep copies of what further ones have. What leaves the process is sealed with --keyring. A password
    /// on the command line is seen by every user of this machine: put such a store into --config FILE.
    #[arg(long, value_name = "STORE")]
    #[serde(deserialize_with = "some")]
    pub(crate) store: Vec<StoreKind>,

    /// The keys that seal what leaves this process, and make its session ids [default: none, which memory alone needs]
    ///
    /// `reprise keys new FILE` makes it, for all nodes that share a store; it is taken up again when it changes. Nobody but its
    /// owner may read it.
    #[arg(long, value_name = "FILE")]
    #[serde(deserialize_with = "path")]
    pub(crate) keyring: Option<PathBuf>,

    /// The name of what shares sessions [default: reprise]
    ///
    /// Fleets with different names have no sessions in common, even in one Redis and with one keyring.
    #[arg(long, value_name = "NAME")]
    pub(crate) namespace: Option<Namespace> = "reprise",

    /// How long a look-up in a shared store may hold a handshake [default: 20ms]
    ///
    /// What is not answered by then is a full handshake. A Redis nearby answers in less than 1 ms.
    #[arg(long, value_name = "SPAN")]
    pub(crate) store_deadline: Option<Timeout> = "20ms",

    /// While a shared store is out of reach, how old copies of its sessions may be that still resume [default: 30s]
    ///
    /// A session revoked meanwhile at another node resumes here for that long at most. In whole seconds; `0s`: not at all.
    #[arg(long, value_name = "SPAN")]
    pub(crate) copy_age: Option<Age> = "30s",

    /// The largest session that is kept [default: 16KiB]
    ///
    /// A session with a client certificate takes 1 to 4 KiB; the bound is for a client that sends a monstrous one.
    #[arg(long, value_name = "SIZE")]
    pub(crate) max_session_size: Option<SizeOf<256, { 1 << 30 }>> = "16KiB",

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

    /// Let the kernel write core dumps, and debuggers of the same user attach [default: neither]
    ///
    /// A dump of this process holds private keys and the secrets of all sessions.
    #[arg(long, value_name = "true|false", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub(crate) core_dumps: Option<bool>,

    /// Where metrics and status are served over HTTP [default: nowhere]
    ///
    /// `/metrics` for Prometheus, `/status`, `/healthz` (503 while something that must run does not), `/readyz` (also
    /// while it ends); nothing there changes anything. A port alone is on 127.0.0.1; there is neither TLS nor a
    /// password, so that another address opens what it shows to whoever reaches it.
    #[arg(long, value_name = "PORT|ADDR")]
    pub(crate) admin: Option<AdminAddress>,

    /// Another name under which --admin answers; repeatable [default: its addresses and `localhost`]
    ///
    /// A request for any other name (field Host) is refused, or a web page that somebody opens could read what is shown there (DNS
    /// rebinding). Give the name that e.g. Prometheus has for this server. `/healthz` and `/readyz` answer under any.
    #[arg(long, value_name = "NAME")]
    #[serde(deserialize_with = "one_or_many")]
    pub(crate) admin_host: Vec<HostName>,

    /// Where state is kept [default: $XDG_STATE_HOME/reprise, /var/lib/reprise for root]
    ///
    /// The self-signed certificate; compiled policies, so that a restart does not compile them again; the socket of `reprise
    /// status`, which is its owner's alone. Servers that run at the same time need a directory each.
    #[arg(long, value_name = "DIR")]
    #[serde(deserialize_with = "path")]
    pub(crate) state_dir: Option<PathBuf>,

    /// What is logged to stderr: a level, or levels by module [default: info]
    ///
    /// `error`, `warn`, `info`, `debug`, `trace` or `off`. `info` has a line for each policy and certificate that goes live or is
    /// rejected, `debug` one for each connection. `info,reprise::serve=debug` has another level for one module; without a level for
    /// the rest, that is `info`.
    #[arg(long, value_name = "FILTER")]
    pub(crate) log: Option<LogFilter>,

    /// How a line of the log is written [default: text]
    ///
    /// `json` makes each line one JSON object with `timestamp`, `level`, `message`, and what else the line tells, like `policy`
    /// and `generation`, under names of their own.
    #[arg(long, value_enum)]
    pub(crate) log_format: Option<LogFormat>,
}
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
