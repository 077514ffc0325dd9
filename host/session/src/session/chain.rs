//! What a full handshake holds against the clock, and a resumption must too: the validity of the client's whole chain,
//! and the dates of the revocation lists that it is verified against.

use serde::{Deserialize, Serialize};

/// What of a client's chain, as OpenSSL verified it in the full handshake, bounds its session. The leaf is part of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerifiedChain {
    /// The latest notBefore of its certificates: seconds since the Unix epoch.
    pub not_before: u64,
    /// The earliest notAfter of its certificates: seconds since the Unix epoch.
    pub not_after: u64,
    /// Who issued them, leaf first: OpenSSL's hash of each name (`X509_NAME_hash_ex`).
    pub issuers: Vec<u32>,
}

/// One certificate revocation list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevocationList {
    /// Who issued it, as in [`VerifiedChain::issuers`].
    pub issuer: u32,
    /// Its lastUpdate: seconds since the Unix epoch.
    pub from: u64,
    /// Its nextUpdate, or `u64::MAX` where it has none: seconds since the Unix epoch.
    pub until: u64,
}

impl RevocationList {
    fn is_current(&self, now: u64) -> bool {
        self.from <= now && now < self.until
    }
}

/// The revocation lists that clients are verified against.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevocationLists {
    /// Each of them.
    pub lists: Vec<RevocationList>,
    /// Each certificate of a chain is looked up (`X509_V_FLAG_CRL_CHECK_ALL`), not its leaf alone.
    pub whole_chain: bool,
}

impl RevocationLists {
    /// Whether those that a chain is looked up in are current at `now`. Of one issuer's lists a current one is enough,
    /// as for OpenSSL.
    ///
    /// Where it is not known which they are, all have to be: for a chain of which a record of an earlier version says
    /// nothing, and for one whose issuers have no lists of their own here.
    pub fn are_current(&self, chain: Option<&VerifiedChain>, now: u64) -> bool {
        let current = |issuer: u32| self.lists.iter().any(|list| list.issuer == issuer && list.is_current(now));
        let issuers = chain.map_or(&[][..], |chain| &chain.issuers);
        let looked_up = if self.whole_chain { issuers } else { &issuers[..issuers.len().min(1)] };
        let mut known =
            looked_up.iter().filter(|&&issuer| self.lists.iter().any(|list| list.issuer == issuer)).peekable();
        if known.peek().is_some() {
            return known.all(|&issuer| current(issuer));
        }
        self.lists.iter().all(|list| current(list.issuer))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chain(issuers: &[u32]) -> VerifiedChain {
        VerifiedChain { not_before: 0, not_after: u64::MAX, issuers: issuers.to_vec() }
    }

    fn lists(lists: &[(u32, u64, u64)], whole_chain: bool) -> RevocationLists {
        let lists = lists.iter().map(|&(issuer, from, until)| RevocationList { issuer, from, until });
        RevocationLists { lists: lists.collect(), whole_chain }
    }

    #[test]
    fn a_list_is_current_from_lastupdate_to_nextupdate() {
        let lists = lists(&[(1, 10, 20)], false);
        for (now, current) in [(9, false), (10, true), (19, true), (20, false), (u64::MAX, false)] {
            assert_eq!(lists.are_current(Some(&chain(&[1])), now), current, "{now}");
        }
    }

    #[test]
    fn the_list_of_another_issuer_is_no_objection() {
        let lists = lists(&[(1, 10, 20), (2, 10, 90)], false);
        assert!(lists.are_current(Some(&chain(&[2, 9])), 50));
        assert!(!lists.are_current(Some(&chain(&[1, 9])), 50));
    }

    #[test]
    fn of_one_issuers_lists_a_current_one_is_enough() {
        let lists = lists(&[(1, 10, 20), (1, 15, 30)], false);
        assert!(lists.are_current(Some(&chain(&[1])), 25));
        assert!(!lists.are_current(Some(&chain(&[1])), 30));
    }

    #[test]
    fn an_intermediates_list_counts_where_it_is_looked_up() {
        let (leaf, all) = (lists(&[(1, 0, 90), (2, 0, 20)], false), lists(&[(1, 0, 90), (2, 0, 20)], true));
        assert!(leaf.are_current(Some(&chain(&[1, 2])), 50));
        assert!(!all.are_current(Some(&chain(&[1, 2])), 50));
        assert!(all.are_current(Some(&chain(&[1, 2])), 19));
    }

    #[test]
    fn all_lists_are_current_for_an_unknown_chain() {
        let lists = lists(&[(1, 0, 20), (2, 0, 90)], true);
        for chain in [None, Some(chain(&[])), Some(chain(&[7]))] {
            assert!(lists.are_current(chain.as_ref(), 19), "{chain:?}");
            assert!(!lists.are_current(chain.as_ref(), 50), "{chain:?}");
        }
        assert!(RevocationLists::default().are_current(None, u64::MAX), "where there are none");
    }
}
