//! What would have more clients resume, computed from what was counted, each with the numbers behind it.
//!
//! None is given before there is enough to go by, and each says what it is about by a name that stays.

mod networks;

use std::collections::BTreeMap;

use reprise_session::session::Step;
use serde::{Deserialize, Serialize};

use crate::{Host, recent::Recent, status::Funnel};

/// Fewer than these say nothing.
const ENOUGH: u64 = 20;
/// What share of something is worth a word, in percent.
const SHARE: u64 = 10;

/// One piece of advice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Advice {
    /// What it is about: `lifetime-too-short`, `store-too-small`, `policy-objects`, `network-never-offers`, `tickets-only`.
    pub about: String,
    /// It, in a sentence.
    pub says: String,
    /// The numbers behind it, by name.
    pub numbers: BTreeMap<String, u64>,
}

/// What advice is computed from.
struct Facts<'a> {
    funnel: &'a Funnel,
    /// Seconds that a session resumes where no policy says.
    lifetime: u64,
    /// Sessions that the store gave up because it was full, and because their time had passed.
    evicted: u64,
    expired: u64,
    /// Of each policy, how often it let a session resume and how often not.
    policies: Vec<(String, [u64; 2])>,
    recent: &'a [Recent],
}

impl Host {
    /// What would have more clients resume. Takes locks for a moment, and allocates: not on a handshake's thread.
    pub fn advice(&self) -> Vec<Advice> {
        let resources = &self.inner().resources;
        let usage = resources.store.usage();
        let chain = self.inner().policies_now().chain;
        let policies = chain.policies().iter().map(|policy| {
            let [_, _, resume, without_early_data, full, ..] = policy.counts().verdicts();
            (policy.name().to_owned(), [resume + without_early_data, full])
        });
        let recent = self.recent(&crate::recent::Query::default()).unwrap_or_default();
        let funnel = Funnel::of(&resources.counts.funnel);
        let facts = Facts {
            funnel: &funnel,
            lifetime: resources.limits.lifetime,
            evicted: usage.evicted,
            expired: usage.expired,
            policies: policies.collect(),
            recent: &recent,
        };
        facts.advice()
    }
}

impl Advice {
    fn new(about: &str, says: String, numbers: &[(&str, u64)]) -> Self {
        let numbers = numbers.iter().map(|(name, number)| ((*name).to_owned(), *number)).collect();
        Self { about: about.into(), says, numbers }
    }
}

impl Facts<'_> {
    fn advice(&self) -> Vec<Advice> {
        let mut all: Vec<_> = self.absent().into_iter().chain(self.tickets_only()).collect();
        all.extend(self.policies.iter().filter_map(|(name, [resume, full])| objects(name, *resume, *full)));
        all.extend(networks::never_offer(self.recent));
        all
    }

    fn ended(&self, reason: &str) -> u64 {
        let outcomes = self.funnel.outcomes.iter().filter(|outcome| outcome.reason == reason);
        outcomes.map(|outcome| outcome.handshakes).sum()
    }

    fn came_to(&self, step: Step) -> u64 {
        self.funnel.steps.iter().find(|passed| passed.step == step).map_or(0, |passed| passed.handshakes)
    }

    /// Sessions that were this fleet's and are there no more: given up when they were too old, or to make room.
    fn absent(&self) -> Option<Advice> {
        let (offered, not_found, past) = (self.came_to(Step::Ours), self.ended("not-found"), self.ended("expired"));
        let absent = not_found + past;
        if !is_much(absent, offered) {
            return None;
        }
        let share = absent * 100 / offered;
        let numbers = [
            ("offered", offered),
            ("not_found", not_found),
            ("expired", past),
            ("store_evicted", self.evicted),
            ("store_expired", self.expired),
            ("lifetime_seconds", self.lifetime),
        ];
        // What was given up for room had its time still.
        if self.evicted > self.expired && not_found > past {
            let says = format!(
                "{share} % of the {offered} sessions that clients offered were there no more, and the store gave up {} to make room \
                 ({} because their time had passed): a larger --store keeps them",
                self.evicted, self.expired
            );
            return Some(Advice::new("store-too-small", says, &numbers));
        }
        let says = format!(
            "{share} % of the {offered} sessions that clients offered had expired or were there no more: a longer --lifetime (now {} s, \
             or what a policy says) lets up to {absent} resume, which is an estimate: clients stop offering what their ticket says is over",
            self.lifetime
        );
        Some(Advice::new("lifetime-too-short", says, &numbers))
    }

    fn tickets_only(&self) -> Option<Advice> {
        let of_tls12 = self.funnel.outcomes.iter().filter(|outcome| outcome.version == "1.2");
        let (mut all, mut tickets) = (0, 0);
        for outcome in of_tls12 {
            all += outcome.handshakes;
            tickets += if outcome.reason == "ticket" { outcome.handshakes } else { 0 };
        }
        is_much(tickets, all).then(|| {
            let says = format!(
                "{tickets} of {all} clients of TLS 1.2 offered a ticket and no session id, as Go's do: they resume in TLS 1.3 alone"
            );
            Advice::new("tickets-only", says, &[("tickets", tickets), ("handshakes_tls12", all)])
        })
    }
}

