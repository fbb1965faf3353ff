"""The way from a call to its voice session: one Realtime session and its socket."""

import asyncio
from collections.abc import Callable

from telephony.call import VoicePlan
from telephony.engine.clock import monotonic_ns
from telephony.engine.realtime_socket import RealtimeSocket, SocketSettings
from telephony.engine.websocket_handshake import HandshakeRefusedError
from telephony.errors import TelephonyError
from telephony.realtime import RealtimeSession, profile_of, session_url
from telephony.voice import Close, SessionClosed, VoiceCommand, VoiceEvent

__all__ = ["NO_CLOSE_FRAME", "VoiceLink"]

NO_CLOSE_FRAME = 1006
"""RFC 6455 section 7.4.1: the connection ended, or never was, without a word."""


class VoiceLink:
    """One voice session of one call.

    Args:
        plan: Where it is, with which model, and with which headers.
        token: Mints the ids of our events.
        on_event: Takes the session's events; the last is `SessionClosed`.
        settings: What all connections have in common.
    """

    def __init__(
        self,
        plan: VoicePlan,
        token: Callable[[], str],
        on_event: Callable[[VoiceEvent], None],
        settings: SocketSettings,
    ) -> None:
        """Begin to connect; commands wait until that is done.

        Raises:
            ConfigurationError: The plan's URL or dialect cannot be used.
        """
        profile = profile_of(plan.dialect)
        self._session = RealtimeSession(token, profile, dict(plan.headers).values())
        self._on_event = on_event
        self._socket = RealtimeSocket(
            session_url(plan.url, plan.model, profile.path, attach_to=plan.attach_to),
            dict(plan.headers),
            self._session,
            on_event,
            monotonic_ns,
            settings,
        )
        self._append_message = self._session.append_message
        self._connecting = asyncio.get_running_loop().create_task(self._connect())

    @property
    def waiting_appends(self) -> int:
        """The newest appends, of which nothing was written yet."""
        return self._socket.waiting_audio_messages

    async def _connect(self) -> None:
        try:
            await self._socket.connect()
        except TelephonyError as failed:
            code, retry_after_seconds = NO_CLOSE_FRAME, None
            if isinstance(failed, HandshakeRefusedError):
                code, retry_after_seconds = failed.status, failed.retry_after_seconds
            self._on_event(SessionClosed(False, code, str(failed), retry_after_seconds))

    def append(self, audio: bytes) -> int:
        """Write the caller's audio, in the session's format: the hot path.

        Returns:
            How many of the oldest waiting appends were dropped to make room, usually 0.
        """
        return self._socket.write_audio(self._append_message(audio), len(audio))

    def tell(self, command: VoiceCommand) -> None:
        """Hand a command to the session; until it is connected, in order behind others."""
        self._socket.command(command)

    def counters(self) -> dict[str, int]:
        """Give what the session and its uplink counted, by name; each only grows."""
        return {f"voice_{name}": count for name, count in self._socket.counters().items()}

    def close(self) -> None:
        """Close the session: cleanly and within 2 s, or at once where it was not open yet."""
        self._connecting.cancel()
        self._socket.command(Close())
