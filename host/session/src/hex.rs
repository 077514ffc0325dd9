//! Bytes as text.

/// Two lower-case digits for each byte, as `sha256sum` prints a hash.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The bytes of two digits each, of either case; none if it is anything else.
pub fn unhex(text: &str) -> Option<Vec<u8>> {
    let mut bytes = vec![0; text.len() / 2];
    unhex_into(text, &mut bytes)?;
    Some(bytes)
}

/// Like [`unhex`], to just as many bytes that are there already: no other copy of them is made on the way.
pub fn unhex_into(text: &str, bytes: &mut [u8]) -> Option<()> {
    let digit = |digit: u8| char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok());
    let (pairs, []) = text.as_bytes().as_chunks::<2>() else { return None };
    if pairs.len() != bytes.len() {
        return None;
    }
    for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
        *byte = digit(*high)? << 4 | digit(*low)?;
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_read_back_from_their_digits_and_from_nothing_else() {
        assert_eq!(unhex(&hex(&[0, 9, 0xa5, 0xff])), Some(vec![0, 9, 0xa5, 0xff]));
        assert_eq!(unhex("A5fF"), Some(vec![0xa5, 0xff]));
        for bad in ["a", "0x", " a", "+1", "g0", "é"] {
            assert_eq!(unhex(bad), None, "{bad}");
        }
    }
}
