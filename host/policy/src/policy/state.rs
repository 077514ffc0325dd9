//! The `state` import: a policy's memory on this node.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use super::wit::state::Error;

/// Bytes of keys and values of one policy.
const MAX_BYTES: usize = 1 << 20;
const MAX_KEYS: usize = 16_384;
const MAX_KEY: usize = 256;
const MAX_VALUE: usize = 4_096;
const COUNTER: usize = size_of::<i64>();

/// What one policy remembers, bounded. The time is given, so that it is the caller's clock.
#[derive(Debug, Default)]
pub(super) struct State {
    entries: HashMap<String, Entry>,
    /// Bytes of all keys and values.
    bytes: usize,
    /// No entry's time passes before this, so that a full state is not swept in vain at every write.
    earliest: Option<Instant>,
}

#[derive(Debug)]
struct Entry {
    value: Value,
    expires: Option<Instant>,
}

#[derive(Debug)]
enum Value {
    Bytes(Vec<u8>),
    Counter(i64),
}

impl State {
    pub(super) fn get(&self, now: Instant, key: &str) -> Option<Vec<u8>> {
        let entry = self.entries.get(key).filter(|entry| !entry.passed(now))?;
        Some(match &entry.value {
            Value::Bytes(bytes) => bytes.clone(),
            Value::Counter(count) => count.to_le_bytes().to_vec(),
        })
    }

    pub(super) fn set(&mut self, now: Instant, key: String, value: Vec<u8>, ttl: u32) -> Result<(), Error> {
        if key.len() > MAX_KEY || value.len() > MAX_VALUE {
            return Err(Error::TooLarge);
        }
        self.insert(now, key, Value::Bytes(value), ttl)
    }

    pub(super) fn increment(&mut self, now: Instant, key: String, by: i64, ttl: u32) -> Result<i64, Error> {
        if key.len() > MAX_KEY {
            return Err(Error::TooLarge);
        }
        match self.entries.get_mut(&key).filter(|entry| !entry.passed(now)) {
            Some(Entry { value: Value::Counter(count), .. }) => {
                *count = count.saturating_add(by);
                Ok(*count)
            }
            Some(Entry { value: Value::Bytes(_), .. }) => Err(Error::NotANumber),
            None => self.insert(now, key, Value::Counter(by), ttl).map(|()| by),
        }
    }

    pub(super) fn delete(&mut self, now: Instant, key: &str) -> bool {
        let Some(entry) = self.entries.remove(key) else { return false };
        self.bytes -= key.len() + entry.value.len();
        !entry.passed(now)
    }

    fn insert(&mut self, now: Instant, key: String, value: Value, ttl: u32) -> Result<(), Error> {
        if !self.has_room(&key, &value) {
            self.sweep(now);
            if !self.has_room(&key, &value) {
                return Err(Error::Full);
            }
        }
        let expires = (ttl > 0).then(|| now.checked_add(Duration::from_secs(ttl.into()))).flatten();
        if let Some(expires) = expires {
            self.earliest = Some(self.earliest.map_or(expires, |earliest| earliest.min(expires)));
        }
        self.bytes += key.len() + value.len();
        let key_length = key.len();
        if let Some(old) = self.entries.insert(key, Entry { value, expires }) {
            self.bytes -= key_length + old.value.len();
        }
        Ok(())
    }

    fn has_room(&self, key: &str, value: &Value) -> bool {
        match self.entries.get(key) {
            Some(old) => self.bytes - old.value.len() + value.len() <= MAX_BYTES,
            None => self.entries.len() < MAX_KEYS && self.bytes + key.len() + value.len() <= MAX_BYTES,
        }
    }

    /// Gives up the entries whose time has passed.
    fn sweep(&mut self, now: Instant) {
        if self.earliest.is_none_or(|earliest| earliest > now) {
            return;
        }
        self.entries.retain(|_, entry| !entry.passed(now));
        self.bytes = self.entries.iter().map(|(key, entry)| key.len() + entry.value.len()).sum();
        self.earliest = self.entries.values().filter_map(|entry| entry.expires).min();
    }
}

