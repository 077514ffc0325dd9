//! One grammar for the command line and the file: a value of the file is the text that it would be as an argument.

use std::{fmt, marker::PhantomData, path::PathBuf, str::FromStr};

use serde::{
    Deserialize, Deserializer,
    de::{Error, SeqAccess, Visitor, value::StrDeserializer},
};

/// Reads a text, a number or a flag by the type's `FromStr`.
pub(crate) fn from_text<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr<Err: fmt::Display>,
{
    deserializer
        .deserialize_any(Scalar(|text: &str| text.parse().map_err(|error: T::Err| error.to_string()), PhantomData))
}

/// `listen = "ADDR"` as well as `listen = ["ADDR", …]`.
pub(crate) fn one_or_many<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    deserializer.deserialize_any(OneOrMany(PhantomData))
}

/// The same for a list without which a default holds: one of nothing would say nothing, and get the default.
pub(crate) fn some<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    let some: Vec<T> = one_or_many(deserializer)?;
    if some.is_empty() {
        return Err(D::Error::custom("the list is empty: write what is in it, or leave the key out for the default"));
    }
    Ok(some)
}

/// The same for what a comma separates as well, as on the command line.
pub(crate) fn separated<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr<Err: fmt::Display>,
{
    let texts: Vec<String> = some(deserializer)?;
    texts.iter().flat_map(|text| text.split(',')).map(|text| text.parse().map_err(D::Error::custom)).collect()
}

/// A path. On the command line an empty one is no value either.
pub(crate) fn path<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<PathBuf>, D::Error> {
    let path = String::deserialize(deserializer)?;
    if path.is_empty() || path.contains('\0') {
        return Err(D::Error::custom("the path is empty: write one like `/etc/reprise/…`, or leave the key out"));
    }
    Ok(Some(path.into()))
}

/// Makes what has a `FromStr` a value of the file too.
macro_rules! value_of_the_file {
    ($($argument:ty),* $(,)?) => {$(
        impl<'de> serde::Deserialize<'de> for $argument {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                $crate::hosting::text::from_text(deserializer)
            }
        }
    )*};
}
pub(crate) use value_of_the_file;

struct Scalar<T, F>(F, PhantomData<T>);

impl<T, F: Fn(&str) -> Result<T, String>> Visitor<'_> for Scalar<T, F> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("one value, written as on the command line")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        (self.0)(text).map_err(E::custom)
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<T, E> {
        self.visit_str(&number.to_string())
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<T, E> {
        self.visit_str(&number.to_string())
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<T, E> {
        // With its point, so that 2.0 is no 2.
        self.visit_str(&format!("{number:?}"))
    }

    fn visit_bool<E: Error>(self, flag: bool) -> Result<T, E> {
        self.visit_str(&flag.to_string())
    }
}

struct OneOrMany<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for OneOrMany<T> {
    type Value = Vec<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string or an array of strings")
    }

    fn visit_str<E: Error>(self, one: &str) -> Result<Vec<T>, E> {
        T::deserialize(StrDeserializer::new(one)).map(|one| vec![one])
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Vec<T>, E> {
        self.visit_str(&number.to_string())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut many: A) -> Result<Vec<T>, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = many.next_element()? {
            values.push(value);
        }
        Ok(values)
    }
}
