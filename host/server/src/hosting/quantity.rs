//! Quantities as an operator writes them: `2h`, `64MiB`.

use std::{fmt, str::FromStr, time::Duration};

use serde::{Deserialize, Deserializer};

use super::text::{from_text, value_of_the_file};

/// A span of time: a whole number and one of `ms`, `s`, `m`, `h`, `d`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Span(pub(crate) Duration);

/// A span of at least `LEAST` milliseconds, in whole steps of `STEP`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SpanOf<const LEAST: u64, const STEP: u64>(pub(crate) Duration);

/// How long something may take: in no time nothing can be done.
pub(crate) type Timeout = SpanOf<1, 1>;
/// How long a session lives, which is counted in seconds.
pub(crate) type Lifetime = SpanOf<1_000, 1_000>;
/// How old something may be, in seconds; 0 is not at all.
pub(crate) type Age = SpanOf<0, 1_000>;

/// A number of bytes: a whole number, alone or with one of `B`, `KiB`, `MiB`, `GiB`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Size(pub(crate) usize);

/// A number of bytes from `LEAST` to `MOST`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SizeOf<const LEAST: usize, const MOST: usize>(pub(crate) usize);

/// A number of things from `LEAST` to `MOST`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Count<const LEAST: usize, const MOST: usize>(pub(crate) usize);

/// A quantity that does not parse, or that makes no sense where it stands.
#[derive(Debug, thiserror::Error)]
#[error("`{found}` is not {expected}")]
pub(crate) struct QuantityError {
    found: String,
    expected: String,
}

impl QuantityError {
    fn new(found: &str, expected: impl Into<String>) -> Self {
        Self { found: found.to_owned(), expected: expected.into() }
    }
}

/// A century, so that adding a span to any time of ours stays far from overflow.
const LONGEST: u64 = 100 * 365 * 86_400_000;

impl FromStr for Span {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Self, QuantityError> {
        let parse = || {
            let (number, unit) = split(text)?;
            let milliseconds: u64 = match unit {
                "ms" => 1,
                "s" => 1_000,
                "m" => 60_000,
                "h" => 3_600_000,
                "d" => 86_400_000,
                _ => return None,
            };
            Some(number.saturating_mul(milliseconds))
        };
        match parse() {
            Some(span) if span <= LONGEST => Ok(Self(Duration::from_millis(span))),
            Some(_) => Err(QuantityError::new(text, "a span of at most `36500d`: write one like `10s`, `2h` or `30d`")),
            None => Err(QuantityError::new(
                text,
                "a span of time: write a whole number and a unit, like `500ms`, `10s`, `30m`, `2h` or `1d`",
            )),
        }
    }
}

impl FromStr for Size {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Self, QuantityError> {
        let parse = || {
            let (number, unit) = split(text)?;
            let bytes: u64 = match unit {
                "" | "B" => 1,
                "KiB" => 1 << 10,
                "MiB" => 1 << 20,
                "GiB" => 1 << 30,
                _ => return None,
            };
            usize::try_from(number.checked_mul(bytes)?).ok().map(Self)
        };
        parse().ok_or_else(|| {
            QuantityError::new(
                text,
                "a number of bytes: write a whole number, alone or with a unit, like `16KiB`, `64MiB` or `1GiB`",
            )
        })
    }
}

impl<const LEAST: u64, const STEP: u64> FromStr for SpanOf<LEAST, STEP> {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Self, QuantityError> {
        let Span(span) = text.parse()?;
        let least = Duration::from_millis(LEAST);
        if span < least {
            return Err(QuantityError::new(text, format!("long enough: write {least:?} or more, like `10s`")));
        }
        if !span.as_millis().is_multiple_of(u128::from(STEP)) {
            return Err(QuantityError::new(text, "in whole seconds: write a span like `30s` or `2h`"));
        }
        Ok(Self(span))
    }
}

impl<const LEAST: usize, const MOST: usize> FromStr for SizeOf<LEAST, MOST> {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Self, QuantityError> {
        match text.parse()? {
            Size(bytes) if (LEAST..=MOST).contains(&bytes) => Ok(Self(bytes)),
            // No machine has that many bytes: there is no bound to speak of.
            _ if MOST >= isize::MAX.unsigned_abs() => {
                Err(QuantityError::new(text, format!("{} or more: write one like `64MiB`", Size(LEAST))))
            }
            _ => Err(QuantityError::new(
                text,
                format!("between {} and {}: write one like `{}`", Size(LEAST), Size(MOST), Size(MOST)),
            )),
        }
    }
}

