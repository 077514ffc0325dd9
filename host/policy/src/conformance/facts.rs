//! The facts that every call starts from. A file changes them for all of its vectors, a call for itself.
//!
//! They are the same as those of the SDKs' testing helpers, so that a unit test and a vector read alike.

use reprise_session::hex::unhex;
use serde::Deserialize;
use toml::{Table, Value};

use super::Note;
use crate::policy::wit::types::{Attributes, Certificate, Connection, Session, TlsVersion};

/// A TLS 1.3 session of `a.example`, made at 2030-01-01T00:00:00Z by 192.0.2.1 without a client
/// certificate, good for a day; and a verified client certificate that is valid for an hour on
/// either side of that.
const STANDARD: &str = r#"
[connection]
server-name = "a.example"
peer = "192.0.2.1"
listener = "public"
now = 1893456000
early-data = false
attributes = []

[session]
id = "1111111111111111111111111111111111111111111111111111111111111111"
version = "tls1-3"
cipher-suite = 0x1301
server-name = "a.example"
authenticated = 1893456000
expires = 1893542400
resumptions = 0
attributes = []

[certificate]
sha256 = "2222222222222222222222222222222222222222222222222222222222222222"
spki-sha256 = "3333333333333333333333333333333333333333333333333333333333333333"
subject = "CN=client,O=Example"
issuer = "CN=Client CA,O=Example"
serial = "0a1b"
not-before = 1893452400
not-after = 1893459600
alternative-names = []
verified = true
"#;

/// The facts before a call changes them.
pub(super) struct Base {
    connection: Table,
    session: Table,
    certificate: Table,
}

impl Base {
    /// The standard ones, changed as a file says.
    pub(super) fn new(connection: Table, session: Table, certificate: Table) -> Result<Self, String> {
        let mut standard: Table = STANDARD.parse().map_err(|error| format!("the standard facts: {error}"))?;
        let mut take = |name: &str, changes: Table| match standard.remove(name) {
            Some(Value::Table(table)) => changed(&table, changes),
            _ => Err(format!("there is no `{name}` in the standard facts")),
        };
        let base = Self {
            connection: take("connection", connection)?,
            session: take("session", session)?,
            certificate: take("certificate", certificate)?,
        };
        // What is wrong with them is told once, rather than with the first call.
        base.connection(Table::new())?;
        base.session([("certificate".into(), Value::Table(Table::new()))].into_iter().collect())?;
        Ok(base)
    }

    /// A connection with these changes.
    pub(super) fn connection(&self, changes: Table) -> Result<Connection, String> {
        let text: ConnectionText = read("connection", changed(&self.connection, changes)?)?;
        Ok(Connection {
            server_name: text.server_name,
            peer: text.peer,
            listener: text.listener,
            now: text.now,
            early_data: text.early_data,
            attributes: text.attributes,
        })
    }

    /// A session with these changes, and the note that it is shown with.
    pub(super) fn session(&self, changes: Table) -> Result<(Session, Note), String> {
        let text: SessionText = read("session", changed(&self.session, changes)?)?;
        let certificate = text.certificate.map(|changes| self.certificate(changes)).transpose()?;
        let note = text.note.as_deref().map_or(Ok(Note::Absent), |note| match note {
            "kept" => Ok(Note::Kept),
            digits => bytes("session.note", digits).map(Note::Bytes),
        })?;
        let session = Session {
            id: bytes("session.id", &text.id)?,
            version: match text.version {
                Version::Tls10 => TlsVersion::Tls10,
                Version::Tls11 => TlsVersion::Tls11,
                Version::Tls12 => TlsVersion::Tls12,
                Version::Tls13 => TlsVersion::Tls13,
            },
            cipher_suite: text.cipher_suite,
            server_name: text.server_name,
            alpn: text.alpn,
            authenticated: text.authenticated,
            expires: text.expires,
            resumptions: text.resumptions,
            peer_certificate: certificate,
            note: None,
            attributes: text.attributes,
        };
        if session.id.len() != 32 {
            return Err(format!("`session.id`: expected 32 bytes, found {}", session.id.len()));
        }
        Ok((session, note))
    }

    fn certificate(&self, changes: Table) -> Result<Certificate, String> {
        let text: CertificateText = read("session.certificate", changed(&self.certificate, changes)?)?;
        Ok(Certificate {
            sha256: bytes("session.certificate.sha256", &text.sha256)?,
            spki_sha256: bytes("session.certificate.spki-sha256", &text.spki_sha256)?,
            subject: text.subject,
            issuer: text.issuer,
            serial: bytes("session.certificate.serial", &text.serial)?,
            not_before: text.not_before,
            not_after: text.not_after,
            alternative_names: text.alternative_names,
            verified: text.verified,
        })
    }
}

/// `base` with these changes: a key replaces the one of before, and `without` names those that are taken away.
fn changed(base: &Table, mut changes: Table) -> Result<Table, String> {
    let mut table = base.clone();
    if let Some(without) = changes.remove("without") {
        let names: Vec<String> =
            without.try_into().map_err(|_| "`without`: expected an array of the names of facts".to_owned())?;
        names.iter().for_each(|name| drop(table.remove(name)));
    }
    table.extend(changes);
    Ok(table)
}

fn read<T: for<'de> Deserialize<'de>>(what: &str, table: Table) -> Result<T, String> {
    table.try_into().map_err(|error: toml::de::Error| format!("`{what}`: {}", error.message()))
}

/// Bytes written in hexadecimal.
pub(super) fn bytes(what: &str, digits: &str) -> Result<Vec<u8>, String> {
    unhex(digits).ok_or_else(|| format!("`{what}`: expected bytes in hexadecimal, found `{digits}`"))
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct ConnectionText {
    server_name: Option<String>,
    peer: Option<String>,
    listener: String,
    now: u64,
    early_data: bool,
    attributes: Attributes,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct SessionText {
    id: String,
    version: Version,
    cipher_suite: u16,
    server_name: Option<String>,
    alpn: Option<String>,
    authenticated: u64,
    expires: u64,
    resumptions: u32,
    /// Changes to the certificate; without it the session has none.
    certificate: Option<Table>,
    note: Option<String>,
    attributes: Attributes,
}

#[derive(Deserialize)]
enum Version {
    #[serde(rename = "tls1-0")]
    Tls10,
    #[serde(rename = "tls1-1")]
    Tls11,
    #[serde(rename = "tls1-2")]
    Tls12,
    #[serde(rename = "tls1-3")]
    Tls13,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct CertificateText {
    sha256: String,
    spki_sha256: String,
    subject: String,
    issuer: String,
    serial: String,
    not_before: u64,
    not_after: u64,
    alternative_names: Vec<(String, String)>,
    verified: bool,
}
