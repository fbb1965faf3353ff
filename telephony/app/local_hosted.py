"""A call that the embedded server holds, with its clock: for the demo's provider and for tests.

    call = server.hold_call("rtc_1", accepted)     the provider accepted it, by HTTP
    call.press("1"); call.say(mulaw)               the caller
    call.played_ms, call.clients                   what he was played; who is attached
    call.hang_up()                                 he is gone: clients are closed, attaching is 404

Clients attach at `ws://.../v1/realtime?call_id=rtc_1`, at any time between and more than once.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import structlog

from telephony.local import HostedSession, LogLine, Speaker
from telephony.units import NS_PER_SECOND, Nanoseconds

__all__ = ["Attached", "LocalHostedCall"]

log = structlog.get_logger("telephony.local")


class Attached(Protocol):
    """A client of a call's session."""

    def send_text(self, text: bytes) -> None:
        """Send a message to it."""
        ...

    def say_goodbye(self, reason: str) -> None:
        """Close its connection cleanly: the call is over."""
        ...


class LocalHostedCall:
    """One call, from its acceptance to the caller's or the provider's hanging up.

    Attributes:
        call_id: The provider's name of it.
        clients: Who is attached.
        is_over: Whether it has ended.
    """

    def __init__(
        self,
        call_id: str,
        token: str,
        speaker: Speaker,
        accepted: Mapping[str, Any],
        on_message: Callable[[bytes], None] = lambda _text: None,
    ) -> None:
        """Take the call; its clock runs on the event loop from now on.

        Args:
            call_id: The provider's name of it.
            token: Tells the session's ids from all others'.
            speaker: The voice.
            accepted: The session it was accepted with, as the protocol writes it.
            on_message: Is shown each message of a client.

        Raises:
            RefusedEventError: It cannot be accepted so.
        """
        self.call_id = call_id
        self._on_message = on_message
        self.clients: list[Attached] = []
        self.is_over = False
        self._loop = asyncio.get_running_loop()
        self._session = HostedSession(token, speaker, accepted, self._now_ns())
        self._timer = self._loop.call_soon(self._on_timer)

    @property
    def played_ms(self) -> int:
        """How much the caller has been played of what is over."""
        return self._session.played_ms

    def say(self, audio: bytes) -> None:
        """Let the caller say something: mu-law, 8,000 Hz, mono, in real time."""
        self._session.say(audio)

    def press(self, digit: str) -> None:
        """Let the caller press a key."""
        self._session.press(digit)
        self._drain()

    def hang_up(self, reason: str = "the call has ended") -> None:
        """End the call, whoever wants that; its clients are told by a clean close."""
        self.is_over = True
        self._timer.cancel()
        for client in self.clients.copy():
            client.say_goodbye(reason)
        self.clients.clear()

    def attach(self, client: Attached) -> None:
        """Take one more client."""
        self.clients.append(client)
        self._session.attach()
        self._drain()

    def detach(self, client: Attached) -> None:
        """Learn that a client is gone; the call goes on."""
        if client in self.clients:
            self.clients.remove(client)

    def handle_message(self, text: bytes) -> None:
        """Take a message of a client's."""
        if not self.is_over:
            self._on_message(text)
            self._session.handle_message(text, self._now_ns())
            self._rearm()

    def _on_timer(self) -> None:
        self._session.handle_timer(self._now_ns())
        self._rearm()

    def _rearm(self) -> None:
        self._drain()
        self._timer.cancel()
        at_ns = self._session.next_deadline()
        self._timer = self._loop.call_at(at_ns / NS_PER_SECOND, self._on_timer)

    def _drain(self) -> None:
        """Tell every client what the session has to say; nobody is told it twice."""
        while (output := self._session.poll_output()) is not None:
            if isinstance(output, LogLine):
                write = log.warning if output.is_warning else log.info
                write(output.event, call_id=self.call_id, **output.fields)
            else:
                for client in self.clients.copy():
                    client.send_text(output.text)

    def _now_ns(self) -> Nanoseconds:
        return Nanoseconds(int(self._loop.time() * NS_PER_SECOND))
