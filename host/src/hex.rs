//! Bytes as text.

/// Two lower-case digits for each byte, as `sha256sum` prints a hash.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
