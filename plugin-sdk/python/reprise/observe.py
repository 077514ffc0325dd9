"""What a policy tells its operator: log lines and counters. Both are capped by the host."""

from wit_world.imports import observe as host


def count(name: str, by: int = 1) -> None:
    """Adds to a counter of the policy's own: lower-case letters, digits and `_`."""
    host.count(name, by)


def info(message: str) -> None:
    """A line in the server's log, for the operator's interest."""
    host.log(host.Level.INFO, message)


def warn(message: str) -> None:
    """A line where the operator should look."""
    host.log(host.Level.WARN, message)


def error(message: str) -> None:
    """A line where the policy cannot do its work."""
    host.log(host.Level.ERROR, message)
