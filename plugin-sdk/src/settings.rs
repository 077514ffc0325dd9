//! A policy's settings: the `[settings]` table of NAME.toml, read key by key into the policy's own types.
//!
//! The host hands the table over as a flat list of text: nested tables as dotted keys, arrays as repeated keys. [`Settings`]
//! turns it back. Each read names a key and a type; what cannot be read, and what nobody read, is an error that says which
//! key it was, what was expected and what was found.
//!
//! ```
//! use reprise_sdk::Settings;
//!
//! let pairs = [("limits.per-host", "1"), ("limits.per-host", "two"), ("tset", "x")];
//! let settings = || Settings::new(pairs.map(|(key, value)| (key.into(), value.into())).to_vec());
//!
//! let error = settings().read(|settings| settings.all::<u8>("limits.per-host")).unwrap_err();
//! assert_eq!(error.to_string(), "setting `limits.per-host`: expected a whole number from 0 to 255, found `two`");
//!
//! let error = settings().read(|settings| settings.all::<String>("limits.per-host")).unwrap_err();
//! assert_eq!(error.to_string(), "unknown setting `tset`; this policy knows `limits.per-host`");
//! ```

use std::{
    fmt::{self, Display},
    ops::RangeInclusive,
};

use crate::server_name::Name;

/// A type that one setting can be read as.
pub trait Setting: Sized {
    /// What is expected, to follow the word "expected": `a whole number`, `a network such as 10.0.0.0/8`.
    const EXPECTED: &'static str;

    /// Reads a value's text; `None` if it is not what is expected.
    fn parse(text: &str) -> Option<Self>;
}

/// The settings of a policy, to be read key by key.
#[derive(Debug)]
pub struct Settings {
    /// The dotted path of the table that this is a part of, with a dot at its end; empty for the whole.
    path: String,
    /// What nobody has read yet, in the order of the file.
    unread: Vec<(String, String)>,
    /// What was asked for, whether it was there or not; sorted.
    known: Vec<String>,
}

impl Settings {
    /// The settings as the host gives them.
    pub fn new(pairs: Vec<(String, String)>) -> Self {
        Self { path: String::new(), unread: pairs, known: Vec::new() }
    }

    /// Reads them with `read`, then makes sure that nothing was left unread.
    ///
    /// # Errors
    ///
    /// What `read` objects to; else [`SettingsError::Unknown`].
    pub fn read<T>(mut self, read: impl FnOnce(&mut Self) -> Result<T, SettingsError>) -> Result<T, SettingsError> {
        let value = read(&mut self)?;
        self.finish(value)
    }

    /// The one value of `key`; `None` if it is not set.
    ///
    /// # Errors
    ///
    /// [`SettingsError::Invalid`] if it is not a `T` or is an array of several.
    pub fn one<T: Setting>(&mut self, key: &str) -> Result<Option<T>, SettingsError> {
        match self.take(key).as_slice() {
            [] => Ok(None),
            [text] => self.parse(key, text).map(Some),
            several => Err(self.invalid(key, "one value", format!("{} values", several.len()))),
        }
    }

    /// The one number of `key`, which must lie in `range`; `None` if it is not set.
    ///
    /// # Errors
    ///
    /// [`SettingsError::Invalid`] if it is not a number, or not in the range.
    pub fn one_within<T>(&mut self, key: &str, range: RangeInclusive<T>) -> Result<Option<T>, SettingsError>
    where
        T: Setting + PartialOrd + Display,
    {
        match self.take(key).as_slice() {
            [] => Ok(None),
            [text] => match T::parse(text).filter(|number| range.contains(number)) {
                Some(number) => Ok(Some(number)),
                None => {
                    let expected = format!("a number from {} to {}", range.start(), range.end());
                    Err(self.invalid(key, expected, quoted(text)))
                }
            },
            several => Err(self.invalid(key, "one value", format!("{} values", several.len()))),
        }
    }

