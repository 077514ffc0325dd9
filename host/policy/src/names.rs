//! What is known of a policy's file before it is read.

use std::path::{Path, PathBuf};

/// The largest module that is read, in bytes, where nothing else is said.
pub const MAX_MODULE_SIZE: u64 = 64 << 20;

/// Where the signature of the module in `path` lies: `NAME.wasm.sig`.
pub fn signature_file(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".sig");
    name.into()
}

/// The policy's name: the file's stem without its leading number and dash, so that a policy can be
/// moved in the order and keep its notes. `10-tenants.wasm` is `tenants`; a stem that is nothing
/// but a number is taken whole.
pub fn policy_name(file: &str) -> &str {
    let stem = file.strip_suffix(".wasm").unwrap_or(file);
    match stem.split_once('-') {
        Some((number, name))
            if !name.is_empty() && !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()) =>
        {
            name
        }
        _ => stem,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_is_named_after_its_file_without_the_number() {
        let names = [
            ("10-tenants.wasm", "tenants"),
            ("tenants.wasm", "tenants"),
            ("10-by-network.wasm", "by-network"),
            ("by-network.wasm", "by-network"),
            ("10-.wasm", "10-"),
            ("10.wasm", "10"),
            ("-x.wasm", "-x"),
        ];
        for (file, name) in names {
            assert_eq!(policy_name(file), name, "{file}");
        }
    }
}
