//! How far a handshake comes on the way to a resumption.

use serde::{Deserialize, Serialize};

/// The last thing that holds of a handshake, each taking the ones before for granted. One that ends in full has a reason
/// for not having come further: of what was offered, a [`Miss`](super::Miss).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Step {
    /// The handshake is complete.
    Connected,
    /// Its client offered to resume something.
    Offered,
    /// That is a session that this fleet made.
    Ours,
    /// It was found, and can be read.
    Found,
    /// It may resume here, as far as the host goes.
    Fits,
    /// No policy objects.
    Agreed,
    /// It resumed.
    Resumed,
}

impl Step {
    /// All there are, in their order.
    pub const ALL: [Self; 7] =
        [Self::Connected, Self::Offered, Self::Ours, Self::Found, Self::Fits, Self::Agreed, Self::Resumed];

    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Connected => "connected",
            Self::Offered => "offered",
            Self::Ours => "ours",
            Self::Found => "found",
            Self::Fits => "fits",
            Self::Agreed => "agreed",
            Self::Resumed => "resumed",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_in_their_order_and_have_one_name() {
        assert!(Step::ALL.is_sorted_by(|before, after| before < after));
        for step in Step::ALL {
            assert_eq!(serde_json::to_value(step).unwrap(), step.as_str());
        }
    }
}
