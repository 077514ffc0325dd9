"""Whom a session belongs to, and how that is written into its note."""

from dataclasses import dataclass
from typing import Optional

from reprise import Connection
from reprise.network import Network, address_of, from_bytes, network_of, to_bytes

_FORMAT = 1
"""The first byte of a note; another one when the format changes, so that notes of before are refused rather than misread."""


@dataclass(frozen=True)
class Owner:
    """What a session belongs to. Each part that is there has to be the same when the session is offered."""

    certificate: Optional[bytes]
    """The SHA-256 of the client certificate that was shown in the full handshake."""
    network: Optional[Network]
    """The network that the client was in."""

    def to_note(self) -> bytes:
        """The format, a byte that says whether a certificate's 32 bytes follow, and the network, if there is one."""
        head = bytes([_FORMAT, self.certificate is not None])
        return head + (self.certificate or b"") + (to_bytes(self.network) if self.network else b"")

    @classmethod
    def from_note(cls, note: bytes) -> Optional["Owner"]:
        """`None` for what `to_note` did not write."""
        if len(note) < 2 or note[0] != _FORMAT or note[1] > 1:
            return None
        end = 34 if note[1] else 2
        if len(note) < end:
            return None
        certificate = note[2:end] if note[1] else None
        if len(note) == end:
            return cls(certificate, None)
        network = from_bytes(note[end:])
        return cls(certificate, network) if network else None


class NoPeer(Exception):
    """Sessions are bound to networks, but nobody said where the connection comes from."""


@dataclass(frozen=True)
class NetworkPrefixes:
    """How long the prefix is that peers of one network share; `None` does not bind sessions to networks."""

    ipv4: Optional[int]
    ipv6: Optional[int]

    def network_of(self, connection: Connection) -> Optional[Network]:
        """The network that a session made or offered on `connection` is bound to."""
        if self.ipv4 is None and self.ipv6 is None:
            return None
        peer = address_of(connection.peer) if connection.peer is not None else None
        if peer is None:
            raise NoPeer
        prefix = self.ipv4 if peer.version == 4 else self.ipv6
        return None if prefix is None else network_of(peer, prefix)
