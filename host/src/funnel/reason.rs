//! Why a handshake came no further on the way to a resumption.

use reprise_openssl::{facts::Offered, hello::Hello};
use reprise_session::session::{Miss, Step};

/// Those that are no [`Miss`]: none has offered a session that may have been one of ours.
const OTHERS: [(&str, Step); 4] = [
    ("resumed", Step::Resumed),
    (Offered::Nothing.as_str(), Step::Connected),
    (Offered::Ticket.as_str(), Step::Offered),
    (Offered::Psk.as_str(), Step::Offered),
];

/// How many reasons there are.
pub const NUMBER: usize = OTHERS.len() + Miss::REASONS.len();

/// Every reason by its name, and how far a handshake comes for it. `resumed` is one, too.
pub const REASONS: [(&str, Step); NUMBER] = {
    let mut all = [OTHERS[0]; NUMBER];
    let mut at = 0;
    while at < NUMBER {
        all[at] = match at.checked_sub(OTHERS.len()) {
            None => OTHERS[at],
            Some(miss) => (Miss::REASONS[miss], Miss::STEPS[miss]),
        };
        at += 1;
    }
    all
};

/// One of [`REASONS`], by its place among them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reason(usize);

impl Default for Reason {
    fn default() -> Self {
        Self::NOTHING
    }
}

impl Reason {
    /// It resumed.
    pub const RESUMED: Self = Self(0);
    /// Its client offered nothing to resume, as far as is known.
    pub const NOTHING: Self = Self(1);
    const TICKET: Self = Self(2);
    const PSK: Self = Self(3);

    /// What was offered, and may have been ours, does not resume.
    pub fn missed(miss: &Miss) -> Self {
        Self(OTHERS.len() + miss.index())
    }

    /// Nothing was offered that may have been ours.
    pub fn without_session(hello: &Hello, tls13: bool) -> Self {
        match (hello.ticket, !hello.identities.is_empty()) {
            (false, false) => Self::NOTHING,
            (true, psk) if !(tls13 && psk) => Self::TICKET,
            _ => Self::PSK,
        }
    }

    /// Every one, in the order of [`REASONS`].
    #[cfg(test)]
    pub fn all() -> Vec<Self> {
        (0..NUMBER).map(Self).collect()
    }

    pub(super) fn index(self) -> usize {
        self.0
    }

    /// Its name.
    pub fn as_str(self) -> &'static str {
        REASONS[self.0].0
    }

    /// How far the handshake came.
    pub fn step(self) -> Step {
        REASONS[self.0].1
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_reason_has_a_name_of_its_own_and_every_step_a_reason() {
        let names: BTreeSet<_> = REASONS.iter().map(|(name, _)| name).collect();
        assert_eq!(names.len(), NUMBER);
        let steps: BTreeSet<_> = REASONS.iter().map(|(_, step)| *step).collect();
        assert_eq!(steps, BTreeSet::from(Step::ALL));
        assert_eq!((Reason::RESUMED.step(), Reason::NOTHING.as_str()), (Step::Resumed, "nothing"));
        assert_eq!(Reason::missed(&Miss::Policy("a".into())).as_str(), "policy");
    }

    #[test]
    fn what_is_not_ours_is_told_by_its_kind() {
        let offering = |ticket, psk: &[&[u8]]| Hello {
            ticket,
            identities: psk.iter().map(|identity| identity.to_vec()).collect(),
            ..Hello::default()
        };
        for (hello, tls12, tls13) in [
            (offering(false, &[]), "nothing", "nothing"),
            (offering(true, &[]), "ticket", "ticket"),
            (offering(false, &[b"a"]), "psk", "psk"),
            (offering(true, &[b"a"]), "ticket", "psk"),
        ] {
            let reason = |tls13| Reason::without_session(&hello, tls13).as_str();
            assert_eq!((reason(false), reason(true)), (tls12, tls13));
        }
    }
}
