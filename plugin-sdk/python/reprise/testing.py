"""For unit tests of policies, which run natively: facts to ask a policy about, and what it counted.

The facts are those of every SDK's tests, and of vectors (docs/conformance.md). Importing this module puts stand-ins in the place
of the host's imports.
"""

from collections import Counter
from typing import TypeVar

from wit_world.imports import observe, state
from wit_world.imports.types import Certificate, Connection, Session, TlsVersion

from .policy import Policy
from .settings import Settings

P = TypeVar("P", bound=Policy)

NOW = 1_893_456_000
"""The time at which everything here happens: 2030-01-01T00:00:00Z."""

counted: Counter[str] = Counter()
"""What was counted, by name."""

_memory: dict[str, bytes] = {}


def connection(**changes) -> Connection:
    """A connection to `a.example` from 192.0.2.1, at `NOW`, with these changes."""
    facts = dict(
        server_name="a.example", peer="192.0.2.1", listener="public", now=NOW, early_data=False, attributes=[]
    )
    return Connection(**(facts | changes))


def session(**changes) -> Session:
    """A TLS 1.3 session of `a.example`, authenticated at `NOW` without a client certificate, good for a day."""
    facts = dict(
        id=b"\x11" * 32,
        version=TlsVersion.TLS1_3,
        cipher_suite=0x1301,
        server_name="a.example",
        alpn=None,
        authenticated=NOW,
        expires=NOW + 86_400,
        resumptions=0,
        peer_certificate=None,
        note=None,
        attributes=[],
    )
    return Session(**(facts | changes))


def certificate(**changes) -> Certificate:
    """A verified client certificate, valid for an hour on either side of `NOW`."""
    facts = dict(
        sha256=b"\x22" * 32,
        spki_sha256=b"\x33" * 32,
        subject="CN=client,O=Example",
        issuer="CN=Client CA,O=Example",
        serial=b"\x0a\x1b",
        not_before=NOW - 3_600,
        not_after=NOW + 3_600,
        alternative_names=[],
        verified=True,
    )
    return Certificate(**(facts | changes))


def configured(policy: type[P], *pairs: tuple[str, str]) -> P:
    """A policy configured as the host would; raises what the operator would be told."""
    return Settings(list(pairs)).read(policy)


def _count(name: str, by: int) -> None:
    counted[name] += by


observe.count = _count
observe.log = lambda level, message: print(f"{level.name.lower()}: {message}")
state.get = _memory.get
state.set = lambda key, value, ttl: _memory.__setitem__(key, value)
state.delete = lambda key: _memory.pop(key, None) is not None
