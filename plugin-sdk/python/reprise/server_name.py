"""Server names (SNI, RFC 6066 section 3) and patterns of them."""

import re
from typing import TYPE_CHECKING, Callable, Generic, Iterable, Optional, TypeVar

if TYPE_CHECKING:
    from .settings import Settings

T = TypeVar("T")

_REST = "without scheme, port or path; no address; xn-- where it is not ASCII"
NAME_EXPECTED = f"a server name such as a.example, {_REST}"
PATTERN_EXPECTED = f"a server name such as a.example or *.example, {_REST}"

_LABEL = re.compile(r"[A-Za-z0-9_-]{1,63}")


def is_pattern(text: str) -> bool:
    """Whether this is a server name, or `*.` and the end of one. It may be in any case, and have a dot at its end."""
    name = text.removesuffix(".").removeprefix("*.")
    labels = name.split(".")
    # No top-level domain is a number: 127.1 is an address, as 127.0.0.1 is.
    is_number = re.fullmatch("[0-9]*", labels[-1]) is not None
    return not is_number and len(name) <= 253 and all(_LABEL.fullmatch(label) for label in labels)


def is_name(text: str) -> bool:
    """Whether this is a server name and no pattern."""
    return not text.startswith("*") and is_pattern(text)


def spelling(name: str) -> str:
    """The one spelling of a name: in lower case, without the dot at its end, which names the same host."""
    return name.removesuffix(".").lower()


class ServerNames(Generic[T]):
    """Something for each of several server names or patterns such as `*.example`. The most specific pattern holds."""

    def __init__(self, entries: Iterable[tuple[str, T]] = ()) -> None:
        self._patterns = {spelling(pattern): value for pattern, value in entries}

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
    def read(cls, settings: "Settings", key: str, read: "Callable[[Settings], T]") -> "ServerNames[T]":
        """Reads `[settings.KEY."NAME"]`, each of them."""

        def entry(name: str, table: "Settings") -> tuple[str, T]:
            if not is_pattern(name):
                raise table.invalid("", PATTERN_EXPECTED, f"`{name}`")
            return name, read(table)

        return cls(settings.tables(key, entry))