    /// Every value of `key`, in the order of the file; empty if it is not set.
    ///
    /// # Errors
    ///
    /// [`SettingsError::Invalid`] for the first that is not a `T`.
    pub fn all<T: Setting>(&mut self, key: &str) -> Result<Vec<T>, SettingsError> {
        self.take(key).iter().map(|text| self.parse(key, text)).collect()
    }

    /// Every value of `key`, each a server name, as the host spells it; empty if it is not set. For patterns of names there is
    /// [`server_name::Pattern`](crate::server_name::Pattern).
    ///
    /// # Errors
    ///
    /// [`SettingsError::Invalid`] for the first that is none.
    pub fn server_names(&mut self, key: &str) -> Result<Vec<String>, SettingsError> {
        Ok(self.all::<Name>(key)?.into_iter().map(String::from).collect())
    }

    /// The table `key`, whose keys are names of the user's choice with one value each, in the order of the file. A name may
    /// have dots in it: `[settings.lifetime] "a.example" = 600`.
    ///
    /// # Errors
    ///
    /// [`SettingsError::Invalid`] if a name is not an `N`, or a value not a `T`, or there are several for one name.
    pub fn table<N: Setting, T: Setting>(&mut self, key: &str) -> Result<Vec<(N, T)>, SettingsError> {
        insert(&mut self.known, format!("{}{key}.NAME", self.path));
        let mut entries: Vec<(String, N, T)> = Vec::new();
        for (name, text) in self.take_under(key) {
            let path = format!("{key}.{name}");
            if entries.iter().any(|(earlier, ..)| *earlier == name) {
                return Err(self.invalid(&path, "one value", "several values"));
            }
            let (parsed, value) = (self.parse(&path, unquoted(&name))?, self.parse(&path, &text)?);
            entries.push((name, parsed, value));
        }
        Ok(entries.into_iter().map(|(_, name, value)| (name, value)).collect())
    }

    /// The table `key`, whose keys are names of the user's choice for tables, each read with `read`, in the order of the file.
    /// A name may have dots in it, a key within its table may not: `[settings.tenant."a.example"] issuer = "…"`. (An empty
    /// table does not reach a policy.)
    ///
    /// # Errors
    ///
    /// [`SettingsError::Invalid`] if a name is not an `N`; what `read` objects to; [`SettingsError::Unknown`] for what it did
    /// not read.
    pub fn tables<N: Setting, T>(
        &mut self,
        key: &str,
        mut read: impl FnMut(&mut Settings) -> Result<T, SettingsError>,
    ) -> Result<Vec<(N, T)>, SettingsError> {
        insert(&mut self.known, format!("{}{key}.NAME", self.path));
        let mut tables: Vec<(String, Settings)> = Vec::new();
        for (rest, value) in self.take_under(key) {
            let Some((name, field)) = rest.rsplit_once('.') else {
                return Err(self.invalid(&format!("{key}.{rest}"), "a table", quoted(&value)));
            };
            let position = tables.iter().position(|(earlier, _)| earlier == name).unwrap_or_else(|| {
                let path = format!("{}{key}.{name}.", self.path);
                tables.push((name.to_owned(), Settings { path, ..Settings::new(Vec::new()) }));
                tables.len() - 1
            });
            tables[position].1.unread.push((field.to_owned(), value));
        }
        let read_table = |(name, mut table): (String, Settings)| {
            let parsed = self.parse(&format!("{key}.{name}"), unquoted(&name))?;
            let value = read(&mut table)?;
            Ok((parsed, table.finish(value)?))
        };
        tables.into_iter().map(read_table).collect()
    }

    /// An error about `key`, for what a policy checks beyond types: `expected` and `found` follow these two words.
    pub fn invalid(&self, key: &str, expected: impl Into<String>, found: impl Into<String>) -> SettingsError {
        SettingsError::Invalid { key: format!("{}{key}", self.path), expected: expected.into(), found: found.into() }
    }

