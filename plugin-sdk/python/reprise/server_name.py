"""Server names (SNI, RFC 6066 section 3) and patterns of them."""

import re
from typing import Callable, Generic, Iterable, Optional, TypeVar

from .settings import Settings

T = TypeVar("T")

_PATTERN = re.compile(r"(\*\.)?[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*")


def is_pattern(text: str) -> bool:
    """Whether this is a server name, or `*.` and the end of one."""
    return _PATTERN.fullmatch(text) is not None


class ServerNames(Generic[T]):
    """Something for each of several server names or patterns such as `*.example`. The most specific pattern holds."""

    def __init__(self, entries: Iterable[tuple[str, T]] = ()) -> None:
        self._patterns = {pattern.lower(): value for pattern, value in entries}

    def find(self, name: str) -> Optional[T]:
        """What holds for `name`, in lower case as the host gives it."""
        if name in self._patterns:
            return self._patterns[name]
        _, dot, rest = name.partition(".")
        while dot:
            if f"*.{rest}" in self._patterns:
                return self._patterns[f"*.{rest}"]
            _, dot, rest = rest.partition(".")
        return None

    @classmethod
    def read(cls, settings: Settings, key: str, read: Callable[[Settings], T]) -> "ServerNames[T]":
        """Reads `[settings.KEY."NAME"]`, each of them."""

        def entry(name: str, table: Settings) -> tuple[str, T]:
            if not is_pattern(name):
                raise table.invalid("", "a server name such as a.example or *.example", f"`{name}`")
            return name, read(table)

        return cls(settings.tables(key, entry))
