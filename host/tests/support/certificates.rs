//! Certificates, made once for each test process.

use std::sync::LazyLock;

use openssl::x509::X509Builder;
pub use reprise_testing::certificates::Identity;
use reprise_testing::certificates::{Maker, certificate};

/// The CA that signs all the others.
pub fn ca() -> Identity {
    static CA: LazyLock<Identity> = LazyLock::new(|| for_days(certificate("Test CA").ca(), 365).make());
    CA.clone()
}

/// A server's certificate for a.example and b.example.
pub fn server() -> Identity {
    static SERVER: LazyLock<Identity> =
        LazyLock::new(|| for_days(certificate("server").by(Some(&ca())).names(&["a.example", "b.example"]), 30).make());
    SERVER.clone()
}

/// A client's certificate, valid for some days from now.
pub fn client(name: &str, days: u32) -> Identity {
    issue(name, Some(&ca()), days, |_| {})
}

/// Makes a certificate, signed by `issuer` or by itself.
pub fn issue(name: &str, issuer: Option<&Identity>, days: u32, extend: impl FnOnce(&mut X509Builder)) -> Identity {
    for_days(certificate(name).by(issuer), days).extended(extend).make()
}

/// From now on, for clocks that a test sets begin now.
fn for_days(maker: Maker<'_>, days: u32) -> Maker<'_> {
    maker.valid([0, i64::from(days) * 24 * 60 * 60])
}