    fn parse<T: Setting>(&self, key: &str, text: &str) -> Result<T, SettingsError> {
        T::parse(text).ok_or_else(|| self.invalid(key, T::EXPECTED, quoted(text)))
    }

    fn take(&mut self, key: &str) -> Vec<String> {
        insert(&mut self.known, format!("{}{key}", self.path));
        self.unread.extract_if(.., |(k, _)| k == key).map(|(_, value)| value).collect()
    }

    fn take_under(&mut self, table: &str) -> Vec<(String, String)> {
        let name = |key: &str| Some(key.strip_prefix(table)?.strip_prefix('.')?.to_owned());
        let taken = self.unread.extract_if(.., |(key, _)| name(key).is_some());
        taken.filter_map(|(key, value)| Some((name(&key)?, value))).collect()
    }

    fn finish<T>(self, value: T) -> Result<T, SettingsError> {
        if self.unread.is_empty() {
            return Ok(value);
        }
        let mut unknown = Vec::new();
        self.unread.iter().for_each(|(key, _)| insert(&mut unknown, format!("{}{key}", self.path)));
        Err(SettingsError::Unknown { unknown, known: self.known })
    }
}

/// Why settings were not accepted. The operator is shown it as it reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SettingsError {
    /// A key's value is not what was expected.
    Invalid {
        /// The dotted key.
        key: String,
        /// What was expected.
        expected: String,
        /// What was found.
        found: String,
    },
    /// There are keys that the policy does not know.
    Unknown {
        /// Those, sorted.
        unknown: Vec<String>,
        /// The ones that it does know, sorted; `NAME` stands for a name of the user's choice.
        known: Vec<String>,
    },
    /// Anything else, in the policy's own words.
    Other(String),
}

impl Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |keys: &[String]| format!("`{}`", keys.join("`, `"));
        match self {
            SettingsError::Invalid { key, expected, found } => {
                write!(f, "setting `{key}`: expected {expected}, found {found}")
            }
            SettingsError::Unknown { unknown, known } => {
                write!(f, "unknown setting{} {}; ", if unknown.len() == 1 { "" } else { "s" }, list(unknown))?;
                match known.as_slice() {
                    [] => write!(f, "this policy has no settings"),
                    known => write!(f, "this policy knows {}", list(known)),
                }
            }
            SettingsError::Other(message) => f.write_str(message),
        }
    }
}

impl std::error::Error for SettingsError {}

impl Setting for String {
    const EXPECTED: &'static str = "text";

    fn parse(text: &str) -> Option<Self> {
        Some(text.to_owned())
    }
}

impl Setting for bool {
    const EXPECTED: &'static str = "true or false";

