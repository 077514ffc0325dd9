"""A small memory of the policy's own on this node; it outlives an instance and a reload. A write that fails raises why."""

from typing import Optional

from wit_world.imports import state as host


def get(key: str) -> Optional[bytes]:
    """The value under `key`; a counter reads as its 8 bytes, little endian."""
    return host.get(key)


def set(key: str, value: bytes, ttl: int) -> None:
    """Writes `value` for `ttl` seconds (0: until it is deleted)."""
    host.set(key, value, ttl)


def increment(key: str, by: int, ttl: int) -> int:
    """Adds to the counter under `key` and gives the sum; makes one that lasts `ttl` seconds if there is none."""
    return host.increment(key, by, ttl)


def delete(key: str) -> bool:
    """Removes what is under `key`; true if there was something."""
    return host.delete(key)
