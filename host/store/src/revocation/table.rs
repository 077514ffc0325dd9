//! The revocations in force, by key: a check looks up what the session has, and never walks through them.

use std::{collections::HashMap, sync::Arc};

use arc_swap::ArcSwapOption;
use reprise_session::session::{Record, ServerName};

use super::{ALLOWANCE, AT_LEAST, Matcher, Revocation, Unread};
use crate::store::Notice;

/// Notices that cannot be read and are remembered, so that they are not new each time that they are told again.
const UNREAD: usize = 1024;

/// The revocations in force. None where there are none, so that a check costs next to nothing.
#[derive(Default)]
pub struct Table(ArcSwapOption<InForce>);

/// Up to when, and for how long: seconds since the Unix epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Rule {
    before: u64,
    expires: u64,
}

/// A rule for each key. Two of the same key are one that goes as far as both.
#[derive(Clone, Default)]
struct InForce {
    server_names: HashMap<String, Rule>,
    no_server_name: Option<Rule>,
    certificates: HashMap<[u8; 32], Rule>,
    /// By note, for any policy's and for those of one.
    notes: HashMap<Vec<u8>, HashMap<Option<String>, Rule>>,
    all: Option<Rule>,
    /// Notices of which nothing can be read, and when they are forgotten.
    unread: HashMap<Vec<u8>, u64>,
}

impl Table {
    /// Whether a session is revoked.
    pub fn revokes(&self, record: &Record) -> bool {
        let in_force = self.0.load();
        in_force.as_ref().is_some_and(|in_force| in_force.revokes(record))
    }

    /// Puts a revocation in force.
    pub fn add(&self, revocation: &Revocation) {
        self.change(|in_force| in_force.add(revocation));
    }

    /// Puts in force what the store says is. What it says no more stays in force until it expires:
    /// a store that was wiped takes nothing back.
    pub fn merge(&self, notices: &[Notice], now: u64) {
        let told: Vec<_> = notices.iter().map(|notice| (notice, Revocation::decode(notice))).collect();
        self.change(|in_force| {
            for (notice, revocation) in &told {
                match revocation {
                    Ok(revocation) => in_force.add(revocation),
                    Err(unread) => in_force.add_unread(notice, *unread, now),
                }
            }
        });
    }

    /// Forgets what has expired.
    pub fn expire(&self, now: u64) {
        let expired = |in_force: &InForce| in_force.expiries().any(|expires| expires <= now);
        if self.0.load().as_ref().is_some_and(|in_force| expired(in_force)) {
            self.change(|in_force| in_force.expire(now));
        }
    }

    /// Those in force, the furthest-reaching first.
    pub fn list(&self) -> Vec<Revocation> {
        let mut list = self.0.load().as_ref().map(|in_force| in_force.list()).unwrap_or_default();
        list.sort_by_key(|revocation| std::cmp::Reverse(revocation.before));
        list
    }

    fn change(&self, change: impl Fn(&mut InForce)) {
        self.0.rcu(|before| {
            let mut in_force = before.as_deref().cloned().unwrap_or_default();
            change(&mut in_force);
            (!in_force.is_empty()).then(|| Arc::new(in_force))
        });
    }
}

impl Rule {
    fn of(revocation: &Revocation) -> Self {
        Self { before: revocation.before, expires: revocation.expires }
    }

    /// As far as both, and for as long.
    fn widen(&mut self, other: Self) {
        self.before = self.before.max(other.before);
        self.expires = self.expires.max(other.expires);
    }

    fn hits(&self, record: &Record) -> bool {
        record.authenticated <= self.before
    }
}

impl InForce {
    fn revokes(&self, record: &Record) -> bool {
        let by_name = match &record.border.server_name {
            Some(name) => self.server_names.get(name.as_str()),
            None => self.no_server_name.as_ref(),
        };
        let certificate = record.peer_certificate.as_ref();
        let certificate = certificate.and_then(|certificate| <&[u8; 32]>::try_from(&*certificate.sha256).ok());
        let by_certificate = certificate.and_then(|sha256| self.certificates.get(sha256));
        [self.all.as_ref(), by_name, by_certificate].into_iter().flatten().any(|rule| rule.hits(record))
            || record.notes.iter().any(|(policy, note)| self.revokes_note(policy, note, record))
    }

