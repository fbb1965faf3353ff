"""Whether calls can be taken: what `/healthz` says to a load balancer."""

import time
from collections.abc import Callable
from enum import StrEnum
from typing import Protocol

__all__ = ["Health", "Phase"]

SILENT_SECONDS = 5.0
"""An engine reports every second; one that says nothing for so long serves nobody."""


class Phase(StrEnum):
    """Where the app is between its start and its end."""

    STARTING = "starting"
    SERVING = "ok"
    RESTARTING = "embedded server is started again"
    DRAINING = "draining"


class _Part(Protocol):
    """What is watched: a child process."""

    @property
    def name(self) -> str: ...

    @property
    def is_running(self) -> bool: ...


class Health:
    """The state of an app and of its parts.

    Args:
        now_s: The monotonic clock, in seconds.
    """

    def __init__(self, now_s: Callable[[], float] = time.monotonic) -> None:
        """Begin with an app that starts."""
        self.phase = Phase.STARTING
        self._parts: list[_Part] = []
        self._now_s = now_s
        self._reported_s = now_s()

    def watch(self, part: _Part) -> None:
        """Take a part that was started into account."""
        self._parts.append(part)
        self._reported_s = self._now_s()

    def handle_report(self) -> None:
        """Learn that the engine is alive."""
        self._reported_s = self._now_s()

    def status(self) -> str:
        """Give "ok", or why no calls can be taken."""
        if self.phase is not Phase.SERVING:
            return self.phase
        for part in self._parts:
            if not part.is_running:
                return f"{part.name} died"
        if self._now_s() - self._reported_s > SILENT_SECONDS:
            return "engine is silent"
        return self.phase
