"""Policy: a session belongs to the client certificate, and by setting to the network, that made it.

The same as plugins/tenants, whose README.md tells its settings and what it does and does not guard against.
"""

from owner import NetworkPrefixes, NoPeer, Owner
from reprise import Connection, GetVerdict, NewVerdict, Policy, Session, Settings, exports, keep, observe, refuse
from reprise.server_name import ServerNames
from tenant import Tenant


class Objection(Exception):
    """Why a session is not kept or not resumed: the name of the counter that tells."""


class Tenants(Policy):
    """To whom sessions belong."""

    def __init__(self, settings: Settings) -> None:
        self.require_certificate = settings.flag("require-certificate") or False
        self.prefixes = NetworkPrefixes(settings.number("ipv4-prefix", 0, 32), settings.number("ipv6-prefix", 0, 128))
        self.tenants = ServerNames.read(settings, "tenant", Tenant.read)

    def new_session(self, connection: Connection, session: Session) -> NewVerdict:
        try:
            return keep(note=self._owner(connection, session).to_note())
        except Objection as objection:
            observe.count(str(objection))
            return refuse()

    def get_session(self, connection: Connection, candidate: Session) -> GetVerdict:
        try:
            self._check(connection, candidate)
            return GetVerdict.RESUME
        except Objection as objection:
            observe.count(str(objection))
            return GetVerdict.FULL_HANDSHAKE

    def _check(self, connection: Connection, candidate: Session) -> None:
        wanted = self._owner(connection, candidate)
        noted = Owner.from_note(candidate.note) if candidate.note is not None else None
        if noted is None:
            raise Objection("no_owner")
        if noted != wanted:
            raise Objection("other_owner")

    def _owner(self, connection: Connection, session: Session) -> Owner:
        """To whom `session` would belong on `connection`, by the settings of today."""
        tenant = self.tenants.find(connection.server_name) if connection.server_name is not None else None
        certificate = session.peer_certificate
        if certificate is None:
            if self.require_certificate or tenant:
                raise Objection("no_certificate")
        elif not certificate.verified:
            raise Objection("unverified")
        elif not certificate.not_before <= connection.now <= certificate.not_after:
            raise Objection("not_valid_now")
        elif tenant and not tenant.owns(certificate):
            raise Objection("not_of_tenant")
        elif len(certificate.sha256) != 32:
            raise Objection("unverified")
        try:
            network = self.prefixes.network_of(connection)
        except NoPeer:
            raise Objection("no_peer") from None
        return Owner(certificate.sha256 if certificate else None, network)


NewSession, GetSession, RemoveSession, Settings = exports(Tenants)