impl Entry {
    fn passed(&self, now: Instant) -> bool {
        self.expires.is_some_and(|expires| expires <= now)
    }
}

impl Value {
    fn len(&self) -> usize {
        match self {
            Value::Bytes(bytes) => bytes.len(),
            Value::Counter(_) => COUNTER,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_value_is_there_until_its_time_has_passed() {
        let (mut state, start) = (State::default(), Instant::now());
        state.set(start, "a".into(), b"1".to_vec(), 2).unwrap();
        state.set(start, "b".into(), b"2".to_vec(), 0).unwrap();
        assert_eq!(state.get(start + SECOND, "a"), Some(b"1".to_vec()));
        assert_eq!(state.get(start + 2 * SECOND, "a"), None);
        assert!(!state.delete(start + 2 * SECOND, "a"));
        assert_eq!(state.get(start + 1_000_000 * SECOND, "b"), Some(b"2".to_vec()));
        assert!(state.delete(start, "b"));
        assert_eq!(state.bytes, 0);
    }

    #[test]
    fn a_counter_saturates_keeps_its_time_and_starts_anew_after_it() {
        let (mut state, start) = (State::default(), Instant::now());
        assert_eq!(state.increment(start, "n".into(), 3, 2), Ok(3));
        assert_eq!(state.increment(start + SECOND, "n".into(), i64::MAX, 100), Ok(i64::MAX));
        assert_eq!(state.get(start, "n"), Some(i64::MAX.to_le_bytes().to_vec()));
        assert_eq!(state.increment(start + 2 * SECOND, "n".into(), -1, 2), Ok(-1));
        assert_eq!(state.bytes, 1 + COUNTER);
    }

    #[test]
    fn a_value_is_not_a_number() {
        let (mut state, now) = (State::default(), Instant::now());
        state.set(now, "a".into(), 1_i64.to_le_bytes().to_vec(), 0).unwrap();
        assert_eq!(state.increment(now, "a".into(), 1, 0), Err(Error::NotANumber));
    }

    #[test]
    fn keys_and_values_have_a_greatest_length() {
        let (mut state, now) = (State::default(), Instant::now());
        assert_eq!(state.set(now, "k".repeat(257), Vec::new(), 0), Err(Error::TooLarge));
        assert_eq!(state.increment(now, "k".repeat(257), 1, 0), Err(Error::TooLarge));
        assert_eq!(state.set(now, "k".into(), vec![0; 4097], 0), Err(Error::TooLarge));
        assert_eq!(state.set(now, "k".repeat(256), vec![0; 4096], 0), Ok(()));
    }

    #[test]
    fn a_full_state_takes_a_write_only_once_an_entry_has_passed() {
        let (mut state, start) = (State::default(), Instant::now());
        let mut writes = 0;
        while state.set(start, format!("{writes}"), vec![0; MAX_VALUE], 10 + writes).is_ok() {
            writes += 1;
        }
        assert!(state.bytes <= MAX_BYTES && state.bytes > MAX_BYTES - 2 * MAX_VALUE);
        assert_eq!(state.set(start, "0".into(), vec![1; MAX_VALUE], 10), Ok(()), "over what is there");
        assert_eq!(state.set(start + 9 * SECOND, "late".into(), vec![0; MAX_VALUE], 0), Err(Error::Full));
        assert_eq!(state.set(start + 10 * SECOND, "late".into(), vec![0; MAX_VALUE], 0), Ok(()));
        assert_eq!(state.set(start + 10 * SECOND, "later".into(), vec![0; MAX_VALUE], 0), Err(Error::Full));
    }

    #[test]
    fn keys_are_counted_too() {
        let (mut state, now) = (State::default(), Instant::now());
        for key in 0..MAX_KEYS {
            state.increment(now, key.to_string(), 1, 0).unwrap();
        }
        assert_eq!(state.increment(now, "one more".into(), 1, 0), Err(Error::Full));
        assert_eq!(state.increment(now, "7".into(), 1, 0), Ok(2));
    }
}
