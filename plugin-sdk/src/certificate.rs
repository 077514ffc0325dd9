//! What certificates are told apart by: fingerprints and serial numbers, as operators write them.

use std::fmt;

use crate::settings::Setting;

/// A SHA-256, of a certificate's DER encoding or of its public key.
///
/// Written in hexadecimal, in either case, with or without colons: as `openssl x509 -noout -fingerprint -sha256` shows it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// `None` if these are not 32 bytes.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// The 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl Setting for Fingerprint {
    const EXPECTED: &'static str = "a SHA-256 fingerprint: 64 hexadecimal digits, with or without colons";

    fn parse(text: &str) -> Option<Self> {
        Self::from_bytes(&hexadecimal(text)?)
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hexadecimal(&self.0, f)
    }
}

/// A certificate's serial number, which is unique among those of one issuer (RFC 5280 section 4.1.2.2).
///
/// Written in hexadecimal, in either case, with or without colons and `0x`: as `openssl x509 -noout -serial` shows it. Leading
/// zeros do not matter.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Serial(Vec<u8>);

impl Serial {
    /// A number's bytes, big endian; leading zeros do not matter.
    pub fn from_bytes(bytes: &[u8]) -> Self {
        let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
        Self(bytes[zeros..].to_vec())
    }
}

impl Setting for Serial {
    const EXPECTED: &'static str = "a serial number in hexadecimal, with or without colons";

    fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix("0x").unwrap_or(text);
        let bytes = hexadecimal(digits).or_else(|| hexadecimal(&format!("0{digits}")))?;
        Some(Self::from_bytes(&bytes))
    }
}

impl fmt::Debug for Serial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hexadecimal(&self.0, f)
    }
}

/// Pairs of digits, with a colon between any two of them or between none.
fn hexadecimal(text: &str) -> Option<Vec<u8>> {
    let digits = match text.contains(':') {
        true if text.split(':').any(|pair| pair.len() != 2) => return None,
        true => text.replace(':', ""),
        false => text.to_owned(),
    };
    if digits.is_empty() || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    let (pairs, []) = digits.as_bytes().as_chunks::<2>() else { return None };
    pairs.iter().map(|pair| u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok()).collect()
}

fn write_hexadecimal(bytes: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_reads_the_same_however_it_is_written() {
        let plain = "ab".repeat(32);
        let colons = ["AB"; 32].join(":");
        assert_eq!(Fingerprint::parse(&plain), Some(Fingerprint([0xab; 32])));
        assert_eq!(Fingerprint::parse(&colons), Fingerprint::parse(&plain));
    }

    #[test]
    fn what_is_not_a_sha_256_is_no_fingerprint() {
        for wrong in ["", "ab", &"ab".repeat(31), &"ab".repeat(33), &"ag".repeat(32), &"é".repeat(32), &"+1".repeat(32)]
        {
            assert_eq!(Fingerprint::parse(wrong), None, "{wrong}");
        }
        assert_eq!(Fingerprint::parse(&["abab"; 16].join(":")), None);
    }

    #[test]
    fn a_serial_number_is_a_number() {
        let serial = Serial::from_bytes(&[0x0a, 0x1b]);
        for same in ["0a1b", "A1B", "0x0A1B", "00:0a:1b", "00000a1b"] {
            assert_eq!(Serial::parse(same), Some(serial.clone()), "{same}");
        }
        assert_eq!(Serial::parse("0"), Some(Serial::from_bytes(&[0])));
        for wrong in ["", "0x", ":", "0a:", "0a:1", "-1", "1g"] {
            assert_eq!(Serial::parse(wrong), None, "{wrong}");
        }
    }
}
