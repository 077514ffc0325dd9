use crate::{Connection, GetVerdict, NewVerdict, Removal, RemoveVerdict, Session, SessionId, Settings, SettingsError};

/// A session-cache policy. Every callback has no opinion unless it is overridden.
///
/// A policy is made once per instance, by [`configure`](Policy::configure), and then only read: the host runs several
/// instances at once and replaces them as it likes, so what has to last between calls belongs into a session's note
/// ([`Terms::note`](crate::Terms::note)) or into [`state`](crate::state).
///
/// A panic is safe: its message reaches the server's log, the call counts as an objection (the client does a full handshake),
/// and the instance is replaced.
///
/// [`Default`] is the policy without settings.
pub trait Policy: Default + 'static {
    /// Makes the policy from the `[settings]` table of NAME.toml. Keys that are not read here are refused by name, so that a
    /// misspelt one is never silently ignored. By default a policy knows no settings.
    ///
    /// # Errors
    ///
    /// An error rejects the policy; the operator sees its message, and the generation before it stays live.
    fn configure(settings: &mut Settings) -> Result<Self, SettingsError> {
        let _ = settings;
        Ok(Self::default())
    }

    /// OpenSSL has made a session (`SSL_CTX_sess_set_new_cb`): is it kept, and on which terms?
    ///
    /// `session.expires` is the furthest that the host allows. In TLS 1.3 it is asked for each ticket, also after a resumption;
    /// `session.note` is then the note of the session resumed.
    fn new_session(&self, connection: &Connection, session: &Session) -> NewVerdict {
        let _ = (connection, session);
        NewVerdict::no_opinion()
    }

    /// A client offers a session that the host itself would resume (`SSL_CTX_sess_set_get_cb`): may it?
    fn get_session(&self, connection: &Connection, candidate: &Session) -> GetVerdict {
        let _ = (connection, candidate);
        GetVerdict::Resume
    }

    /// OpenSSL (`SSL_CTX_sess_set_remove_cb`) or the store has given a session up. Called later, never inside a handshake;
    /// `session` is `None` where the store no longer has it.
    fn remove_session(&self, id: &SessionId, session: Option<&Session>, why: Removal) -> RemoveVerdict {
        let _ = (id, session, why);
        RemoveVerdict::HostDefault
    }
}
