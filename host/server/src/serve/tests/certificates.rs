//! Certificates for tests.

use std::{fs, path::PathBuf};

use reprise_testing::certificates::{Identity, certificate};

/// A directory of certificates.
pub(in crate::serve) struct Files(tempfile::TempDir);

impl Files {
    pub(in crate::serve) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(in crate::serve) fn path(&self, file: &str) -> PathBuf {
        self.0.path().join(file)
    }

    /// A certificate for `name`, issued by `issuer` or self-signed, written to NAME.crt and NAME.key.
    pub(in crate::serve) fn issue(&self, name: &str, issuer: Option<&Identity>) -> Identity {
        let issued = issue(name, issuer);
        fs::write(self.path(&format!("{name}.key")), issued.key_pem()).unwrap();
        fs::write(self.path(&format!("{name}.crt")), issued.certificate_pem()).unwrap();
        issued
    }
}

pub(in crate::serve) fn issue(name: &str, issuer: Option<&Identity>) -> Identity {
    let names = [name];
    let maker = certificate(name).by(issuer).names(&names).days(10);
    if issuer.is_none() { maker.ca().make() } else { maker.make() }
}

/// The list of what `issuer` revoked, in PEM.
pub(in crate::serve) fn revocation_list(issuer: &Identity, revoked: &[&Identity]) -> Vec<u8> {
    let tomorrow = reprise_testing::certificates::now() as i64 + 24 * 60 * 60;
    issuer.revocation_list(revoked, [0, tomorrow]).to_pem().unwrap()
}
