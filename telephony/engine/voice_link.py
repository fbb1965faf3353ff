"""The way from a call to its voice session: one Realtime session and its socket."""

import asyncio
from collections.abc import Callable

from telephony.call import VoicePlan
from telephony.engine.clock import monotonic_ns
from telephony.engine.realtime_socket import RealtimeSocket
from telephony.engine.websocket_handshake import HandshakeRefusedError
from telephony.errors import TelephonyError
from telephony.realtime import RealtimeSession
from telephony.voice import Close, SessionClosed, VoiceCommand, VoiceEvent

__all__ = ["VoiceLink"]

NO_CLOSE_FRAME = 1006
"""RFC 6455 section 7.4.1: the connection ended, or never was, without a word."""


class VoiceLink:
    """One voice session of one call.

    Args:
        plan: Where it is, and with which headers.
        token: Mints the ids of our events.
        on_event: Takes the session's events; the last is `SessionClosed`.
        connect_seconds: For the connection to open.
    """

    def __init__(
        self,
        plan: VoicePlan,
        token: Callable[[], str],
        on_event: Callable[[VoiceEvent], None],
        connect_seconds: float,
    ) -> None:
        """Begin to connect; commands wait until that is done."""
        self._session = RealtimeSession(token)
        self._on_event = on_event
        self._socket = RealtimeSocket(
            plan.url, dict(plan.headers), self._session, on_event, monotonic_ns
        )
        self._waiting: list[VoiceCommand] | None = []
        self._connect_seconds = connect_seconds
        self._append_message = self._session.append_message
        self._connecting = asyncio.get_running_loop().create_task(self._connect())

    async def _connect(self) -> None:
        try:
            await self._socket.connect(self._connect_seconds)
        except TelephonyError as failed:
            code = failed.status if isinstance(failed, HandshakeRefusedError) else NO_CLOSE_FRAME
            self._on_event(SessionClosed(is_clean=False, code=code, reason=str(failed)))
            return
        waiting, self._waiting = self._waiting or [], None
        for command in waiting:
            self._socket.command(command)

    def append(self, audio: bytes) -> None:
        """Write the caller's audio, in the session's format: the hot path."""
        self._socket.write_audio(self._append_message(audio))

    def tell(self, command: VoiceCommand) -> None:
        """Hand a command to the session; until it is connected, in order behind others."""
        if self._waiting is not None:
            self._waiting.append(command)
        else:
            self._socket.command(command)

    def counters(self) -> dict[str, int]:
        """Give what the session and its uplink counted, by name; each only grows."""
        return {f"voice_{name}": count for name, count in self._socket.counters().items()}

    def close(self) -> None:
        """Close the session, cleanly and within 2 s."""
        if self._waiting is None:
            self._socket.command(Close())
        else:
            self._connecting.cancel()
