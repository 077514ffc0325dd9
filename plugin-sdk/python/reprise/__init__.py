"""Write Reprise session-cache policies in Python.

A policy is a class that extends `Policy` and overrides the callbacks that it decides; `exports` makes a module's exports of it:

    class Fresh(Policy):
        def get_session(self, connection: Connection, candidate: Session) -> GetVerdict:
            old = connection.now > candidate.authenticated + 3600
            return GetVerdict.FULL_HANDSHAKE if old else GetVerdict.RESUME

    NewSession, GetSession, RemoveSession, Settings = exports(Fresh)

The facts are dataclasses that componentize-py generates of wit/session-cache.wit, whose words are the reference. Every time and
every number of seconds is a whole number, in seconds; a fact that may be absent is `None` then.
"""

from wit_world.imports.types import (
    Certificate,
    Connection,
    GetVerdict,
    NewVerdict,
    NewVerdict_Keep,
    NewVerdict_Refuse,
    Priority,
    Reach,
    Removal,
    RemoveVerdict,
    Session,
    Terms,
    TlsVersion,
)

from . import network, observe, server_name, state
from .policy import Policy, exports, keep, refuse
from .settings import Settings, SettingsError

__all__ = [
    "Certificate",
    "Connection",
    "GetVerdict",
    "NewVerdict",
    "NewVerdict_Keep",
    "NewVerdict_Refuse",
    "Policy",
    "Priority",
    "Reach",
    "Removal",
    "RemoveVerdict",
    "Session",
    "Settings",
    "SettingsError",
    "Terms",
    "TlsVersion",
    "exports",
    "keep",
    "network",
    "observe",
    "refuse",
    "server_name",
    "state",
]
