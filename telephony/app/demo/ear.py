"""The ear of a scripted caller: records a call, knows when the far end speaks, lets a script wait.

What a script does depends on what it hears and on nothing that the product says of itself.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from telephony.app.recording import CallRecorder
from telephony.media import RtpPortSettings
from telephony.units import NS_PER_MS, Nanoseconds
from telephony_codecs import AudioFormat, rms

__all__ = ["Ear", "HeardChunk"]

VOICE_RMS = 200
"""Louder than this (-44 dB below full scale) is voice; the agent's pauses are digital silence."""
VOICE_CHUNKS = 2
"""Loud chunks in a row that make voice: one alone may be the end of a fade."""


@dataclass(frozen=True, slots=True)
class HeardChunk:
    """One packet's audio: where it stands in what was heard, and when it arrived."""

    offset: int
    octets: int
    arrived_ns: Nanoseconds


class Ear:
    """Hears one call; a tap (`telephony.engine.tap.MediaTap`)."""

    def __init__(self) -> None:
        """Wait for the call's media."""
        self.recorder = CallRecorder()
        self.octets = bytearray()
        """All that the far end sent, in the leg's format."""
        self.chunks: list[HeardChunk] = []
        self.audio_format = AudioFormat.PCMU
        self.voice_began_ns: Nanoseconds | None = None
        """When the far end's present words began; None while it is silent."""
        self._loud_chunks = 0
        self._loud_ns = Nanoseconds(0)
        self._waiting: list[asyncio.Future[None]] = []

    def started(self, settings: RtpPortSettings, now_ns: Nanoseconds) -> None:
        """Learn the formats."""
        self.audio_format = settings.audio_format
        self.recorder.started(settings, now_ns)

    def sent(self, packet: bytes, now_ns: Nanoseconds) -> None:
        """Take a packet of ours."""
        self.recorder.sent(packet, now_ns)

    def received(self, octets: bytes, now_ns: Nanoseconds) -> None:
        """Take audio of the far end."""
        self.recorder.received(octets, now_ns)
        self.chunks.append(HeardChunk(len(self.octets), len(octets), now_ns))
        self.octets += octets
        if rms(octets, self.audio_format) > VOICE_RMS:
            self._loud_chunks += 1
            self._loud_ns = now_ns
            if self._loud_chunks == VOICE_CHUNKS and self.voice_began_ns is None:
                self.voice_began_ns = self.chunks[-VOICE_CHUNKS].arrived_ns
        else:
            self._loud_chunks = 0
        waiting, self._waiting = self._waiting, []
        for future in waiting:
            if not future.done():
                future.set_result(None)

    def silent_ms(self) -> float:
        """How long the far end has been silent, by the last packet."""
        if not self.chunks:
            return 0.0
        return (self.chunks[-1].arrived_ns - self._loud_ns) / NS_PER_MS

    def speaking_ms(self) -> float:
        """How long ago the far end's present words began, by the last packet; 0 in silence."""
        if self.voice_began_ns is None:
            return 0.0
        return (self.chunks[-1].arrived_ns - self.voice_began_ns) / NS_PER_MS

    async def hears_voice(self, for_ms: float = 0) -> Nanoseconds:
        """Wait until the far end speaks, and has done so for a while; give when it began."""
        await self._until(lambda: self.voice_began_ns is not None and self.speaking_ms() >= for_ms)
        assert self.voice_began_ns is not None
        return self.voice_began_ns

    async def hears_silence(self, for_ms: float) -> Nanoseconds:
        """Wait until the far end has been silent for a while; give when its voice ended."""
        await self._until(lambda: self.silent_ms() >= for_ms)
        self.voice_began_ns = None
        return self._loud_ns

    async def hears_any(self) -> None:
        """Wait for the first packet of the far end."""
        await self._until(lambda: bool(self.chunks))

    async def _until(self, condition: Callable[[], bool]) -> None:
        """Look at a condition after each packet."""
        while not condition():
            future = asyncio.get_running_loop().create_future()
            self._waiting.append(future)
            await future