    fn parse(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

macro_rules! numbers {
    ($($number:ty: $expected:literal),+) => {
        $(impl Setting for $number {
            const EXPECTED: &'static str = $expected;

            fn parse(text: &str) -> Option<Self> {
                text.parse().ok()
            }
        })+
    };
}

numbers! {
    u8: "a whole number from 0 to 255",
    u16: "a whole number from 0 to 65535",
    u32: "a whole number from 0 to 4294967295",
    u64: "a whole number, not negative",
    i64: "a whole number"
}

/// Into a sorted list, once.
fn insert(keys: &mut Vec<String>, key: String) {
    if let Err(position) = keys.binary_search(&key) {
        keys.insert(position, key);
    }
}

fn quoted(text: &str) -> String {
    format!("`{text}`")
}

/// A name without the quotes that TOML puts around one with dots in it.
fn unquoted(name: &str) -> &str {
    name.strip_prefix('"').and_then(|name| name.strip_suffix('"')).unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(pairs: &[(&str, &str)]) -> Settings {
        Settings::new(pairs.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect())
    }

    #[test]
    fn values_arrive_typed_and_in_the_order_of_the_file() {
        let settings = settings(&[("n", "7"), ("list", "b"), ("on", "true"), ("list", "a")]);
        let read = settings.read(|s| Ok((s.one::<u8>("n")?, s.one::<bool>("on")?, s.all::<String>("list")?)));
        assert_eq!(read, Ok((Some(7), Some(true), vec!["b".into(), "a".into()])));
    }

    #[test]
    fn what_is_not_set_is_none_or_empty() {
        let read = settings(&[]).read(|s| Ok((s.one::<u8>("n")?, s.all::<u8>("list")?)));
        assert_eq!(read, Ok((None, vec![])));
    }

    #[test]
    fn an_array_where_one_value_is_expected_is_an_error() {
        let error = settings(&[("n", "1"), ("n", "2")]).read(|s| s.one::<u8>("n")).unwrap_err();
        assert_eq!(error.to_string(), "setting `n`: expected one value, found 2 values");
    }

    #[test]
    fn server_names_are_in_the_hosts_spelling() {
        let read = |text| settings(&[("name", text)]).read(|s| s.server_names("name"));
        assert_eq!(read("A.Example."), Ok(vec!["a.example".into()]));
        for wrong in ["https://a.example", "a.example:443", "*.example", "192.0.2.1", ""] {
            let error = read(wrong).unwrap_err().to_string();
            let found = format!("setting `name`: expected {}, found `{wrong}`", Name::EXPECTED);
            assert_eq!(error, found);
        }
    }

    #[test]
    fn a_number_outside_its_range_is_an_error_that_names_the_range() {
        let error = settings(&[("prefix", "33")]).read(|s| s.one_within("prefix", 0u8..=32)).unwrap_err();
        assert_eq!(error.to_string(), "setting `prefix`: expected a number from 0 to 32, found `33`");
    }

    #[test]
    fn every_unknown_key_is_named_beside_the_known_ones() {
        let error = settings(&[("b", "1"), ("a.x", "1"), ("a.x", "2"), ("known", "1")])
            .read(|s| Ok((s.one::<u8>("known")?, s.one::<u8>("absent")?)))
            .unwrap_err();
        assert_eq!(error.to_string(), "unknown settings `a.x`, `b`; this policy knows `absent`, `known`");
    }

    #[test]
    fn a_name_in_a_table_may_have_dots_with_or_without_quotes() {
        let read = settings(&[("lifetime.*.example", "1"), ("lifetime.\"b.example\"", "2")])
            .read(|s| s.table::<String, u32>("lifetime"));
        assert_eq!(read, Ok(vec![("*.example".into(), 1), ("b.example".into(), 2)]));
    }

    #[test]
    fn tables_under_a_name_keep_their_values_apart() {
        let read = settings(&[("t.a.b.x", "1"), ("t.c.x", "2"), ("t.a.b.x", "3"), ("t.\"d.e\".x", "4")])
            .read(|s| s.tables::<String, _>("t", |table| table.all::<u8>("x")));
        assert_eq!(read, Ok(vec![("a.b".into(), vec![1, 3]), ("c".into(), vec![2]), ("d.e".into(), vec![4])]));
    }

    #[test]
    fn errors_within_a_table_name_the_whole_key() {
        let invalid = settings(&[("t.a.b.x", "no")])
            .read(|s| s.tables::<String, _>("t", |table| table.one::<u8>("x")))
            .unwrap_err();
        assert_eq!(invalid.to_string(), "setting `t.a.b.x`: expected a whole number from 0 to 255, found `no`");
        let unknown = settings(&[("t.a.b.y", "1")])
            .read(|s| s.tables::<String, _>("t", |table| table.one::<u8>("x")))
            .unwrap_err();
        assert_eq!(unknown.to_string(), "unknown setting `t.a.b.y`; this policy knows `t.a.b.x`");
    }

    #[test]
    fn a_value_where_a_table_is_expected_is_an_error() {
        let error =
            settings(&[("t.a", "1")]).read(|s| s.tables::<String, _>("t", |table| table.one::<u8>("x"))).unwrap_err();
        assert_eq!(error.to_string(), "setting `t.a`: expected a table, found `1`");
    }
}
