//! Which TLS library is taken: OpenSSL from 3.0 on.
//!
//! Its relatives have the three session callbacks too, but differ in what the host's promises rest
//! on: the client hello callback, where the site and its verify mode are chosen, and stateful
//! sessions in TLS 1.3.

/// The oldest that is taken, as `OPENSSL_VERSION_NUMBER` has it.
const OLDEST: u64 = 0x3000_0000;

/// Why the library that was found is refused, in words for whoever builds; `variable` looks up what
/// openssl-sys reported.
pub fn accept(variable: impl Fn(&str) -> Option<String>) -> Result<(), String> {
    let found = if let Some(version) = variable("DEP_OPENSSL_LIBRESSL_VERSION_NUMBER") {
        format!("LibreSSL {}", dotted(&version))
    } else if variable("DEP_OPENSSL_BORINGSSL").is_some() {
        "BoringSSL".to_owned()
    } else if variable("DEP_OPENSSL_AWSLC").is_some() {
        "AWS-LC".to_owned()
    } else {
        match variable("DEP_OPENSSL_VERSION_NUMBER") {
            Some(version) if number(&version) < OLDEST => format!("OpenSSL {}", dotted(&version)),
            // Newer ones say so, and openssl-sys knows which ones it can use.
            _ => return Ok(()),
        }
    };
    Err(format!(
        "reprise: found {found}, expected OpenSSL 3.0 or later.\n\
         Install its headers (Debian and Ubuntu: apt-get install libssl-dev pkg-config), or set OPENSSL_DIR to where it is,\n\
         or build with `--features vendored`, which compiles one. Then build again."
    ))
}

fn number(hexadecimal: &str) -> u64 {
    u64::from_str_radix(hexadecimal, 16).unwrap_or(u64::MAX)
}

/// 0xMNNFFPPS as M.N.F.
fn dotted(hexadecimal: &str) -> String {
    let number = number(hexadecimal);
    format!("{}.{}.{}", number >> 28 & 0xf, number >> 20 & 0xff, number >> 12 & 0xff)
}
