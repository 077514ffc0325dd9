//! Where a context is, told by its configuration: the same after a reload and on another node.
//!
//! Its *site* is the names of its certificate, so that a renewal is the same site. Its *epoch* is a digest of what else sessions
//! depend on: ciphers, versions, and, where clients are asked for certificates, who is trusted and who is revoked.

use std::{ptr, sync::Arc};

use foreign_types::ForeignTypeRef;
use openssl::{
    hash::MessageDigest,
    sha::{Sha256, sha256},
    x509::{X509CrlRef, X509Ref},
};
use reprise_session::{
    hex::hex,
    lock::Mutex,
    session::{Epoch, RevocationList, RevocationLists, session_id_context},
};

use crate::{
    facts::Place,
    ffi,
    tls::certificate::{alternative_names, revocation_list},
};

/// At most so many places are remembered of one context; more are worked out each time.
const REMEMBERED: usize = 64;

/// The places of one context: one for each of its listeners.
#[derive(Default)]
pub struct Places(Mutex<Known>);

#[derive(Default)]
struct Known {
    by: Marks,
    places: Vec<Settled>,
}

/// A place, and what OpenSSL compares sessions by there.
#[derive(Clone)]
pub struct Settled {
    pub place: Arc<Place>,
    pub verify_mode: i32,
    pub session_id_context: [u8; 32],
}

/// What changes when the configuration of a context does, and is had at no price. Addresses and numbers, compared alone.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Marks {
    certificate: usize,
    store: usize,
    trusted: i32,
    authorities: (usize, i32),
    ciphers: (usize, i32),
    versions: (i32, i32),
}

impl Places {
    /// The place at this listener, of a context with this verify mode.
    ///
    /// SAFETY: `context` must be a live `SSL_CTX`.
    pub unsafe fn at(&self, context: *mut ffi::SSL_CTX, listener: &str, verify_mode: i32) -> Settled {
        // SAFETY: by this function's contract.
        let marks = unsafe { Marks::of(context) };
        // A child must not wait for what its parent's other threads held at the fork.
        let Some(mut known) = self.0.try_lock() else {
            // SAFETY: by this function's contract.
            return Settled::at(unsafe { place(context, listener, verify_mode) }, verify_mode);
        };
        if known.by != marks {
            *known = Known { by: marks, places: Vec::new() };
        }
        let here = |known: &&Settled| known.verify_mode == verify_mode && known.place.listener == listener;
        if let Some(settled) = known.places.iter().find(here) {
            return settled.clone();
        }
        // SAFETY: by this function's contract.
        let settled = Settled::at(unsafe { place(context, listener, verify_mode) }, verify_mode);
        if known.places.len() < REMEMBERED {
            known.places.push(settled.clone());
        }
        settled
    }
}

impl Settled {
    /// A connection with this verify mode, there.
    pub fn at(place: Place, verify_mode: i32) -> Self {
        let session_id_context = session_id_context(&place.listener, &place.site, verify_mode, &place.epoch);
        Self { place: Arc::new(place), verify_mode, session_id_context }
    }

    /// Whether sessions made at the one may resume at the other.
    pub fn is(&self, other: &Self) -> bool {
        self.session_id_context == other.session_id_context
    }
}

impl Marks {
    /// SAFETY: `context` must be a live `SSL_CTX`.
    unsafe fn of(context: *mut ffi::SSL_CTX) -> Self {
        // SAFETY: by this function's contract; the stacks are the context's, and only counted. A null stack has no elements: -1.
        unsafe {
            let store = ffi::SSL_CTX_get_cert_store(context);
            let trusted = if store.is_null() { ptr::null_mut() } else { ffi::X509_STORE_get0_objects(store) };
            let authorities = ffi::SSL_CTX_get_client_CA_list(context);
            let ciphers = ffi::SSL_CTX_get_ciphers(context);
            let counted = |stack: *mut ffi::OPENSSL_STACK| ffi::OPENSSL_sk_num(stack);
            Self {
                certificate: ffi::SSL_CTX_get0_certificate(context) as usize,
                store: store as usize,
                trusted: counted(trusted.cast()),
                authorities: (authorities as usize, counted(authorities.cast())),
                ciphers: (ciphers as usize, counted(ciphers.cast())),
                versions: (ffi::SSL_CTX_get_min_proto_version(context), ffi::SSL_CTX_get_max_proto_version(context)),
            }
        }
    }
}

/// SAFETY: `context` must be a live `SSL_CTX`.
unsafe fn place(context: *mut ffi::SSL_CTX, listener: &str, verify_mode: i32) -> Place {
    let mut configuration = Configuration::default();
    // SAFETY: by this function's contract.
    unsafe {
        configuration.versions(context);
        configuration.ciphers(context);
        if verify_mode != 0 {
            configuration.authorities(context);
            configuration.trust(context);
        }
    }
    let Configuration { digest, lists, whole_chain } = configuration;
    Place {
        listener: listener.to_owned(),
        // SAFETY: by this function's contract.
        site: unsafe { site(context) },
        epoch: Epoch::of(&digest.finish()),
        revocation_lists: RevocationLists { lists, whole_chain },
    }
}

