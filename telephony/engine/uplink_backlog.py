"""What the kernel has not taken yet of one session's uplink: whole frames, in two lanes.

Messages go ahead of audio that waits, save those that must keep their place behind it (commit,
clear). Audio that waits too long is worth nothing: the oldest is dropped. What was sealed for the
wire is finished first, whatever comes: a part of it left out would end the connection.
"""

from collections import deque

__all__ = ["UplinkBacklog"]


class UplinkBacklog:
    """Frames that wait for the kernel, in the order in which they will be written."""

    def __init__(self) -> None:
        """Begin empty."""
        self._rest: memoryview | None = None
        self._messages: deque[bytes] = deque()
        self._audio: deque[tuple[bytes, float | None]] = deque()
        """Frames with the milliseconds of audio they carry, None for a message in its place."""
        self._audio_ms = 0.0
        self._audio_frames = 0
        self._message_octets = 0

    def __bool__(self) -> bool:
        """Tell whether anything waits."""
        return self._rest is not None or bool(self._messages) or bool(self._audio)

    @property
    def audio_ms(self) -> float:
        """How much audio waits whole."""
        return self._audio_ms

    @property
    def audio_frames(self) -> int:
        """How many frames of audio wait whole."""
        return self._audio_frames

    @property
    def message_octets(self) -> int:
        """How much of anything but audio waits."""
        return self._message_octets

    @property
    def rest(self) -> memoryview | None:
        """What is left of what was sealed; then tell `advance`."""
        return self._rest

    def push_message(self, frame: bytes) -> None:
        """Add a message ahead of all audio."""
        self._messages.append(frame)
        self._message_octets += len(frame)

    def push_after_audio(self, frame: bytes) -> None:
        """Add a message that keeps its place behind the audio that waits."""
        self._audio.append((frame, None))
        self._message_octets += len(frame)

    def push_audio(self, frame: bytes, audio_ms: float) -> None:
        """Add audio at the end; `audio_ms` is how much of it the frame carries."""
        self._audio.append((frame, audio_ms))
        self._audio_ms += audio_ms
        self._audio_frames += 1

    def trim_audio(self, limit_ms: float) -> tuple[int, float]:
        """Drop the oldest audio until no more than `limit_ms` waits; the newest frame stays.

        Returns:
            The frames and the milliseconds dropped.
        """
        frames, before_ms = 0, self._audio_ms
        kept: list[tuple[bytes, None]] = []
        while self._audio_ms > limit_ms and self._audio_frames > 1:
            frame, audio_ms = self._audio.popleft()
            if audio_ms is None:
                kept.append((frame, audio_ms))
                continue
            self._forget_audio(audio_ms)
            frames += 1
        self._audio.extendleft(reversed(kept))
        return frames, before_ms - self._audio_ms

    def clear_audio(self) -> None:
        """Drop all that waits in the audio's lane; a frame begun is finished still."""
        for frame, audio_ms in self._audio:
            if audio_ms is None:
                self._message_octets -= len(frame)
        self._audio.clear()
        self._audio_ms, self._audio_frames = 0.0, 0

    def begin(self, sealed: bytes, written: int) -> None:
        """Put what is left of sealed octets first, behind others that are, after `written`."""
        rest = memoryview(sealed)[written:]
        self._rest = rest if self._rest is None else memoryview(bytes(self._rest) + rest)

    def advance(self, written: int) -> None:
        """Learn how many octets of `rest` were written, from 1 to all of them."""
        assert self._rest is not None
        self._rest = self._rest[written:] if written < len(self._rest) else None

    def next_frame(self) -> tuple[bytes, bool]:
        """Give the frame that is to be sealed next, and whether it is audio; empty for none.

        Call `pop` then, unless it shall wait.
        """
        if self._messages:
            return self._messages[0], False
        if self._audio:
            frame, audio_ms = self._audio[0]
            return frame, audio_ms is not None
        return b"", False

    def pop(self) -> None:
        """Forget the frame that `next_frame()` gave."""
        if self._messages:
            self._message_octets -= len(self._messages.popleft())
            return
        frame, audio_ms = self._audio.popleft()
        if audio_ms is None:
            self._message_octets -= len(frame)
        else:
            self._forget_audio(audio_ms)

    def _forget_audio(self, audio_ms: float) -> None:
        self._audio_frames -= 1
        self._audio_ms = self._audio_ms - audio_ms if self._audio_frames else 0.0
