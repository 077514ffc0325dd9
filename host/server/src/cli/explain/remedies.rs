//! What would have let a client resume, by the reason why it did not.

/// In a sentence; nothing where it resumed.
pub(super) fn remedy(reason: &str) -> &'static str {
    match reason {
        "resumed" => "",
        "nothing" => "It would have had to offer one: this is a first visit, or a client that keeps no sessions.",
        "ticket" => {
            "It would have had to offer a session id, or speak TLS 1.3: this server makes no tickets of TLS 1.2, which are all that \
             some clients know (Go), and another server made this one."
        }
        "psk" => "Another server made it, or it is a PSK that was agreed on elsewhere.",
        "foreign-id" => {
            "No key on the keyring made it: give all nodes the same --keyring, and one that stays over restarts, if this was a server \
             of the same fleet."
        }
        "no-hook" => {
            "The host's client-hello callback was not called: something replaced it, or switched to a context without it."
        }
        "switched-after-hook" => {
            "The context was switched after the host had looked: `reprise::on_client_hello` has to be called again after that."
        }
        "place-unknown" => {
            "It would have resumed later: this handshake has taught the module where this server name ends up."
        }
        "host-gone" => "The host has ended; the process goes on without it.",
        "forked" => {
            "It would have resumed a moment later: the process had forked, and policies were being loaded again."
        }
        "too-many-identities" => "It would have had to be among the first two that were offered.",
        "not-found" => {
            "The store had it no more, or never: it has expired, was evicted, was used up, or is another node's. --lifetime, the size \
             of --store and a store for the fleet are what there is to change."
        }
        "store-unavailable" => {
            "The store would have had to answer within --store-deadline: see `reprise status` for how it is doing."
        }
        "unsealable" => {
            "The key that sealed it would have had to be on --keyring still, or the bytes not have been changed."
        }
        "undecodable" => "What the store has does not decode: another version of Reprise may have written it.",
        "server-name" => "It would have had to ask for the name that the session was made for.",
        "listener" => "It would have had to come to the listener that made it.",
        "site" => "It would have had to come to the site that made it.",
        "verify-mode" => "The site asks for client certificates otherwise than when it was made.",
        "epoch" => "The site's certificates or settings have changed since it was made.",
        "protocol" => "It would have had to speak the version of TLS that it was made with.",
        "cipher" => "Its cipher suite would have had to be offered, and enabled here.",
        "extended-master-secret" => {
            "It was made with or without an extended master secret (RFC 7627), and now it is the other way."
        }
        "binder" => "It is for single use, and the client has not shown that it is its own.",
        "expired" => "It would have had to come back sooner, or --lifetime (or a policy's) to be longer.",
        "certificate-expired" => {
            "A certificate of the client's chain is not valid any more: it has to bring a new one."
        }
        "crl-expired" => "A revocation list is past its time: renew what --crl names.",
        "revoked" => "An operator has revoked it.",
        "policy" => "It would have resumed if that policy had not objected.",
        "policy-failed" => {
            "It would have resumed if that policy had not failed: see `reprise status`; `on-failure = \"abstain\"` in its .toml lets \
             failures pass."
        }
        "not-taken" => {
            "OpenSSL was given it and did not resume it: the hash of the cipher suite that was agreed on is another."
        }
        _ => "Something failed inside: the log has it.",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use reprise::status::reasons;

    use super::*;

    #[test]
    fn each_reason_has_a_remedy_of_its_own() {
        let remedies: BTreeSet<_> = reasons().map(remedy).collect();
        assert_eq!(remedies.len(), reasons().count());
    }
}