/// The names of the context's certificate.
///
/// SAFETY: `context` must be a live `SSL_CTX`.
unsafe fn site(context: *mut ffi::SSL_CTX) -> String {
    // SAFETY: by this function's contract; the certificate is the context's, for as long as this takes.
    let certificate = unsafe {
        let certificate = ffi::SSL_CTX_get0_certificate(context);
        if certificate.is_null() {
            return "without a certificate".into();
        }
        X509Ref::from_ptr(certificate)
    };
    let mut names = alternative_names(certificate);
    if names.is_empty() {
        let subject = certificate.subject_name().to_der().map(|der| hex(&der));
        names.push(("subject".into(), subject.unwrap_or_default()));
    }
    names.sort();
    names.into_iter().map(|(kind, name)| format!("{kind}:{name}")).collect::<Vec<_>>().join(",")
}

/// What an epoch is of.
#[derive(Default)]
struct Configuration {
    digest: Sha256,
    lists: Vec<RevocationList>,
    whole_chain: bool,
}

impl Configuration {
    fn part(&mut self, kind: &str, bytes: &[u8]) {
        for part in [kind.as_bytes(), bytes] {
            self.digest.update(&(part.len() as u64).to_be_bytes());
            self.digest.update(part);
        }
    }

    /// SAFETY: `context` must be a live `SSL_CTX`.
    unsafe fn versions(&mut self, context: *mut ffi::SSL_CTX) {
        // SAFETY: by this function's contract.
        let bounds =
            unsafe { [ffi::SSL_CTX_get_min_proto_version(context), ffi::SSL_CTX_get_max_proto_version(context)] };
        for bound in bounds {
            self.part("version", &bound.to_be_bytes());
        }
    }

    /// SAFETY: `context` must be a live `SSL_CTX`.
    unsafe fn ciphers(&mut self, context: *mut ffi::SSL_CTX) {
        // SAFETY: by this function's contract; the stack is the context's, and its elements are static ciphers.
        unsafe {
            let stack = ffi::SSL_CTX_get_ciphers(context).cast::<ffi::OPENSSL_STACK>();
            for place in 0..ffi::OPENSSL_sk_num(stack) {
                let cipher = ffi::OPENSSL_sk_value(stack, place).cast::<ffi::SSL_CIPHER>();
                if !cipher.is_null() {
                    self.part("cipher", &ffi::SSL_CIPHER_get_protocol_id(cipher).to_be_bytes());
                }
            }
        }
    }

    /// The names of CAs that clients are told of.
    ///
    /// SAFETY: `context` must be a live `SSL_CTX`.
    unsafe fn authorities(&mut self, context: *mut ffi::SSL_CTX) {
        // SAFETY: by this function's contract; the stack is the context's, and its elements are names.
        unsafe {
            let stack = ffi::SSL_CTX_get_client_CA_list(context).cast::<ffi::OPENSSL_STACK>();
            let mut names = Vec::new();
            for place in 0..ffi::OPENSSL_sk_num(stack) {
                let name = ffi::OPENSSL_sk_value(stack, place).cast::<ffi::X509_NAME>();
                let (mut digest, mut length) = ([0; 32], 0);
                if ffi::X509_NAME_digest(name, ffi::EVP_sha256(), digest.as_mut_ptr(), &mut length) == 1 {
                    names.push(digest);
                }
            }
            names.sort_unstable();
            names.iter().for_each(|name| self.part("authority", name));
        }
    }

    /// The certificates that are trusted, and the revocation lists beside them.
    ///
    /// SAFETY: `context` must be a live `SSL_CTX`.
    unsafe fn trust(&mut self, context: *mut ffi::SSL_CTX) {
        let mut digests = Vec::new();
        // SAFETY: by this function's contract; the store is the context's, and locked while its objects are looked at, which
        // are certificates and lists.
        unsafe {
            let store = ffi::SSL_CTX_get_cert_store(context);
            if store.is_null() || ffi::X509_STORE_lock(store) != 1 {
                return;
            }
            let objects = ffi::X509_STORE_get0_objects(store).cast::<ffi::OPENSSL_STACK>();
            for place in 0..ffi::OPENSSL_sk_num(objects) {
                let object = ffi::OPENSSL_sk_value(objects, place).cast::<ffi::X509_OBJECT>();
                let certificate = ffi::X509_OBJECT_get0_X509(object);
                let list = ffi::X509_OBJECT_get0_X509_CRL(object);
                if !certificate.is_null() {
                    let digest = X509Ref::from_ptr(certificate).digest(MessageDigest::sha256());
                    digests.push(("trusted", digest.map(|digest| digest.to_vec()).unwrap_or_default()));
                } else if !list.is_null() {
                    let list = X509CrlRef::from_ptr(list);
                    self.lists.push(revocation_list(list));
                    digests.push(("list", list.to_der().map(|der| sha256(&der).to_vec()).unwrap_or_default()));
                }
            }
            ffi::X509_STORE_unlock(store);
            let flags = ffi::X509_VERIFY_PARAM_get_flags(ffi::SSL_CTX_get0_param(context));
            self.whole_chain = flags & ffi::X509_V_FLAG_CRL_CHECK_ALL != 0;
            self.part("flags", &(flags as u64).to_be_bytes());
        }
        digests.sort();
        digests.iter().for_each(|(kind, digest)| self.part(kind, digest));
    }
}
