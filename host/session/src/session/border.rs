//! The border a session may not cross.

use openssl::sha::{Sha256, sha256};
use serde::{Deserialize, Serialize};

use super::Miss;

/// A digest of the part of the TLS configuration that sessions depend on: client CAs, verify mode, versions, ciphers. A
/// session never resumes under another epoch. Leave out the server certificate, so that a renewal keeps sessions and the
/// nodes of a fleet agree.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Epoch([u8; 16]);

impl Epoch {
    /// The epoch of a configuration, given as any bytes that stand for it.
    pub fn of(configuration: &[u8]) -> Self {
        let digest = sha256(configuration);
        Self(digest[..16].try_into().expect("half of 32 bytes"))
    }
}

/// Where a session was made, and so the only place where it resumes. Captured at the end of the client-hello hook of every
/// handshake, so that like is compared with like.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Border {
    /// SNI, in the spelling of [`ServerName::of_client`](super::ServerName::of_client). Absent is not the same as present (RFC 6066 section 3 ties a session to its name; TLS 1.3 leaves
    /// that to the server, RFC 8446 section 4.6.1).
    pub server_name: Option<String>,
    /// The listener's name.
    pub listener: String,
    /// The name of the site that the hook chose.
    pub site: String,
    /// `SSL_get_verify_mode` of the connection.
    pub verify_mode: i32,
    /// The configuration's epoch.
    pub epoch: Epoch,
}

impl Border {
    /// The session-id context of this side of the border, which OpenSSL compares too. The server name is left to
    /// [`Border::check`]: OpenSSL's context stands for a site.
    pub fn session_id_context(&self) -> [u8; 32] {
        session_id_context(&self.listener, &self.site, self.verify_mode, &self.epoch)
    }

    /// Whether a session made inside `self` may resume inside `here`.
    ///
    /// # Errors
    /// The first side on which they differ.
    pub fn check(&self, here: &Border) -> Result<(), Miss> {
        if self.listener != here.listener {
            return Err(Miss::Listener);
        }
        if self.site != here.site {
            return Err(Miss::Site);
        }
        if self.server_name != here.server_name {
            return Err(Miss::ServerName);
        }
        if self.verify_mode != here.verify_mode {
            return Err(Miss::VerifyMode);
        }
        if self.epoch != here.epoch {
            return Err(Miss::Epoch);
        }
        Ok(())
    }
}

/// The session-id context of all borders with these sides ([`Border::session_id_context`]).
pub fn session_id_context(listener: &str, site: &str, verify_mode: i32, epoch: &Epoch) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in [listener.as_bytes(), site.as_bytes(), &verify_mode.to_be_bytes(), &epoch.0] {
        hash.update(&(part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn border() -> Border {
        Border {
            server_name: Some("a.example".into()),
            listener: "public".into(),
            site: "a".into(),
            verify_mode: 1,
            epoch: Epoch::of(b"one"),
        }
    }

    #[test]
    fn each_side_of_the_border_is_a_reason_of_its_own() {
        let made = border();
        assert_eq!(made.check(&border()), Ok(()));
        for (here, miss) in [
            (Border { server_name: Some("b.example".into()), ..border() }, Miss::ServerName),
            (Border { server_name: None, ..border() }, Miss::ServerName),
            (Border { listener: "inside".into(), ..border() }, Miss::Listener),
            (Border { site: "b".into(), ..border() }, Miss::Site),
            (Border { verify_mode: 3, ..border() }, Miss::VerifyMode),
            (Border { epoch: Epoch::of(b"two"), ..border() }, Miss::Epoch),
        ] {
            assert_eq!(made.check(&here), Err(miss), "{here:?}");
        }
    }

    #[test]
    fn the_session_id_context_tells_apart_what_openssl_must_tell_apart() {
        let contexts = [
            border(),
            Border { listener: "publica".into(), site: "".into(), ..border() },
            Border { listener: "inside".into(), ..border() },
            Border { site: "b".into(), ..border() },
            Border { verify_mode: 3, ..border() },
            Border { epoch: Epoch::of(b"two"), ..border() },
        ]
        .map(|border| border.session_id_context());
        for (i, context) in contexts.iter().enumerate() {
            assert!(!contexts[..i].contains(context), "{i}");
        }
    }
}
