"""One session of the benchmark's model server, without a socket: messages in, frames out.

It grants what it is asked for, counts what is appended, speaks in bursts that come faster than real
time, as hosted models do, and in its quiet mode gives marked audio back at once.
"""

import json
import re
from base64 import b64decode
from collections.abc import Callable, Sequence
from typing import Any

from telephony.app.bench.model_answer import Answer, event_frame
from telephony.app.bench.sound import is_marker
from telephony.realtime.dialects import AUDIO_FORMATS
from telephony_codecs import AudioFormat

__all__ = ["BURST_SECONDS", "DELTAS_PER_BURST", "DELTA_MS", "ModelSession"]

DELTA_MS = 100
DELTAS_PER_BURST = 20
BURST_SECONDS = DELTA_MS * DELTAS_PER_BURST / 1000
LEAD_DELTAS = 5
"""More in a session's first burst: what a model is ahead by, so that playout never runs dry."""
BURSTS_PER_ANSWER = 3
"""An answer of 6 s; between answers there is no pause, as the figures are those of full load."""
WORDS_PER_BURST = 6
ECHOED_APPENDS = 3
"""From a marked one on: the resamplers of both ways bring its end up to two packets later."""
APPEND = b'"input_audio_buffer.append"'
TYPE_WINDOW = 64
AUDIO = b'"audio":"'
CALL_NUMBER = re.compile(r"^- call: (\d+)$", re.MULTILINE)
FORMATS = {"pcmu": AudioFormat.PCMU, "pcma": AudioFormat.PCMA, "pcm": AudioFormat.PCM24K}
MS_PER_SECOND = 1000


class ModelSession:
    """One client.

    Args:
        number: Of the session; makes its ids.
        voice: Gives the deltas of one burst in a format, base64.
        clock: The monotonic clock.

    Attributes:
        call: The number of the caller, as the instructions tell it; None before.
        speaks: Whether the client has asked for a response.
        markers_ns: When each marker was read.
    """

    def __init__(
        self,
        number: int,
        voice: Callable[[AudioFormat], Sequence[bytes]],
        clock: Callable[[], int],
    ) -> None:
        """Wait for the client's settings."""
        self.call: int | None = None
        self.speaks = False
        self.markers_ns: list[int] = []
        self._number = number
        self._voice = voice
        self._clock = clock
        self._format = AudioFormat.PCM24K
        self._answer: Answer | None = None
        self._answers = 0
        self._bursts = 0
        self._appended_octets = 0
        self._is_quiet = False
        self._to_echo = 0
        self._was_marked = False

    def greet(self) -> bytes:
        """Give the server's first message."""
        return event_frame("session.created", 0, {"session": self._describe({})})

    def _describe(self, asked: dict[str, Any]) -> dict[str, Any]:
        session = {"type": "realtime", "object": "realtime.session", "id": f"sess_{self._number}"}
        return {**session, **asked}

    def handle_text(self, text: bytes) -> bytes:
        """Take one message, and give the frames that answer it."""
        if APPEND in text[:TYPE_WINDOW]:
            return self._append(text)
        message: dict[str, Any] = json.loads(text)
        match message.get("type"):
            case "session.update":
                return self._update(message["session"])
            case "response.create":
                self.speaks = True
            case _:
                pass
        return b""

    def _update(self, asked: dict[str, Any]) -> bytes:
        found = CALL_NUMBER.search(asked.get("instructions", ""))
        if found is not None:
            self.call = int(found[1])
        name = asked["audio"]["input"]["format"]["type"]
        self._format = FORMATS[AUDIO_FORMATS[name]]
        return event_frame("session.updated", 1, {"session": self._describe(asked)})

    def _append(self, text: bytes) -> bytes:
        start = text.index(AUDIO) + len(AUDIO)
        encoded = text[start : text.index(b'"', start)]
        padding = encoded.count(b"=", -2)
        self._appended_octets += len(encoded) * 3 // 4 - padding
        return self._give_back(encoded) if self._is_quiet else b""

    def _give_back(self, encoded: bytes) -> bytes:
        """Answer a marked append with itself and with what follows it."""
        frames = b""
        is_marked = is_marker(b64decode(encoded), self._format)
        if is_marked and not self._was_marked:
            self.markers_ns.append(self._clock())
            self._to_echo = ECHOED_APPENDS
            frames = self._end_answer() + self._begin_answer()
        self._was_marked = is_marked
        if self._answer is None:
            return frames
        self._to_echo -= 1
        frames += self._answer.audio(encoded)
        return frames if self._to_echo else frames + self._end_answer()

    def take_appended_ms(self) -> float:
        """Give the length of what was appended since this was last asked."""
        octets, self._appended_octets = self._appended_octets, 0
        return self._format.samples(octets) * MS_PER_SECOND / self._format.rate_hz

    def burst(self) -> bytes:
        """Give the frames of the next two seconds of speech."""
        frames: list[bytes] = []
        deltas = list(self._voice(self._format))
        if self._bursts % BURSTS_PER_ANSWER == 0:
            frames.append(self._end_answer())
            frames.append(self._begin_answer())
        if not self._bursts:
            deltas += deltas[:LEAD_DELTAS]
        assert self._answer is not None
        words_every = max(1, len(deltas) // WORDS_PER_BURST)
        for index, encoded in enumerate(deltas):
            frames.append(self._answer.audio(encoded))
            if index % words_every == 0:
                frames.append(self._answer.word("word"))
        self._bursts += 1
        return b"".join(frames)

    def _begin_answer(self) -> bytes:
        self._answers += 1
        self._answer = Answer(f"{self._number}_{self._answers}")
        return self._answer.begin()

    def _end_answer(self) -> bytes:
        answer, self._answer = self._answer, None
        return b"" if answer is None else answer.end()

    def be_quiet(self) -> bytes:
        """End the answer under way; from now on each marker is answered with itself."""
        self._is_quiet = True
        return self._end_answer()
