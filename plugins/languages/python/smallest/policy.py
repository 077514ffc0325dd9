"""Policy: a session resumes within an hour of its full handshake."""

from reprise import Connection, GetVerdict, Policy, Session, exports


class Fresh(Policy):
    def get_session(self, connection: Connection, candidate: Session) -> GetVerdict:
        old = connection.now > candidate.authenticated + 3600
        return GetVerdict.FULL_HANDSHAKE if old else GetVerdict.RESUME


NewSession, GetSession, RemoveSession, Settings = exports(Fresh)
