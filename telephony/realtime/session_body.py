"""What `session.update` asks for, from our settings, and what a server's session grants."""

from collections.abc import Mapping
from dataclasses import replace
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
)
from telephony.realtime.session_options import (
    asked_options,
    session_fields,
    tool_server,
    turn_detection,
)
from telephony.voice import ModelOptions, SessionSettings, VoiceFormat

__all__ = ["UnknownFormatError", "accept_body", "granted_format", "session_body"]

FORMATS = {
    VoiceFormat.PCMU: AudioFormat(type="audio/pcmu"),
    VoiceFormat.PCMA: AudioFormat(type="audio/pcma"),
    VoiceFormat.PCM: AudioFormat(type="audio/pcm", rate=24_000),
}
SHOWN_FORMAT_CHARACTERS = 40
NO_OPTIONS = ModelOptions()


class UnknownFormatError(ValueError):
    """The server grants an audio format that we cannot speak: the server is at fault."""


def session_body(
    settings: SessionSettings, *, may_set_voice: bool, before: ModelOptions = NO_OPTIONS
) -> SessionConfig:
    """Give the `session` of a `session.update`.

    Everything that an agent may want different is said, so that nothing of the agent before it
    stays; the model is not, as a session keeps the one of its URL.

    Args:
        settings: What the agent wants.
        may_set_voice: False once the model has spoken: the server refuses the whole update then.
        before: The options that were asked for last in this session.
    """
    asked = asked_options(settings.options, before)
    return body_of(
        settings,
        asked,
        names_format=settings.owns_audio,
        names_voice=settings.owns_audio and may_set_voice,
    )


def accept_body(settings: SessionSettings) -> SessionConfig:
    """Give the session that a hosted call is accepted with: what no later update may say, too.

    Neither format is named: the provider agrees with the caller on what their line carries.
    """
    asked = asked_options(settings.options, NO_OPTIONS)
    attached = replace(settings, owns_audio=False)
    body = body_of(attached, asked, names_format=False, names_voice=True)
    return body if settings.model is None else body.model_copy(update={"model": settings.model})


def body_of(
    settings: SessionSettings, asked: Mapping[str, Any], *, names_format: bool, names_voice: bool
) -> SessionConfig:
    """Give the session that an agent wants, with the options that have to be said."""
    transcription = (
        None
        if settings.transcribe_with is None
        else TranscriptionConfig(model=settings.transcribe_with)
    )
    audio_input: dict[str, Any] = {
        "transcription": transcription,
        "turn_detection": turn_detection(settings, asked),
    }
    audio_output: dict[str, Any] = {}
    if names_format:
        audio_input["format"] = audio_output["format"] = FORMATS[settings.audio_format]
    if names_voice and settings.voice is not None:
        voice = settings.voice
        audio_output["voice"] = voice if isinstance(voice, str) else dict(voice)
    if "noise_reduction" in asked:
        audio_input["noise_reduction"] = asked["noise_reduction"]
    if "speed" in asked:
        audio_output["speed"] = asked["speed"]
    audio: dict[str, Any] = {"input": InputAudioConfig(**audio_input)}
    if audio_output:
        audio["output"] = OutputAudioConfig(**audio_output)
    return SessionConfig(
        type="realtime",
        output_modalities=[settings.output],
        instructions=settings.instructions,
        audio=AudioConfig(**audio),
        tools=[
            *(
                FunctionTool(
                    name=tool.name, description=tool.description, parameters=dict(tool.parameters)
                )
                for tool in settings.tools
            ),
            *map(tool_server, settings.tool_servers),
        ],
        **session_fields(asked),
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
