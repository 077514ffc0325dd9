//! Options from two places, as one.

use super::options::Options;

impl Options {
    /// These options, and `other`'s where these have none. A list is taken from one side, never joined.
    pub(crate) fn or(self, other: Options) -> Options {
        Options {
            listen: or(self.listen, other.listen),
            backend: self.backend.or(other.backend),
            early_data: self.early_data.or(other.early_data),
            early_data_to_backend: self.early_data_to_backend.or(other.early_data_to_backend),
            send_proxy: self.send_proxy.or(other.send_proxy),
            backend_idle_timeout: self.backend_idle_timeout.or(other.backend_idle_timeout),
            accept_proxy: or(self.accept_proxy, other.accept_proxy),
            alpn: or(self.alpn, other.alpn),
            // A certificate and its key belong together: neither side's is paired with the other's.
            key: if self.cert.is_some() { self.key } else { self.key.or(other.key) },
            cert: self.cert.or(other.cert),
            site: or(self.site, other.site),
            client_ca: self.client_ca.or(other.client_ca),
            client_auth: self.client_auth.or(other.client_auth),
            crl: self.crl.or(other.crl),
            policies: self.policies.or(other.policies),
            policy_keys: self.policy_keys.or(other.policy_keys),
            strict: self.strict.or(other.strict),
            policy_budget: self.policy_budget.or(other.policy_budget),
            policy_memory: self.policy_memory.or(other.policy_memory),
            compile_memory: self.compile_memory.or(other.compile_memory),
            policy_failures: self.policy_failures.or(other.policy_failures),
            policy_failure_window: self.policy_failure_window.or(other.policy_failure_window),
            lifetime: self.lifetime.or(other.lifetime),
            max_lifetime: self.max_lifetime.or(other.max_lifetime),
            tickets: self.tickets.or(other.tickets),
            store: or(self.store, other.store),
            keyring: self.keyring.or(other.keyring),
            namespace: self.namespace.or(other.namespace),
            store_deadline: self.store_deadline.or(other.store_deadline),
            copy_age: self.copy_age.or(other.copy_age),
            max_session_size: self.max_session_size.or(other.max_session_size),
            min_tls: self.min_tls.or(other.min_tls),
            max_tls: self.max_tls.or(other.max_tls),
            ciphers: self.ciphers.or(other.ciphers),
            ciphersuites: self.ciphersuites.or(other.ciphersuites),
            handshake_timeout: self.handshake_timeout.or(other.handshake_timeout),
            idle_timeout: self.idle_timeout.or(other.idle_timeout),
            max_connections: self.max_connections.or(other.max_connections),
            drain: self.drain.or(other.drain),
            core_dumps: self.core_dumps.or(other.core_dumps),
            admin: self.admin.or(other.admin),
            admin_host: or(self.admin_host, other.admin_host),
            state_dir: self.state_dir.or(other.state_dir),
            log: self.log.or(other.log),
            log_format: self.log_format.or(other.log_format),
        }
    }
}

fn or<T>(ours: Vec<T>, theirs: Vec<T>) -> Vec<T> {
    if ours.is_empty() { theirs } else { ours }
}