    fn revokes_note(&self, policy: &str, note: &[u8], record: &Record) -> bool {
        // A key for the lookup is made only where the note is one of those revoked.
        self.notes.get(note).is_some_and(|rules| {
            let of = |policy: Option<String>| rules.get(&policy).is_some_and(|rule| rule.hits(record));
            of(None) || of(Some(policy.to_owned()))
        })
    }

    fn add(&mut self, revocation: &Revocation) {
        let rule = match &revocation.matcher {
            Matcher::ServerName(name) => self.server_names.entry(ServerName::spelling(name)).or_default(),
            Matcher::NoServerName => self.no_server_name.get_or_insert_default(),
            Matcher::Certificate(sha256) => self.certificates.entry(*sha256).or_default(),
            Matcher::Note { policy, note } => {
                self.notes.entry(note.clone()).or_default().entry(policy.clone()).or_default()
            }
            Matcher::All => self.all.get_or_insert_default(),
        };
        rule.widen(Rule::of(revocation));
    }

    /// A revocation that cannot be read revokes all that it might mean. That costs full handshakes;
    /// the other way round, what an operator revoked would resume.
    fn add_unread(&mut self, notice: &Notice, unread: Unread, now: u64) {
        let before = match unread {
            Unread::Matcher { before } => before,
            Unread::Everything => {
                // The store tells all notices each time that one is added: only the first time counts.
                if self.unread.contains_key(&notice.bytes) {
                    return;
                }
                let forgotten = notice.expires.min(now.saturating_add(AT_LEAST));
                if self.unread.len() < UNREAD {
                    self.unread.insert(notice.bytes.clone(), forgotten);
                }
                now.saturating_add(ALLOWANCE)
            }
        };
        let known = Rule { before, expires: notice.expires };
        if self.all.is_some_and(|all| all.before >= known.before && all.expires >= known.expires) {
            return;
        }
        tracing::warn!(
            before,
            "a revocation by a node of another version cannot be read: all sessions authenticated before are revoked here"
        );
        self.add(&Revocation { matcher: Matcher::All, before, expires: notice.expires });
    }

    fn expire(&mut self, now: u64) {
        let lives = |rule: &Rule| rule.expires > now;
        self.server_names.retain(|_, rule| lives(rule));
        self.no_server_name = self.no_server_name.filter(lives);
        self.certificates.retain(|_, rule| lives(rule));
        self.notes.values_mut().for_each(|rules| rules.retain(|_, rule| lives(rule)));
        self.notes.retain(|_, rules| !rules.is_empty());
        self.all = self.all.filter(lives);
        self.unread.retain(|_, expires| *expires > now);
    }

    fn is_empty(&self) -> bool {
        self.rules().next().is_none() && self.unread.is_empty()
    }

    fn expiries(&self) -> impl Iterator<Item = u64> {
        self.rules().map(|rule| rule.expires).chain(self.unread.values().copied())
    }

    fn rules(&self) -> impl Iterator<Item = &Rule> {
        let notes = self.notes.values().flat_map(HashMap::values);
        let keyless = self.no_server_name.iter().chain(&self.all);
        self.server_names.values().chain(self.certificates.values()).chain(notes).chain(keyless)
    }

    fn list(&self) -> Vec<Revocation> {
        let of = |matcher, rule: &Rule| Revocation { matcher, before: rule.before, expires: rule.expires };
        let names = self.server_names.iter().map(|(name, rule)| of(Matcher::ServerName(name.clone()), rule));
        let nameless = self.no_server_name.iter().map(|rule| of(Matcher::NoServerName, rule));
        let certificates = self.certificates.iter().map(|(sha256, rule)| of(Matcher::Certificate(*sha256), rule));
        let notes = self.notes.iter().flat_map(|(note, rules)| {
            rules.iter().map(|(policy, rule)| of(Matcher::Note { policy: policy.clone(), note: note.clone() }, rule))
        });
        let all = self.all.iter().map(|rule| of(Matcher::All, rule));
        names.chain(nameless).chain(certificates).chain(notes).chain(all).collect()
    }
}
