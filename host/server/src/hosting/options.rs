//! What an operator can set of a host, whatever it is for. The doc comments are texts of `reprise serve --help` and
//! `reprise agent --help`.

use clap::Args;
use serde::Deserialize;

/// [`declared!`](super::declared) for the options of a command that has a host: what is given is the beginning, up to
/// where the options of the host belong.
macro_rules! declared_with_hosts {
    ($($beginning:tt)*) => {
        $crate::hosting::declared! {
            $($beginning)*
            {
            /// The directory of policies, watched while serving [default: no policies]
            ///
            /// Every NAME.wasm in it decides, with its NAME.toml beside it. Without policies the host's own limits decide alone.
            #[arg(long, value_name = "DIR")]
            #[serde(deserialize_with = "crate::hosting::text::path")]
            pub(crate) policies: Option<std::path::PathBuf>,

            /// Public keys one of which must have signed a policy for it to go live [default: no signatures asked for]
            ///
            /// One minisign public key a line, as `reprise sign --new-key` makes them. NAME.wasm.sig, from `reprise sign`, stands for the
            /// module, its name and its NAME.toml. Read at the start. A signature says who made a policy, not that it is the newest
            /// or that it is there: against that is --strict.
            #[arg(long, value_name = "FILE")]
            #[serde(deserialize_with = "crate::hosting::text::path")]
            pub(crate) policy_keys: Option<std::path::PathBuf>,

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
            pub(crate) policy_budget: Option<$crate::hosting::Timeout> = "20ms",

            /// What the memory of all policies may take together [default: 512MiB and 64MiB for each core]
            ///
            /// A policy in Rust or C has an instance of 1 to 2 MiB for each thread that may ask it, one in JavaScript or Python of 20 to 60 MiB.
            /// Where not all fit, policies have fewer instances; one of which not even one fits is rejected. No call fails for it.
            #[arg(long, value_name = "SIZE")]
            pub(crate) policy_memory: Option<$crate::hosting::SizeOf<{ 1 << 20 }, { 1 << 40 }>>,

            /// What compiling a policy may take of memory [default: 2GiB]
            ///
            /// Each is compiled in a process of its own. One that takes more is rejected.
            #[arg(long, value_name = "SIZE")]
            pub(crate) compile_memory: Option<$crate::hosting::SizeOf<{ 16 << 20 }, { 1 << 40 }>>,

            /// How many failures of a policy within --policy-failure-window set it aside [default: 5]
            ///
            /// Traps and invalid verdicts count; so do calls that run past their deadline, where they are a tenth of all. The last
            /// good generation answers then, or the policy counts as failing, and it is tried again after 10 s, 20 s, and so on up to
            /// 10 minutes. Each failure costs a full handshake, so that few do little harm and many are a pattern.
            #[arg(long, value_name = "N")]
            pub(crate) policy_failures: Option<$crate::hosting::Count<1, 1_000_000>> = "5",

            /// How long a policy's failure counts [default: 30s]
            #[arg(long, value_name = "SPAN")]
            pub(crate) policy_failure_window: Option<$crate::hosting::Timeout> = "30s",

            /// How long a session resumes where no policy says [default: 2h]
            ///
            /// OpenSSL's own default for TLS (7200 s).
            #[arg(long, value_name = "SPAN")]
            pub(crate) lifetime: Option<$crate::hosting::Lifetime> = "2h",

            /// How long any session resumes, counted from its full handshake [default: 1d]
            ///
            /// Holds across TLS 1.3 renewals and whatever policies say, so that every client proves itself again once a day.
            #[arg(long, value_name = "SPAN")]
            pub(crate) max_lifetime: Option<$crate::hosting::Lifetime> = "1d",

            /// Where sessions are kept; repeatable, the nearest first [default: memory:64MiB]
            ///
            /// `memory[:SIZE]`: this process; 64MiB hold about 100,000 sessions without client certificates. `disk:DIR[?size=SIZE]`: all
            /// processes of this machine, over restarts, in at most 1GiB or SIZE. `redis://[USER[:PASSWORD]@]HOST[:PORT][/DB]`: a fleet, in
            /// Redis or Valkey; `rediss://` over TLS, `redis+sentinel://HOST:PORT,…/MASTER`, `redis+cluster://HOST:PORT,…`. Given several
            /// times, nearer stores keep copies of what further ones have. What leaves the process is sealed with --keyring. A password
            /// on the command line is seen by every user of this machine: put such a store into --config FILE.
            #[arg(long, value_name = "STORE")]
            #[serde(deserialize_with = "crate::hosting::text::some")]
            pub(crate) store: Vec<$crate::hosting::StoreKind>,

            /// The keys that seal what leaves this process, and make its session ids [default: none, which memory alone needs]
            ///
            /// `reprise keys new FILE` makes it, for all nodes that share a store; it is reloaded when it changes. Nobody but its
            /// owner may read it.
            #[arg(long, value_name = "FILE")]
            #[serde(deserialize_with = "crate::hosting::text::path")]
            pub(crate) keyring: Option<std::path::PathBuf>,

            /// The name of what shares sessions [default: reprise]
            ///
            /// Fleets with different names have no sessions in common, even in one Redis and with one keyring.
            #[arg(long, value_name = "NAME")]
            pub(crate) namespace: Option<$crate::hosting::Namespace> = "reprise",

            /// How long a look-up in a shared store may hold a handshake [default: 20ms]
            ///
            /// What is not answered by then is a full handshake. A Redis nearby answers in less than 1 ms.
            #[arg(long, value_name = "SPAN")]
            pub(crate) store_deadline: Option<$crate::hosting::Timeout> = "20ms",

            /// While a shared store is out of reach, how old copies of its sessions may be that still resume [default: 30s]
            ///
            /// A session revoked meanwhile at another node resumes here for that long at most. In whole seconds; `0s`: not at all.
            #[arg(long, value_name = "SPAN")]
            pub(crate) copy_age: Option<$crate::hosting::Age> = "30s",

            /// The largest session that is kept [default: 16KiB]
            ///
            /// A session with a client certificate takes 1 to 4 KiB; the bound is for a client that sends a monstrous one.
            #[arg(long, value_name = "SIZE")]
            pub(crate) max_session_size: Option<$crate::hosting::SizeOf<256, { 1 << 30 }>> = "16KiB",

            /// How many handshakes `reprise explain` knows of, the last ones [default: 1000]
            ///
            /// Why a client did not resume is asked afterwards, so they are kept before anybody asks: in this process's memory, less than 1 KiB
            /// each, for whoever may use the socket in --state-dir, and nobody else without --admin-recent. `0`: none.
            #[arg(long, value_name = "N")]
            pub(crate) recent: Option<$crate::hosting::Count<0, 100_000>> = "1000",

            /// What of clients' addresses is kept with them [default: whole]
            ///
            /// `whole`; `network`: 24 bits of an IPv4 address, 48 of an IPv6 one; `hash`, with a key of this process: one address can be asked
            /// for, a network cannot.
            #[arg(long, value_name = "whole|network|hash")]
            pub(crate) recent_clients: Option<$crate::hosting::argument::RecentClients> = "whole",

            /// Let the kernel write core dumps, and debuggers of the same user attach [default: neither]
            ///
            /// A dump of this process holds private keys and the secrets of all sessions.
            #[arg(long, value_name = "true|false", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
            pub(crate) core_dumps: Option<bool>,

            /// Where metrics and status are served over HTTP [default: nowhere]
            ///
            /// `/` is a page for a browser; `/metrics` for Prometheus, `/status`, `/healthz` (503 while something that must run does not), `/readyz` (also
            /// while it ends); nothing there changes anything. A port alone is on 127.0.0.1; there is neither TLS nor a
            /// password, so that another address opens what it shows to whoever reaches it.
            #[arg(long, value_name = "PORT|ADDR")]
            pub(crate) admin: Option<$crate::hosting::AdminAddress>,

            /// Show recent handshakes on the page at --admin, with their clients [default: it has none of them]
            ///
            /// A client's address is personal data, and whoever reaches --admin may look: so only where that is a loopback address.
            /// `--recent-clients` says how much of an address there is to see.
            #[arg(long, value_name = "true|false", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
            pub(crate) admin_recent: Option<bool>,

            /// Another name under which --admin answers; repeatable [default: its addresses and `localhost`]
            ///
            /// A request for any other name (field Host) is refused, or a web page that somebody opens could read what is shown there (DNS
            /// rebinding). Give the name that e.g. Prometheus has for this server. `/healthz` and `/readyz` answer under any.
            #[arg(long, value_name = "NAME")]
            #[serde(deserialize_with = "crate::hosting::text::one_or_many")]
            pub(crate) admin_host: Vec<$crate::hosting::HostName>,

            /// Where state is kept [default: $XDG_STATE_HOME/reprise, /var/lib/reprise for root]
            ///
            /// The self-signed certificate; compiled policies, so that a restart does not compile them again; the socket of `reprise
            /// status`, which is its owner's alone. Servers that run at the same time need a directory each.
            #[arg(long, value_name = "DIR")]
            #[serde(deserialize_with = "crate::hosting::text::path")]
            pub(crate) state_dir: Option<std::path::PathBuf>,

            /// What is logged to stderr: a level, or levels by module [default: info]
            ///
            /// `error`, `warn`, `info`, `debug`, `trace` or `off`. `info` has a line for each policy and certificate that goes live or is
            /// rejected, `debug` one for each connection. `info,reprise::serve=debug` has another level for one module; without a level for
            /// the rest, that is `info`.
            #[arg(long, value_name = "FILTER")]
            pub(crate) log: Option<$crate::hosting::LogFilter>,

            /// How a line of the log is written [default: text]
            ///
            /// `json` makes each line one JSON object with `timestamp`, `level`, `message`, and what else the line tells, like `policy`
            /// and `generation`, under names of their own.
            #[arg(long, value_enum)]
            pub(crate) log_format: Option<$crate::log::LogFormat>,
            }
        }
    };
}
pub(crate) use declared_with_hosts;

declared_with_hosts! {
/// The options of a host, which commands have beside their own.
#[derive(Clone, Debug, Default, Args, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub(crate) struct HostOptions
}
