"""Sessions of the names in the settings resume for ten minutes, and only from the address that made them."""

from reprise import Connection, GetVerdict, NewVerdict, Policy, Session, Settings, exports, keep


class Cautious(Policy):
    def __init__(self, settings: Settings) -> None:
        self.names = settings.server_names("name")

    def new_session(self, connection: Connection, session: Session) -> NewVerdict:
        if session.server_name not in self.names:
            return keep()
        return keep(lifetime=600, note=connection.peer.encode() if connection.peer else None)

    def get_session(self, connection: Connection, candidate: Session) -> GetVerdict:
        here = connection.peer.encode() if connection.peer else None
        elsewhere = candidate.note is not None and candidate.note != here
        return GetVerdict.FULL_HANDSHAKE if elsewhere else GetVerdict.RESUME


NewSession, GetSession, RemoveSession, Settings = exports(Cautious)
