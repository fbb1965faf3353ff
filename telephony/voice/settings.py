"""What we ask of a voice model's session, and the audio formats it may grant."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Literal

from telephony.voice.options import ModelOptions, ToolServer

__all__ = ["SessionSettings", "ToolDeclaration", "Turns", "VoiceFormat"]

Turns = Literal["server", "ours"]
"""Who decides that a turn begins and ends: the model's server, or our own detector."""


class VoiceFormat(Enum):
    """The audio a voice session takes and gives; the value is the name used in settings."""

    PCMU = "pcmu"
    """G.711 mu-law, 8,000 Hz, one octet per sample, mono."""
    PCMA = "pcma"
    """G.711 A-law, 8,000 Hz, one octet per sample, mono."""
    PCM = "pcm"
    """PCM16 little-endian, 24,000 Hz, two octets per sample, mono."""

    @property
    def rate_hz(self) -> int:
        """Samples per second."""
        return 24_000 if self is VoiceFormat.PCM else 8_000

    @property
    def octets_per_sample(self) -> int:
        """Octets that one sample takes."""
        return 2 if self is VoiceFormat.PCM else 1


@dataclass(frozen=True, slots=True)
class ToolDeclaration:
    """A function the model may call."""

    name: str
    description: str
    parameters: Mapping[str, Any]
    """JSON schema of the arguments, an object schema."""


@dataclass(frozen=True, slots=True)
class SessionSettings:
    """One agent's wishes for a session; what the session grants may differ (`SessionGranted`)."""

    instructions: str = ""
    tools: tuple[ToolDeclaration, ...] = ()
    tool_servers: tuple[ToolServer, ...] = ()
    audio_format: VoiceFormat = VoiceFormat.PCMU
    """Wanted for both directions."""
    model: str | None = None
    """None leaves the choice to the server. It cannot change once the session is open."""
    voice: str | Mapping[str, Any] | None = None
    """None leaves the choice to the server. It cannot change after the first audio."""
    turns: Turns = "server"
    silence_ms: int = 500
    """Silence that ends the caller's turn, for `turns = "server"`."""
    transcribe_with: str | None = None
    """The model that transcribes the caller; None asks for no transcripts."""
    output: Literal["audio", "text"] = "audio"
    """Text is for programs that read: on a phone nobody would hear it."""
    options: ModelOptions = field(default_factory=ModelOptions)
    provider_fields: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """Fields of the server's session that nothing above has a word for, by dotted path and in its
    own shapes: they go as they are, in place of ours, and None is null."""
    owns_audio: bool = True
    """Whether the audio passes through us. False for a call that the provider holds: there model,
    voice and format were settled when it was accepted, and no audio is sent."""
