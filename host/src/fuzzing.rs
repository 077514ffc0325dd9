//! What fuzz targets, tests of OpenSSL's facts and of the seam need and nobody else: no part of the API.

use openssl::ssl::SslRef;
use reprise_openssl::hello::{
    binder::{self, Binders},
    transcript::{Message, Transcript},
};
use reprise_openssl::hooks;
pub use reprise_openssl::{
    hello::{
        Hello,
        second::changed as hello_changed,
        transcript::{Place, Seen},
    },
    hooks::{hello_seen, read_hello},
};
pub use reprise_session::session::keyring::file::KeyringFile;
pub use reprise_store::revocation::Revocation;
#[cfg(feature = "redis")]
pub use reprise_store::store::redis::bounds::{BULK, DEPTH, Excess, LINE, REPLY, Scanner};

pub use crate::host::stand_between;

/// Whether the ClientHello that a connection has read last has the binder of a session of this cipher suite and with
/// this secret, for the first identity.
pub fn binder_verifies(ssl: &SslRef, cipher_suite: u16, psk: &[u8]) -> Option<bool> {
    hooks::proof(ssl, |proof| proof.verifies(0, cipher_suite, psk))?
}

/// The same of a ClientHello, its header included, for the identity at `place`.
pub fn hello_verifies(hello: &[u8], place: usize, cipher_suite: u16, psk: &[u8]) -> Option<bool> {
    let mut transcript = Transcript::default();
    transcript.add(Message::ClientHello(hello));
    transcript.proof()?.verifies(place, cipher_suite, psk)
}

/// Replaces the binder for the identity at `place` by the one that is right after what was `before` in the transcript.
/// False if there is none of its length.
pub fn sign_hello(before: &[u8], hello: &mut [u8], place: usize, cipher_suite: u16, psk: &[u8]) -> bool {
    let Some(digest) = binder::digest(cipher_suite) else { return false };
    let Some(binders) = Binders::read(hello) else { return false };
    let (truncated, Some(of)) = (binders.truncated, binders.of(place)) else { return false };
    let at = of.as_ptr() as usize - hello.as_ptr() as usize;
    let transcript = [before, &hello[..truncated]].concat();
    let right = binder::compute(digest, psk, &transcript).expect("OpenSSL computes it");
    let fits = of.len() == digest.size();
    if fits {
        hello[at..at + digest.size()].copy_from_slice(&right[..digest.size()]);
    }
    fits
}

/// An agent, as a process with a module in it has it; without a socket.
#[cfg(feature = "agent")]
pub struct AgentHears {
    process: crate::agent::Process,
    known: reprise_session::lock::Mutex<crate::agent::Known>,
    handler: std::sync::Arc<dyn reprise_openssl::Handler>,
}

#[cfg(feature = "agent")]
impl AgentHears {
    /// That of a host.
    pub fn new(host: &crate::Host) -> Self {
        let name = crate::agent::Name { program: "fuzz".into(), process: 1, user: None };
        let (process, known) = (crate::agent::Process::new(name, false, Default::default()), Default::default());
        Self { process, known, handler: host.handler().clone() }
    }

    /// What is answered to a message.
    ///
    /// # Errors
    /// It is none.
    pub fn hear(&self, message: &[u8]) -> Result<Option<Vec<u8>>, reprise_wire::Garbled> {
        let reply = self.process.hear(&*self.handler, &self.known, message, || {})?;
        Ok(reply.map(|reply| {
            let mut bytes = zeroize::Zeroizing::default();
            reply.encode(&mut bytes);
            bytes.to_vec()
        }))
    }
}
