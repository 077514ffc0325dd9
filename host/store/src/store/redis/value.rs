//! What stands under a session's key: three bytes and a stamp of the store's, then the record.
//!
//! Format (1), flags, and the length of the stamp, which the script that writes it fills in. See `scripts/`.

use redis::Value;

use crate::store::{Entry, Found, Reach, RecordBytes};

const FORMAT: u8 = 1;
const SINGLE_USE: u8 = 1;
const FLEET: u8 = 2;

/// The first bytes, before the stamp.
pub fn header(entry: &Entry) -> [u8; 2] {
    let single_use = if entry.single_use { SINGLE_USE } else { 0 };
    let fleet = if entry.reach == Reach::Fleet { FLEET } else { 0 };
    [FORMAT, single_use | fleet]
}

/// What a fetch has brought.
pub enum Fetched {
    Nothing,
    /// Something is there that this version did not write.
    Foreign,
    Found(Found),
}

impl Fetched {
    /// Of the answer of the script `fetch`; none if it is no answer of its.
    pub fn read(answer: Value) -> Option<Self> {
        match answer {
            Value::Nil => Some(Self::Nothing),
            Value::Int(0) => Some(Self::Foreign),
            Value::Array(parts) => match <[Value; 3]>::try_from(parts).ok()? {
                [Value::BulkString(value), Value::Int(left), Value::Int(consumed)] => {
                    Some(Self::value(&value, left, consumed == 1))
                }
                _ => None,
            },
            _ => None,
        }
    }

    /// A value, and the milliseconds that it has left.
    pub fn value(value: &[u8], left: i64, consumed: bool) -> Self {
        let [FORMAT, flags, stamp, rest @ ..] = value else { return Self::Foreign };
        // What has no time to live is nothing that a store has put here.
        let (Some(record), Ok(left)) = (rest.get(usize::from(*stamp)..), u64::try_from(left)) else {
            return Self::Foreign;
        };
        Self::Found(Found {
            record: RecordBytes::new(record.to_vec()),
            prototype: None,
            fetches: 0,
            consumed,
            single_use: flags & SINGLE_USE != 0,
            wants_prototype: false,
            reach: if flags & FLEET == 0 { Reach::Node } else { Reach::Fleet },
            remaining: Some(left.div_ceil(1000)),
            since: None,
            tier: 0,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(value: &[u8], left: i64) -> Option<Fetched> {
        Fetched::read(Value::Array(vec![Value::BulkString(value.to_vec()), Value::Int(left), Value::Int(0)]))
    }

    #[test]
    fn the_time_that_is_left_is_rounded_up() {
        let Some(Fetched::Found(found)) = answer(b"\x01\x02\x04abcdrecord", 1001) else { panic!("it is there") };
        assert_eq!((&*found.record, found.remaining, found.reach), (b"record".as_slice(), Some(2), Reach::Fleet));
    }

    #[test]
    fn what_another_version_or_program_wrote_is_foreign() {
        for value in [b"".as_slice(), b"\x01", b"\x01\x00", b"\x02\x00\x00record", b"\x01\x00\xffshort"] {
            assert!(matches!(answer(value, 1000), Some(Fetched::Foreign)), "{value:?}");
        }
        assert!(matches!(answer(b"\x01\x00\x00record", -1), Some(Fetched::Foreign)), "it never expires");
    }

    #[test]
    fn an_answer_that_no_script_of_ours_gives_is_none() {
        for value in
            [Value::Okay, Value::Int(7), Value::Array(vec![]), Value::Array(vec![Value::Nil, Value::Nil, Value::Nil])]
        {
            assert!(Fetched::read(value).is_none());
        }
    }
}
