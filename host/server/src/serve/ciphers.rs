//! What TLS is told to offer: `--alpn`, `--ciphers`, `--ciphersuites`.

use std::str::FromStr;

use openssl::ssl::{SslContext, SslMethod};

use crate::hosting::{argument::ArgumentError, text::value_of_the_file};

/// What the built-in responder speaks, the preferred first.
pub(crate) const RESPONDER: [&str; 2] = ["http/1.1", "http/1.0"];

/// The name of a protocol in ALPN.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Alpn(pub(crate) String);

/// Cipher suites of TLS 1.2 and below, in OpenSSL's notation, of which this OpenSSL has one at least.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CipherList(pub(crate) String);

/// Cipher suites of TLS 1.3, each of which this OpenSSL has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CipherSuites(pub(crate) String);

impl FromStr for Alpn {
    type Err = ArgumentError;

    fn from_str(text: &str) -> Result<Self, ArgumentError> {
        // RFC 7301 section 3.1 allows any bytes; every name that is registered is of these.
        let is_name =
            (1..=255).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b',');
        if !is_name {
            return Err(ArgumentError::new(format!(
                "`{text}` is not a protocol: write its name in ALPN, 1 to 255 bytes, like `h2` or `http/1.1`"
            )));
        }
        Ok(Self(text.to_owned()))
    }
}

impl FromStr for CipherList {
    type Err = ArgumentError;

    fn from_str(text: &str) -> Result<Self, ArgumentError> {
        let has = |list: &str| {
            SslContext::builder(SslMethod::tls_server()).and_then(|mut tls| tls.set_cipher_list(list)).is_ok()
        };
        // Of those without authentication or encryption OpenSSL uses none, unless its security level is 0.
        if text.trim().is_empty() || !has(&format!("{text}:!aNULL:!eNULL")) {
            return Err(ArgumentError::new(format!(
                "`{text}` names no cipher suite of TLS 1.2 that this OpenSSL has: write a list like \
                 `ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256`; `openssl ciphers -v` shows them"
            )));
        }
        Ok(Self(text.to_owned()))
    }
}

impl FromStr for CipherSuites {
    type Err = ArgumentError;

    fn from_str(text: &str) -> Result<Self, ArgumentError> {
        // An empty list is one to OpenSSL, and ends every handshake; of a longer one it leaves out what it does not know.
        let is_suite = |suite: &str| {
            let known = || SslContext::builder(SslMethod::tls_server()).and_then(|mut tls| tls.set_ciphersuites(suite));
            !suite.is_empty() && known().is_ok()
        };
        match text.split(':').find(|suite| !is_suite(suite)) {
            Some(unknown) => Err(ArgumentError::new(format!(
                "`{text}` is not a list of cipher suites: `{unknown}` is none of TLS 1.3 that this OpenSSL has; write a list like \
                 `TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256`"
            ))),
            None => Ok(Self(text.to_owned())),
        }
    }
}

value_of_the_file!(Alpn, CipherList, CipherSuites);