fn objects(name: &str, resume: u64, full: u64) -> Option<Advice> {
    let all = resume + full;
    (full >= ENOUGH && full * 2 > all).then(|| {
        let says = format!(
            "policy `{name}` objects to {full} of the {all} sessions that it was asked about and that the host would have resumed"
        );
        Advice::new("policy-objects", says, &[("objected", full), ("asked", all)])
    })
}

/// Whether this many of so many are worth a word.
fn is_much(of_these: u64, all: u64) -> bool {
    of_these >= ENOUGH && of_these * 100 >= all * SHARE
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::funnel::{Funnel as Counts, REASONS, Reason, VERSIONS};
    use reprise_policy::policy::Callback;
    use reprise_session::session::Miss;

    fn counted(ends: &[(i32, Reason, u64)]) -> Funnel {
        let counts = Counts::default();
        for (version, reason, times) in ends {
            (0..*times).for_each(|_| counts.ended(*version, *reason, None));
        }
        Funnel::of(&counts)
    }

    fn about(funnel: &Funnel, change: impl Fn(&mut Facts<'_>)) -> Vec<String> {
        let mut facts = Facts { funnel, lifetime: 7_200, evicted: 0, expired: 0, policies: Vec::new(), recent: &[] };
        change(&mut facts);
        facts.advice().into_iter().map(|advice| advice.about).collect()
    }

    #[test]
    fn what_is_there_no_more_is_a_matter_of_time_or_of_room() {
        let gone = |times| counted(&[(0x0304, Reason::missed(&Miss::NotFound), times), (0x0304, Reason::RESUMED, 100)]);
        assert_eq!(about(&gone(50), |facts| facts.expired = 60), ["lifetime-too-short"]);
        assert_eq!(about(&gone(50), |facts| facts.evicted = 60), ["store-too-small"]);
        assert_eq!(about(&gone(ENOUGH - 1), |_| {}), [""; 0], "too few");
        let few = counted(&[(0x0304, Reason::missed(&Miss::NotFound), 50), (0x0304, Reason::RESUMED, 1_000)]);
        assert_eq!(about(&few, |_| {}), [""; 0], "a small share");
        let expired = counted(&[(0x0303, Reason::missed(&Miss::Expired), 50)]);
        assert_eq!(about(&expired, |facts| facts.evicted = 60), ["lifetime-too-short"]);
    }

    #[test]
    fn clients_that_know_tickets_alone_are_told_of() {
        let ticket = Reason::all()[2];
        assert_eq!(ticket.as_str(), "ticket");
        assert_eq!(about(&counted(&[(0x0303, ticket, 30), (0x0303, Reason::NOTHING, 100)]), |_| {}), ["tickets-only"]);
        assert_eq!(about(&counted(&[(0x0304, ticket, 30)]), |_| {}), [""; 0], "in TLS 1.3 they resume next time");
    }

    #[test]
    fn a_policy_that_objects_to_most_is_told_of() {
        let funnel = Funnel::default();
        let with = |resume, full| about(&funnel, |facts| facts.policies = vec![("a".into(), [resume, full])]);
        assert_eq!((with(10, 30), with(30, 30), with(0, 10)), (vec!["policy-objects".to_owned()], vec![], vec![]));
    }

    #[test]
    fn advice_has_its_numbers() {
        let funnel = counted(&[(0x0304, Reason::missed(&Miss::Expired), 30)]);
        let facts =
            Facts { funnel: &funnel, lifetime: 7_200, evicted: 0, expired: 1, policies: Vec::new(), recent: &[] };
        let advice = &facts.advice()[0];
        assert_eq!((advice.numbers["expired"], advice.numbers["lifetime_seconds"]), (30, 7_200));
        assert!(advice.says.contains("100 %") && advice.says.contains("estimate"), "{advice:?}");
    }

    #[test]
    fn what_is_counted_here_is_what_there_is() {
        for name in ["not-found", "expired", "ticket"] {
            assert!(REASONS.iter().any(|(reason, _)| *reason == name));
        }
        assert!(VERSIONS.iter().any(|(version, _)| *version == "1.2"));
        let resume: Vec<_> = reprise_policy::policy::VERDICTS[2..5].iter().map(|(callback, _)| *callback).collect();
        assert_eq!(resume, [Callback::Get; 3]);
    }
}
