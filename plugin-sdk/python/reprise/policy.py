"""What a policy implements, and how it becomes a module's exports."""

import sys
import traceback
from typing import Optional

import wit_world.exports as world
from componentize_py_types import Err
from wit_world.imports.types import (
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
)

from . import observe
from .settings import Settings, SettingsError


class Policy:
    """A policy. Every callback has no opinion unless it is overridden.

    It is made once per instance and then only read: there are several instances at once, so what has to last between calls
    belongs into a session's note or into `state`. An exception is safe: it is logged, and the client does a full handshake.
    """

    def __init__(self, settings: Settings) -> None:
        """Reads the settings. A `SettingsError` rejects the policy; keys that are not read are refused by name."""

    def new_session(self, connection: Connection, session: Session) -> NewVerdict:
        """OpenSSL has made a session: is it kept, and on which terms?"""
        return keep()

    def get_session(self, connection: Connection, candidate: Session) -> GetVerdict:
        """A client offers a session that the host itself would resume: may it?"""
        return GetVerdict.RESUME

    def remove_session(self, id: bytes, session: Optional[Session], why: Removal) -> RemoveVerdict:
        """A session was given up; `session` is `None` where the store no longer has it."""
        return RemoveVerdict.HOST_DEFAULT


def keep(
    *,
    lifetime: Optional[int] = None,
    single_use: Optional[bool] = None,
    reach: Optional[Reach] = None,
    priority: Optional[Priority] = None,
    note: Optional[bytes] = None,
) -> NewVerdict:
    """Nothing against the session, on these terms; what is left out, the policy has no opinion on."""
    return NewVerdict_Keep(Terms(lifetime, single_use, reach, priority, note, []))


def refuse() -> NewVerdict:
    """The session is not kept."""
    return NewVerdict_Refuse()


def exports(policy: type[Policy]) -> tuple[type, type, type, type]:
    """The classes `NewSession`, `GetSession`, `RemoveSession` and `Settings`, of which a module exports those of its world.

    A callback that the world exports and the policy does not override is an error."""
    for export, callback in ("NewSession", "new_session"), ("GetSession", "get_session"), ("RemoveSession", "remove_session"):
        if hasattr(world, export) and getattr(policy, callback) is getattr(Policy, callback):
            raise TypeError(
                f"{policy.__name__} has no `{callback}`, which the world in wit/ exports: "
                "implement it, or leave it out of the world"
            )
    instance: list[Policy] = []

    def configured() -> Policy:
        if not instance:
            instance.append(Settings([]).read(policy))
        return instance[0]

    class NewSession:
        def decide(self, connection: Connection, session: Session) -> NewVerdict:
            return _logged(lambda: _kept_or_refused(configured().new_session(connection, session)))

    class GetSession:
        def decide(self, connection: Connection, candidate: Session) -> GetVerdict:
            return _logged(lambda: _one_of(GetVerdict, configured().get_session(connection, candidate), "get_session"))

    class RemoveSession:
        def decide(self, id: bytes, session: Optional[Session], why: Removal) -> RemoveVerdict:
            return _logged(lambda: _one_of(RemoveVerdict, configured().remove_session(id, session, why), "remove_session"))

    class Configure:
        def configure(self, settings: list[tuple[str, str]]) -> None:
            try:
                instance[:] = [Settings(settings).read(policy)]
            except SettingsError as error:
                raise Err(str(error)) from None

    return NewSession, GetSession, RemoveSession, Configure


def _kept_or_refused(verdict):
    if isinstance(verdict, (NewVerdict_Keep, NewVerdict_Refuse)):
        return verdict
    raise TypeError(f"new_session returned {verdict!r}; expected keep(…) or refuse()")


def _one_of(verdicts, verdict, callback: str):
    if isinstance(verdict, verdicts):
        return verdict
    *others, last = [str(expected) for expected in verdicts]
    raise TypeError(f"{callback} returned {verdict!r}; expected {', '.join(others)} or {last}")


def _logged(decide):
    """An exception is a trap that does not say why, unless it is logged first."""
    try:
        return decide()
    except Exception as error:
        observe.error(_told(error))
        # The runtime would print it once more, with the SDK's own frames. The instance ends here.
        sys.stderr = None
        raise


def _told(error: Exception) -> str:
    """What Python prints of an exception, but for the SDK's own frames."""
    frames = [(frame.f_code, line) for frame, line in traceback.walk_tb(error.__traceback__)]
    theirs = [(code, line) for code, line in frames if code.co_filename != _told.__code__.co_filename]
    places = [f'File "{code.co_filename}", line {line}, in {code.co_name}' for code, line in theirs]
    return "\n".join(["Traceback:", *places, f"{type(error).__qualname__}: {error}"])
