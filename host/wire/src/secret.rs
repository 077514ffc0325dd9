//! What an agent and the modules of its machine know, and nobody else: by it they know each other where a socket's file is out of reach,
//! in a chroot.

use std::{
    fs::{self, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::Path,
};

use openssl::{error::ErrorStack, hash::MessageDigest, memcmp, pkey::PKey, rand::rand_bytes, sign::Signer};
use zeroize::Zeroizing;

/// Random bytes, or what is proven by them.
pub type Challenge = [u8; 32];

const LENGTH: usize = 32;

/// Who proves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prover {
    /// The agent.
    Agent,
    /// A module.
    Module,
}

/// 32 random bytes in a file of the agent's, which modules read while they are root.
#[derive(Clone)]
pub struct Secret(Zeroizing<[u8; LENGTH]>);

/// Why a file has no secret.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The system's.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// It is something else.
    #[error(
        "expected a file of {LENGTH} bytes that its owner alone can read; found {0}: remove it, and start the agent again"
    )]
    Other(&'static str),
}

impl Secret {
    /// The secret in this file.
    ///
    /// # Errors
    /// It cannot be read, has another length, or others can read it.
    pub fn read(path: &Path) -> Result<Self, SecretError> {
        let file =
            OpenOptions::new().read(true).custom_flags(nix::libc::O_NOFOLLOW | nix::libc::O_NONBLOCK).open(path)?;
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Err(SecretError::Other("no regular file"));
        }
        if metadata.mode() & 0o077 != 0 {
            return Err(SecretError::Other("one that others can read"));
        }
        if metadata.len() != LENGTH as u64 {
            return Err(SecretError::Other("another length"));
        }
        let mut secret = Zeroizing::new([0; LENGTH]);
        (&file).read_exact(&mut *secret)?;
        Ok(Self(secret))
    }

    /// The secret in this file, which is made if it is not there.
    ///
    /// # Errors
    /// As [`Secret::read`], or it cannot be made.
    pub fn read_or_make(path: &Path) -> Result<Self, SecretError> {
        match Self::read(path) {
            Err(SecretError::Io(error)) if error.kind() == io::ErrorKind::NotFound => {
                Self::make(path)?;
                Self::read(path)
            }
            read => read,
        }
    }

    /// Whole or not at all: a module may read it meanwhile.
    fn make(path: &Path) -> io::Result<()> {
        let mut secret = Zeroizing::new([0; LENGTH]);
        rand_bytes(&mut *secret)?;
        let fresh = path.with_extension(format!("{}", std::process::id()));
        let made = (|| {
            let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&fresh)?;
            file.write_all(&*secret)?;
            file.sync_all()?;
            // Where another agent was first, its secret holds.
            match fs::hard_link(&fresh, path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
                linked => linked,
            }
        })();
        let _ = fs::remove_file(&fresh);
        made
    }

    /// What proves to whoever has given `challenge` that `prover` knows the secret; the other's challenge, and the program that is
    /// spoken of, are a part of it.
    ///
    /// # Errors
    /// OpenSSL is out of memory.
    pub fn proof(
        &self,
        prover: Prover,
        program: &str,
        challenge: &Challenge,
        own: &Challenge,
    ) -> Result<Challenge, ErrorStack> {
        let key = PKey::hmac(&*self.0)?;
        let mut signer = Signer::new(MessageDigest::sha256(), &key)?;
        let whose: &[u8] = match prover {
            Prover::Agent => b"reprise 1, agent",
            Prover::Module => b"reprise 1, module",
        };
        // All but the last have one length, or an end.
        for part in [whose, &[0], challenge, own, program.as_bytes()] {
            signer.update(part)?;
        }
        let mut proof = [0; 32];
        signer.sign(&mut proof)?;
        Ok(proof)
    }

    /// Whether `proof` is that one.
    pub fn proves(
        &self,
        prover: Prover,
        program: &str,
        (challenge, other): (&Challenge, &Challenge),
        proof: &[u8],
    ) -> bool {
        let expected = self.proof(prover, program, challenge, other);
        expected.is_ok_and(|expected| expected.len() == proof.len() && memcmp::eq(&expected, proof))
    }
}

/// Bytes that nobody can foresee.
///
/// # Errors
/// OpenSSL has none.
pub fn challenge() -> Result<Challenge, ErrorStack> {
    let mut challenge = [0; 32];
    rand_bytes(&mut challenge)?;
    Ok(challenge)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_secret_is_made_once_and_is_its_owners_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("module.secret");
        let made = Secret::read_or_make(&path).unwrap();
        assert_eq!(*made.0, *Secret::read_or_make(&path).unwrap().0);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "nothing else is left");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(Secret::read(&path).err().unwrap().to_string().contains("others can read"));
        fs::write(&path, "short").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        assert!(Secret::read_or_make(&path).err().unwrap().to_string().contains("another length"));
        assert!(Secret::read(dir.path()).is_err());
    }

    #[test]
    fn only_who_knows_the_secret_proves_it_and_to_whom_it_was_asked_by() {
        let [one, other] = [1, 2].map(|byte| Secret(Zeroizing::new([byte; LENGTH])));
        let (asked, own) = ([3; 32], [4; 32]);
        let proof = one.proof(Prover::Agent, "nginx", &asked, &own).unwrap();
        assert!(one.proves(Prover::Agent, "nginx", (&asked, &own), &proof));
        assert!(!other.proves(Prover::Agent, "nginx", (&asked, &own), &proof));
        // Sent back, it proves nothing.
        assert!(!one.proves(Prover::Module, "nginx", (&asked, &own), &proof));
        assert!(!one.proves(Prover::Agent, "nginx", (&own, &asked), &proof));
        assert!(!one.proves(Prover::Agent, "haproxy", (&asked, &own), &proof));
        assert!(!one.proves(Prover::Agent, "nginx", (&asked, &own), &proof[..31]));
        assert!(!one.proves(Prover::Agent, "nginx", (&asked, &own), &[]));
    }
}
