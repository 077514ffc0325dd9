"""A policy's settings: the [settings] table of NAME.toml, read key by key."""

import re
from typing import Callable, Optional, TypeVar

from .server_name import NAME_EXPECTED, is_name, spelling

T = TypeVar("T")


class SettingsError(Exception):
    """Why settings were not accepted, as the operator is shown it."""


class Settings:
    """Settings to be read key by key. What cannot be read is raised as a `SettingsError` that names the key."""

    def __init__(self, pairs: list[tuple[str, str]], path: str = "") -> None:
        self._path = path
        self._unread = list(pairs)
        self._known: set[str] = set()

    def read(self, read: Callable[["Settings"], T]) -> T:
        """Reads them with `read`, then makes sure that nothing was left unread."""
        value = read(self)
        self._finish()
        return value

    def flag(self, key: str) -> Optional[bool]:
        """true or false; `None` if it is not set."""
        text = self.text(key)
        if text not in (None, "true", "false"):
            raise self.invalid(key, "true or false", f"`{text}`")
        return None if text is None else text == "true"

    def number(self, key: str, least: int, most: int) -> Optional[int]:
        """A whole number from `least` to `most`; `None` if it is not set."""
        text = self.text(key)
        if text is None:
            return None
        if re.fullmatch(r"-?[0-9]{1,18}", text) and least <= int(text) <= most:
            return int(text)
        raise self.invalid(key, f"a number from {least} to {most}", f"`{text}`")

    def text(self, key: str) -> Optional[str]:
        """One text; `None` if it is not set."""
        values = self.all(key)
        if len(values) > 1:
            raise self.invalid(key, "one value", f"{len(values)} values")
        return values[0] if values else None

    def all(self, key: str) -> list[str]:
        """Every value of `key`, in the order of the file."""
        self._known.add(self._path + key)
        taken = [value for other, value in self._unread if other == key]
        self._unread = [pair for pair in self._unread if pair[0] != key]
        return taken

    def server_names(self, key: str) -> list[str]:
        """Every value of `key`, each a server name and no pattern, as the host spells it."""
        names = self.all(key)
        for name in names:
            if not is_name(name):
                raise self.invalid(key, NAME_EXPECTED, f"`{name}`")
        return [spelling(name) for name in names]

    def tables(self, key: str, read: Callable[[str, "Settings"], T]) -> list[T]:
        """Reads each table under `key`, whose keys are names of the user's choice; they may have dots."""
        self._known.add(f"{self._path}{key}.NAME")
        tables: dict[str, list[tuple[str, str]]] = {}
        for rest, value in self._take_under(key):
            name, dot, field = rest.rpartition(".")
            if not dot:
                raise self.invalid(f"{key}.{rest}", "a table", f"`{value}`")
            tables.setdefault(name, []).append((field, value))
        return [
            Settings(pairs, f"{self._path}{key}.{name}.").read(lambda table: read(_unquoted(name), table))
            for name, pairs in tables.items()
        ]

    def invalid(self, key: str, expected: str, found: str) -> SettingsError:
        """An error about `key`, to be raised, for what a policy checks beyond types; about the table itself if `key` is empty."""
        path = self._path + key if key else self._path[:-1]
        return SettingsError(f"setting `{path}`: expected {expected}, found {found}")

    def _take_under(self, table: str) -> list[tuple[str, str]]:
        prefix = table + "."
        taken = [(key[len(prefix) :], value) for key, value in self._unread if key.startswith(prefix)]
        self._unread = [pair for pair in self._unread if not pair[0].startswith(prefix)]
        return taken

    def _finish(self) -> None:
        """What nobody has read is an error, so that a misspelt key is never ignored."""
        unknown = sorted({self._path + key for key, _ in self._unread})
        if not unknown:
            return
        known = sorted(self._known)
        rest = f"this policy knows {_list(known)}" if known else "this policy has no settings"
        raise SettingsError(f"unknown setting{'s' if len(unknown) > 1 else ''} {_list(unknown)}; {rest}")


def _list(keys: list[str]) -> str:
    return ", ".join(f"`{key}`" for key in keys)


def _unquoted(name: str) -> str:
    """A name without the quotes that TOML puts around one with dots in it."""
    return name[1:-1] if len(name) >= 2 and name[0] == name[-1] == '"' else name
