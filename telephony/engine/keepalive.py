"""Notices a server that is gone while nothing is said, such as on hold (RFC 6455 section 5.5.2)."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["Keepalive", "KeepaliveSettings"]


@dataclass(frozen=True, slots=True)
class KeepaliveSettings:
    """How often a server is asked whether it lives."""

    ping_seconds: float = 20.0
    """Between two pings; 0 sends none. Proxies cut what is silent for a minute or more."""
    pong_seconds: float = 10.0
    """After a ping, for anything at all to come: a pong may have to wait behind audio. 0 waits
    for ever: pings then only keep the way open."""


class Keepalive:
    """The pings of one connection."""

    def __init__(
        self,
        settings: KeepaliveSettings,
        ping: Callable[[], None],
        on_dead: Callable[[str], None],
    ) -> None:
        """Do nothing until `start`.

        Args:
            settings: How often.
            ping: Sends a ping.
            on_dead: Called once, from the loop, with the reason.
        """
        self._settings = settings
        self._ping = ping
        self._on_dead = on_dead
        self._has_heard = True
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Begin; needs a running loop."""
        if self._settings.ping_seconds:
            self._wait(self._settings.ping_seconds, self._ask)

    def note_sign_of_life(self) -> None:
        """Learn that the server said something."""
        self._has_heard = True

    def stop(self) -> None:
        """Ask no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _wait(self, seconds: float, then: Callable[[], None]) -> None:
        self._timer = asyncio.get_running_loop().call_later(seconds, then)

    def _ask(self) -> None:
        self._has_heard = False
        if self._settings.pong_seconds:
            self._wait(self._settings.pong_seconds, self._check)
        else:
            self._wait(self._settings.ping_seconds, self._ask)
        self._ping()

    def _check(self) -> None:
        settings = self._settings
        if self._has_heard:
            self._wait(max(0.0, settings.ping_seconds - settings.pong_seconds), self._ask)
        else:
            self._timer = None
            self._on_dead(f"the server did not answer a ping within {settings.pong_seconds:g} s")
