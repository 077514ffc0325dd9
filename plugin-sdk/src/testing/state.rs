//! The host's `state`, in a map: same limits, same errors, a clock that tests move.

use std::{cell::RefCell, collections::BTreeMap};

use crate::state::Error;

const BYTES: usize = 1 << 20;
const KEYS: usize = 16_384;
const KEY_BYTES: usize = 256;
const VALUE_BYTES: usize = 4_096;

enum Value {
    Bytes(Vec<u8>),
    Counter(i64),
}

impl Value {
    fn len(&self) -> usize {
        match self {
            Value::Bytes(bytes) => bytes.len(),
            Value::Counter(_) => 8,
        }
    }
}

struct Entry {
    value: Value,
    /// In seconds of this thread's clock.
    expires: Option<u64>,
}

#[derive(Default)]
struct Memory {
    clock: u64,
    entries: BTreeMap<String, Entry>,
    /// Of all keys and values: to add them up at each write would take a test that fills it half a minute.
    bytes: usize,
}

impl Memory {
    /// Nothing expires at another time.
    fn pass(&mut self, seconds: u64) {
        self.clock += seconds;
        let (clock, bytes) = (self.clock, &mut self.bytes);
        self.entries.retain(|key, entry| {
            let stays = entry.expires.is_none_or(|expires| expires > clock);
            if !stays {
                *bytes -= key.len() + entry.value.len();
            }
            stays
        });
    }

    fn remove(&mut self, key: &str) -> bool {
        let removed = self.entries.remove(key);
        self.bytes -= removed.as_ref().map_or(0, |entry| key.len() + entry.value.len());
        removed.is_some()
    }

    fn put(&mut self, key: &str, value: Value, ttl: u32) -> Result<(), Error> {
        if key.len() > KEY_BYTES || value.len() > VALUE_BYTES {
            return Err(Error::TooLarge);
        }
        let replaced = self.entries.get(key).map(|entry| key.len() + entry.value.len());
        let keys = self.entries.len() - usize::from(replaced.is_some());
        let bytes = self.bytes - replaced.unwrap_or(0);
        if keys + 1 > KEYS || bytes + key.len() + value.len() > BYTES {
            return Err(Error::Full);
        }
        let expires = (ttl > 0).then(|| self.clock + u64::from(ttl));
        self.bytes = bytes + key.len() + value.len();
        self.entries.insert(key.to_owned(), Entry { value, expires });
        Ok(())
    }
}

thread_local! {
    static MEMORY: RefCell<Memory> = RefCell::default();
}

/// Lets `seconds` pass for [`crate::state`] on this thread.
pub fn pass(seconds: u64) {
    MEMORY.with_borrow_mut(|memory| memory.pass(seconds));
}

pub(crate) fn get(key: &str) -> Option<Vec<u8>> {
    MEMORY.with_borrow(|memory| {
        Some(match &memory.entries.get(key)?.value {
            Value::Bytes(bytes) => bytes.clone(),
            Value::Counter(sum) => sum.to_le_bytes().to_vec(),
        })
    })
}

pub(crate) fn set(key: &str, value: &[u8], ttl: u32) -> Result<(), Error> {
    MEMORY.with_borrow_mut(|memory| memory.put(key, Value::Bytes(value.to_vec()), ttl))
}

pub(crate) fn increment(key: &str, by: i64, ttl: u32) -> Result<i64, Error> {
    MEMORY.with_borrow_mut(|memory| match memory.entries.get_mut(key).map(|entry| &mut entry.value) {
        Some(Value::Counter(sum)) => {
            *sum = sum.saturating_add(by);
            Ok(*sum)
        }
        Some(Value::Bytes(_)) => Err(Error::NotANumber),
        None => memory.put(key, Value::Counter(by), ttl).map(|()| by),
    })
}

pub(crate) fn delete(key: &str) -> bool {
    MEMORY.with_borrow_mut(|memory| memory.remove(key))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_gone_when_its_time_has_passed() {
        set("a", b"1", 10).unwrap();
        set("for ever", b"1", 0).unwrap();
        pass(9);
        assert_eq!(get("a"), Some(b"1".to_vec()));
        pass(1);
        assert_eq!(get("a"), None);
        assert!(!delete("a"));
        assert!(delete("for ever"));
    }

    #[test]
    fn counting_on_does_not_prolong_a_counter() {
        assert_eq!(increment("n", 2, 10), Ok(2));
        pass(9);
        assert_eq!(increment("n", 3, 10), Ok(5));
        assert_eq!(get("n"), Some(5i64.to_le_bytes().to_vec()));
        pass(1);
        assert_eq!(increment("n", 1, 10), Ok(1));
    }

    #[test]
    fn a_value_that_was_set_is_not_a_counter() {
        set("a", b"1", 0).unwrap();
        assert_eq!(increment("a", 1, 0), Err(Error::NotANumber));
    }

    #[test]
    fn what_is_too_large_is_not_written() {
        assert_eq!(set(&"k".repeat(257), b"", 0), Err(Error::TooLarge));
        assert_eq!(set("k", &[0; 4_097], 0), Err(Error::TooLarge));
        assert_eq!(get("k"), None);
    }

    #[test]
    fn a_full_state_says_so_and_still_takes_a_smaller_value_for_a_key_it_has() {
        let mut written = 0;
        while set(&format!("{written:04}"), &[0; 4_096], 0).is_ok() {
            written += 1;
        }
        assert_eq!(written, BYTES / 4_100);
        assert_eq!(set("new", &[0; 4_096], 0), Err(Error::Full));
        assert_eq!(set("0000", b"small", 0), Ok(()));
    }

    #[test]
    fn what_is_replaced_deleted_or_expired_makes_room() {
        for round in 0..3 {
            let key = |number: usize| format!("{number:0256}");
            let filled = (0..).find(|number| set(&key(*number), &[round; 4_096], 10).is_err()).unwrap();
            assert_eq!(filled, BYTES / (256 + 4_096), "round {round}");
            assert_eq!(set(&key(0), &[0; 4_096], 10), Ok(()));
            match round {
                0 => pass(10),
                _ => assert!((0..filled).all(|number| delete(&key(number)))),
            }
        }
    }
}
