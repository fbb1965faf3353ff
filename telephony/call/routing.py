"""Which agent answers a number: the lines of the configuration, first match wins."""

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Line", "Route", "route"]


@dataclass(frozen=True, slots=True)
class Line:
    """One line: a number, or a pattern of one, and the agent that answers it."""

    number: str
    """A whole number, `+1555*` for all that begin so, or `*` for any."""
    agent: str

    def matches(self, number: str) -> bool:
        """Say whether this line takes a dialled number; a leading + does not count."""
        wanted, dialled = self.number.removeprefix("+"), number.removeprefix("+")
        if wanted.endswith("*"):
            return dialled.startswith(wanted[:-1])
        return dialled == wanted


@dataclass(frozen=True, slots=True)
class Route:
    """What a dialled number leads to, and why."""

    agent: str | None
    why: str


def route(number: str, lines: Sequence[Line]) -> Route:
    """Find the agent for a dialled number.

    Args:
        number: User part of the Request-URI.
        lines: In the order of the configuration.
    """
    for position, line in enumerate(lines, start=1):
        if line.matches(number):
            return Route(line.agent, f"line {position} ({line.number}) matches {number}")
    known = ", ".join(line.number for line in lines) or "none"
    return Route(None, f"no line matches {number}; lines: {known}")
