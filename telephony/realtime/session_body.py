"""What `session.update` asks for, from our settings, and what a server's session grants."""

from collections.abc import Mapping
from typing import Any, cast

from telephony.realtime.dialects import AUDIO_FORMATS
from telephony.realtime.session_config import (
    AudioConfig,
    AudioFormat,
    FunctionTool,
    InputAudioConfig,
    OutputAudioConfig,
    SessionConfig,
    TranscriptionConfig,
    TurnDetection,
)
from telephony.voice import SessionSettings, VoiceFormat

__all__ = ["UnknownFormatError", "granted_format", "session_body"]

FORMATS = {
    VoiceFormat.PCMU: AudioFormat(type="audio/pcmu"),
    VoiceFormat.PCMA: AudioFormat(type="audio/pcma"),
    VoiceFormat.PCM: AudioFormat(type="audio/pcm", rate=24_000),
}
SHOWN_FORMAT_CHARACTERS = 40


class UnknownFormatError(ValueError):
    """The server grants an audio format that we cannot speak: the server is at fault."""


def session_body(settings: SessionSettings, *, may_set_voice: bool) -> SessionConfig:
    """Give the `session` of a `session.update`.

    Everything that an agent may want different is said, so that nothing of the agent before it
    stays; the model is not, as a session keeps the one of its URL.

    Args:
        settings: What the agent wants.
        may_set_voice: False once the model has spoken: the server refuses the whole update then.
    """
    audio_format = FORMATS[settings.audio_format]
    transcription = (
        None
        if settings.transcribe_with is None
        else TranscriptionConfig(model=settings.transcribe_with)
    )
    output = OutputAudioConfig(format=audio_format)
    if may_set_voice and settings.voice is not None:
        output = OutputAudioConfig(format=audio_format, voice=settings.voice)
    return SessionConfig(
        type="realtime",
        output_modalities=["audio"],
        instructions=settings.instructions,
        audio=AudioConfig(
            input=InputAudioConfig(
                format=audio_format,
                transcription=transcription,
                turn_detection=turn_detection(settings),
            ),
            output=output,
        ),
        tools=[
            FunctionTool(
                name=tool.name, description=tool.description, parameters=dict(tool.parameters)
            )
            for tool in settings.tools
        ],
    )


def turn_detection(settings: SessionSettings) -> TurnDetection:
    """Give the detector's part: with `turns = "ours"` it tells, and leaves the acting to us."""
    if settings.turns == "ours":
        return TurnDetection(create_response=False, interrupt_response=False)
    return TurnDetection(
        silence_duration_ms=settings.silence_ms, create_response=True, interrupt_response=True
    )


def granted_format(session: Mapping[str, Any], direction: str) -> VoiceFormat | None:
    """Read one direction's format from a server's session, GA (nested) or beta (flat).

    Args:
        session: The `session` of `session.created` or `session.updated`.
        direction: "input" or "output".

    Returns:
        The format, None where the session does not say.

    Raises:
        UnknownFormatError: It says one that is not G.711 at 8,000 Hz or PCM16 at 24,000 Hz.
    """
    match session:
        case {"audio": {**audio}}:
            said = mapping(audio.get(direction)).get("format")
        case _:
            said = session.get(f"{direction}_audio_format")
    if said is None:
        return None
    described = {"type": said} if isinstance(said, str) else mapping(said)
    name, rate = described.get("type"), described.get("rate")
    voice_format = AUDIO_FORMATS.get(str(name))
    if voice_format is None or rate not in (None, VoiceFormat(voice_format).rate_hz):
        shown = f"{name} at {rate} Hz"[:SHOWN_FORMAT_CHARACTERS]
        raise UnknownFormatError(f"the session grants {shown} for {direction}")
    return VoiceFormat(voice_format)


def mapping(value: object) -> Mapping[str, Any]:
    """Give a JSON object as it is and anything else as an empty one."""
    return cast(Mapping[str, Any], value) if isinstance(value, dict) else {}
