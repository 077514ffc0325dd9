//! A revocation as bytes, as nodes tell each other through the store.
//!
//! A byte for the version, eight for the time in network order, then the matcher by postcard. Nodes
//! of a fleet run different builds while it is updated, and a revocation that a node does not
//! understand must not be one that it does not obey. So the first nine bytes mean the same in every
//! version, and what cannot be told of the rest counts as the widest there is.

use super::Revocation;
use crate::store::Notice;

/// The encoding's version.
const VERSION: u8 = 1;

/// A notice that is no revocation of this version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unread {
    /// Its time can be read, and no more: all sessions up to it are revoked.
    Matcher {
        /// As in [`Revocation::before`].
        before: u64,
    },
    /// Nothing of it can be read: all sessions up to the time when it came are revoked.
    Everything,
}

impl Unread {
    /// Its time, if that can be read.
    pub fn before(&self) -> Option<u64> {
        match self {
            Unread::Matcher { before } => Some(*before),
            Unread::Everything => None,
        }
    }
}

impl Revocation {
    /// The revocation as a notice.
    ///
    /// # Errors
    /// None that is known of; the serializer's type has one.
    pub fn encode(&self) -> Result<Notice, postcard::Error> {
        let head = [&[VERSION][..], &self.before.to_be_bytes()].concat();
        let bytes = postcard::to_extend(&self.matcher, head)?;
        Ok(Notice { bytes, expires: self.expires })
    }

    /// The revocation in a notice.
    ///
    /// # Errors
    /// It is of another version, or malformed: how much of it can be read.
    pub fn decode(notice: &Notice) -> Result<Self, Unread> {
        let (version, rest) = notice.bytes.split_first().ok_or(Unread::Everything)?;
        let (before, matcher) = rest.split_first_chunk().ok_or(Unread::Everything)?;
        let before = u64::from_be_bytes(*before);
        let unread = Unread::Matcher { before };
        if *version != VERSION {
            return Err(unread);
        }
        match postcard::take_from_bytes(matcher) {
            Ok((matcher, [])) => Ok(Self { matcher, before, expires: notice.expires }),
            _ => Err(unread),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::revocation::Matcher;
    use reprise_session::hex::hex;

    fn all() -> Vec<Revocation> {
        let note = |policy: Option<&str>| Matcher::Note { policy: policy.map(str::to_owned), note: vec![1, 2] };
        [
            Matcher::ServerName("a.example".into()),
            Matcher::NoServerName,
            Matcher::Certificate([7; 32]),
            note(None),
            note(Some("tenants")),
            Matcher::All,
        ]
        .map(|matcher| Revocation { matcher, before: 1_700_000_000, expires: 1_700_604_800 })
        .into()
    }

    #[test]
    fn a_revocation_decodes_to_what_was_encoded() {
        for revocation in all() {
            assert_eq!(Revocation::decode(&revocation.encode().unwrap()), Ok(revocation));
        }
    }

    /// Nodes of a fleet run different builds: what version 1 means never changes.
    #[test]
    fn the_encoding_of_version_1_stays_as_it_is() {
        let encoded: Vec<String> = all().iter().map(|each| hex(&each.encode().unwrap().bytes)).collect();
        let head = "01000000006553f100";
        assert_eq!(
            encoded,
            [
                format!("{head}0009612e6578616d706c65"),
                format!("{head}01"),
                format!("{head}02{}", "07".repeat(32)),
                format!("{head}0300020102"),
                format!("{head}03010774656e616e7473020102"),
                format!("{head}04"),
            ]
        );
    }

    #[test]
    fn of_what_is_not_understood_the_time_is_read_as_far_as_it_is_there() {
        let whole = all()[0].encode().unwrap();
        let with = |bytes: &[u8]| Revocation::decode(&Notice { bytes: bytes.into(), expires: 1 });
        let time_alone: Result<Revocation, _> = Err(Unread::Matcher { before: 1_700_000_000 });
        for end in 0..whole.bytes.len() {
            let expected = if end < 9 { Err(Unread::Everything) } else { time_alone.clone() };
            assert_eq!(with(&whole.bytes[..end]), expected, "{end}");
        }
        let mut another = whole.bytes.clone();
        another[0] = 2;
        assert_eq!(with(&another), time_alone.clone(), "another version");
        another = whole.bytes.clone();
        another[9] = 9;
        assert_eq!(with(&another), time_alone, "another kind");
        assert_eq!(with(&[&whole.bytes[..], &[0]].concat()), time_alone, "something follows");
    }
}