impl<const LEAST: usize, const MOST: usize> FromStr for Count<LEAST, MOST> {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Self, QuantityError> {
        // `parse` alone takes a sign.
        let number = text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten();
        number.filter(|number| (LEAST..=MOST).contains(number)).map(Self).ok_or_else(|| {
            QuantityError::new(
                text,
                format!("a whole number from {LEAST} to {MOST}: write one like `{}`", LEAST.max(1)),
            )
        })
    }
}

impl<'de, const LEAST: u64, const STEP: u64> Deserialize<'de> for SpanOf<LEAST, STEP> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        from_text(deserializer)
    }
}

impl<'de, const LEAST: usize, const MOST: usize> Deserialize<'de> for SizeOf<LEAST, MOST> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        from_text(deserializer)
    }
}

impl<'de, const LEAST: usize, const MOST: usize> Deserialize<'de> for Count<LEAST, MOST> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        from_text(deserializer)
    }
}

value_of_the_file!(Span, Size);

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

/// In the largest unit that it is a whole number of.
impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = [(30, "GiB"), (20, "MiB"), (10, "KiB")];
        match units.into_iter().find(|(bits, _)| self.0 > 0 && self.0.is_multiple_of(1 << bits)) {
            Some((bits, unit)) => write!(f, "{}{unit}", self.0 >> bits),
            None => write!(f, "{}", self.0),
        }
    }
}

fn split(text: &str) -> Option<(u64, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    Some((text[..end].parse().ok()?, &text[end..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_a_number_and_a_unit() {
        for (text, milliseconds) in
            [("0s", 0), ("500ms", 500), ("10s", 10_000), ("30m", 1_800_000), ("2h", 7_200_000), ("1d", 86_400_000)]
        {
            assert_eq!(text.parse::<Span>().unwrap().0, Duration::from_millis(milliseconds), "{text}");
        }
    }

    #[test]
    fn what_is_no_span_is_refused_with_an_example() {
        for text in ["", "10", "s", "-1s", "1.5h", "2 h", "2H", "99999999999999999999s", "999999999999d", "36501d"] {
            let error = text.parse::<Span>().expect_err(text).to_string();
            assert!(error.contains(&format!("`{text}`")) && error.contains("`2h`"), "{error}");
        }
        let error = "36501d".parse::<Span>().unwrap_err().to_string();
        assert!(error.contains("at most `36500d`"), "{error}");
    }

    #[test]
    fn a_quantity_that_makes_no_sense_is_refused() {
        let whole =
            |text: &str| text.parse::<Lifetime>().map(|Lifetime { 0: span }| span).map_err(|error| error.to_string());
        assert_eq!(whole("2000ms"), Ok(Duration::from_secs(2)));
        for (text, says) in
            [("0s", "1s or more"), ("999ms", "1s or more"), ("1500ms", "whole seconds"), ("7200", "`2h`")]
        {
            assert!(whole(text).unwrap_err().contains(says), "{text}");
        }
        assert!("0ms".parse::<Timeout>().is_err() && "1ms".parse::<Timeout>().is_ok() && "0s".parse::<Age>().is_ok());
        for text in ["", "0", "17", "+1", "-1", "1.0", "many", "18446744073709551616"] {
            let error = text.parse::<Count<1, 16>>().unwrap_err().to_string();
            assert!(error.contains("from 1 to 16"), "{error}");
        }
        let error = "17KiB".parse::<SizeOf<0, 16384>>().unwrap_err().to_string();
        assert!(error.contains("between 0 and 16KiB"), "{error}");
        let error = "64".parse::<SizeOf<{ 1 << 20 }, { isize::MAX as usize }>>().unwrap_err().to_string();
        assert!(error.ends_with("is not 1MiB or more: write one like `64MiB`"), "{error}");
    }

    #[test]
    fn a_size_is_in_binary_units() {
        for (text, bytes) in
            [("0", 0), ("512", 512), ("512B", 512), ("16KiB", 16_384), ("64MiB", 1 << 26), ("1GiB", 1 << 30)]
        {
            assert_eq!(text.parse::<Size>().unwrap().0, bytes, "{text}");
        }
    }

    #[test]
    fn what_is_no_size_is_refused_with_an_example() {
        for text in ["", "MiB", "64MB", "64mib", "-1", "1.5GiB", "18446744073709551615GiB"] {
            let error = text.parse::<Size>().expect_err(text).to_string();
            assert!(error.contains(&format!("`{text}`")) && error.contains("`64MiB`"), "{error}");
        }
    }
}
