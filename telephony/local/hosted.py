"""A call that this server holds, as a provider's does: its caller is heard and played to here.

Clients attach to it and detach as they like; the session lives from the call's acceptance to its
end. A client steers it by text, tools and responses; the caller's audio is none of its business:
whatever it sends of audio, and whatever it would change of the line, is refused.
"""

from base64 import b64encode
from collections.abc import Mapping
from typing import Any, cast

from telephony.local.faults import RefusedEventError
from telephony.local.session import LocalSession
from telephony.local.settings import merge_update
from telephony.local.speaker import Speaker
from telephony.realtime import client_events, events
from telephony.units import NS_PER_MS, Nanoseconds

__all__ = ["HostedSession"]

FRAME_MS = 20
FRAME_NS = FRAME_MS * NS_PER_MS
FRAME_OCTETS = 160
"""20 ms of mu-law."""
SILENCE = b"\xff" * FRAME_OCTETS
MAX_UNHEARD_OCTETS = 60 * 8_000
"""A minute of what the caller has yet to say."""
LINE: Mapping[str, Any] = {
    "input": {"format": {"type": "audio/pcmu"}},
    "output": {"format": {"type": "audio/pcmu"}},
}
"""What the caller's line carries, whoever accepts the call."""
SETTLED = (
    ("model",),
    ("audio", "input", "format"),
    ("audio", "output", "format"),
    ("audio", "output", "voice"),
)
"""What is settled when a call is accepted: no update may name it."""
OF_THE_LINE = tuple(
    ("audio", "input", "turn_detection", name)
    for name in ("threshold", "prefix_padding_ms", "silence_duration_ms")
)
"""What the provider alone decides on, at the acceptance and later."""
AUDIO_EVENTS = (
    client_events.InputAudioBufferAppend,
    client_events.InputAudioBufferCommit,
    client_events.InputAudioBufferClear,
)


class HostedSession(LocalSession):
    """One call's session. It may have any number of clients, each of whom is told the same.

    After each method, drain `poll_output()` to None, then re-arm one timer by `next_deadline()`.
    """

    def __init__(
        self, token: str, speaker: Speaker, accepted: Mapping[str, Any], now_ns: Nanoseconds
    ) -> None:
        """Take the call: from now on the caller is listened to.

        Args:
            token: Tells this session's ids from all others'; letters and digits.
            speaker: The voice, shared by all sessions.
            accepted: The session that the call was accepted with, as the protocol writes it.
            now_ns: The time.

        Raises:
            RefusedEventError: It cannot be accepted so; whoever accepts it is at fault.
        """
        super().__init__(token, speaker, plays=True)
        while self.poll_output() is not None:
            pass  # nobody is attached yet, whom its creation could be told
        _refuse_fields(accepted, (SETTLED[1], SETTLED[2], *OF_THE_LINE))
        if accepted.get("type") != "realtime":
            message = "Missing required parameter: 'session.type'."
            raise RefusedEventError("missing_required_parameter", message, "session.type")
        config = merge_update(self._config, {"audio": LINE}, has_spoken=False)
        self._configure(merge_update(config, accepted, has_spoken=False))
        self._said = bytearray()
        self._line_ns = now_ns

    @property
    def played_ms(self) -> int:
        """How much the caller has been played of what is over."""
        assert self._playout is not None
        return self._playout.played_ms

    def attach(self) -> None:
        """Learn that a client is there: all that are there are told of the session."""
        self._greet()

    def say(self, audio: bytes) -> None:
        """Let the caller say something, in real time and behind what he is saying already.

        Args:
            audio: Mu-law, 8,000 Hz, mono; beyond a minute that waits, the rest is dropped.
        """
        self._said += audio[: MAX_UNHEARD_OCTETS - len(self._said)]

    def press(self, digit: str) -> None:
        """Let the caller press a key, `0` to `9`, `*`, `#` or `A` to `D`."""
        self._outbox.send(events.DigitEvent(event=digit))

    def handle_timer(self, now_ns: Nanoseconds) -> None:
        """Learn that `next_deadline()` has passed."""
        while self._line_ns + FRAME_NS <= now_ns:
            self._line_ns = Nanoseconds(self._line_ns + FRAME_NS)
            frame = bytes(self._said[:FRAME_OCTETS]) + SILENCE
            del self._said[:FRAME_OCTETS]
            for edge in self._input.append(b64encode(frame[:FRAME_OCTETS]).decode()):
                self._follow_speech(edge, self._line_ns)
        super().handle_timer(now_ns)
        assert self._playout is not None
        self._playout.handle_timer(now_ns)

    def next_deadline(self) -> Nanoseconds:
        """Say when `handle_timer` wants to be called: the line is listened to all the time."""
        assert self._playout is not None
        line_ns = Nanoseconds(self._line_ns + FRAME_NS)
        others = (super().next_deadline(), self._playout.next_deadline())
        return min((one for one in others if one is not None and one < line_ns), default=line_ns)

    def _take(self, event: client_events.ClientEvent, now_ns: Nanoseconds) -> None:
        if isinstance(event, AUDIO_EVENTS):
            message = f"'{event.type}' is not allowed: the call's audio is the server's."
            raise RefusedEventError("invalid_value", message, "type")
        if isinstance(event, client_events.SessionUpdate):
            _refuse_fields(event.session.model_dump(exclude_unset=True), (*SETTLED, *OF_THE_LINE))
        super()._take(event, now_ns)


def _refuse_fields(session: Mapping[str, Any], paths: tuple[tuple[str, ...], ...]) -> None:
    for path in paths:
        found: object = session
        for name in path:
            found = (
                cast("Mapping[str, object]", found).get(name) if isinstance(found, dict) else None
            )
        if found is not None:
            param = ".".join(("session", *path))
            message = f"'{param}' cannot be set for a call that the server holds."
            raise RefusedEventError("unsupported_parameter", message, param)
