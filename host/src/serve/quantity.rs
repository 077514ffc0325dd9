//! Quantities as an operator writes them: `2h`, `64MiB`.

use std::{fmt, str::FromStr, time::Duration};

use serde::Deserialize;

/// A span of time: a whole number and one of `ms`, `s`, `m`, `h`, `d`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Span(pub(crate) Duration);

/// A number of bytes: a whole number, alone or with one of `B`, `KiB`, `MiB`, `GiB`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Size(pub(crate) usize);

/// A quantity that does not parse.
#[derive(Debug, thiserror::Error)]
#[error("`{found}` is not a {expected}")]
pub(crate) struct QuantityError {
    found: String,
    expected: &'static str,
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
            let span = number.checked_mul(milliseconds).filter(|span| *span <= LONGEST)?;
            Some(Self(Duration::from_millis(span)))
        };
        parse().ok_or_else(|| QuantityError {
            found: text.to_owned(),
            expected: "span of time: write a whole number and a unit, like `500ms`, `10s`, `30m`, `2h` or `1d`",
        })
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
        parse().ok_or_else(|| QuantityError {
            found: text.to_owned(),
            expected: "number of bytes: write a whole number, alone or with a unit, like `16KiB`, `64MiB` or `1GiB`",
        })
    }
}

impl TryFrom<String> for Span {
    type Error = QuantityError;

    fn try_from(text: String) -> Result<Self, QuantityError> {
        text.parse()
    }
}

impl TryFrom<String> for Size {
    type Error = QuantityError;

    fn try_from(text: String) -> Result<Self, QuantityError> {
        text.parse()
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
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
