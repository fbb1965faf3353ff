"""The session object: what a client may set, how an update merges, what is in force.

An update changes the fields it has and leaves the others: objects merge, lists and scalars
replace, and an explicit null clears. The model is the server's own and stays.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, cast

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from telephony.local.faults import RefusedEventError
from telephony.local.menu import FunctionTool
from telephony.local.turns import TurnSettings
from telephony_codecs import AudioFormat

__all__ = ["SemanticVad", "ServerVad", "SessionInForce", "merge_update"]

MODEL = "telephony-rule-dialog"
VOICE = "recorded"
MAX_TOOLS = 128
MAX_PADDING_MS = 5_000
MAX_SILENCE_MS = 10_000
EAGERNESS_SILENCE_MS = {"low": 1_000, "medium": 700, "high": 400, "auto": 700}
"""`semantic_vad` waits for the end of a thought; without a model all it can do is wait longer."""

AUDIO_FORMATS = {
    "audio/pcmu": AudioFormat.PCMU,
    "audio/pcma": AudioFormat.PCMA,
    "audio/pcm": AudioFormat.PCM24K,
}


class _Settings(BaseModel):
    """A part of the session; fields that this server does not know are not in force."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class PcmFormat(_Settings):
    """PCM16 at 24,000 Hz."""

    type: Literal["audio/pcm"] = "audio/pcm"
    rate: Literal[24_000] = 24_000


class PcmuFormat(_Settings):
    """G.711 mu-law at 8,000 Hz."""

    type: Literal["audio/pcmu"]


class PcmaFormat(_Settings):
    """G.711 A-law at 8,000 Hz."""

    type: Literal["audio/pcma"]


Format = Annotated[PcmFormat | PcmuFormat | PcmaFormat, Field(discriminator="type")]


class ServerVad(_Settings):
    """Turns end at a silence."""

    type: Literal["server_vad"] = "server_vad"
    threshold: Annotated[float, Field(ge=0, le=1)] = 0.5
    prefix_padding_ms: Annotated[int, Field(ge=0, le=MAX_PADDING_MS)] = 300
    silence_duration_ms: Annotated[int, Field(ge=0, le=MAX_SILENCE_MS)] = 500
    idle_timeout_ms: None = None
    """Not offered: the caller's line is watched by the one who answered it."""
    create_response: bool = True
    interrupt_response: bool = True

    @property
    def settings(self) -> TurnSettings:
        """What the turn detector needs to know."""
        return TurnSettings(self.threshold, self.prefix_padding_ms, self.silence_duration_ms)


class SemanticVad(_Settings):
    """Turns end at a silence that the eagerness chooses."""

    type: Literal["semantic_vad"]
    eagerness: Literal["low", "medium", "high", "auto"] = "auto"
    create_response: bool = True
    interrupt_response: bool = True

    @property
    def settings(self) -> TurnSettings:
        """What the turn detector needs to know."""
        return TurnSettings(silence_duration_ms=EAGERNESS_SILENCE_MS[self.eagerness])


class Transcription(_Settings):
    """Asks for the caller's turns as text; which model does it is the server's choice."""

    model: str | None = None
    language: str | None = None
    prompt: str | None = None


class AudioInput(_Settings):
    """The caller's audio."""

    format: Format = PcmFormat()
    transcription: Transcription | None = None
    noise_reduction: dict[str, Any] | None = None
    turn_detection: Annotated[ServerVad | SemanticVad | None, Field(discriminator="type")] = (
        ServerVad()
    )


class AudioOutput(_Settings):
    """The agent's audio."""

    format: Format = PcmFormat()
    voice: str | dict[str, Any] = VOICE
    speed: Annotated[float, Field(ge=0.25, le=1.5)] = 1.0


class Audio(_Settings):
    """Both directions."""

    input: AudioInput = AudioInput()
    output: AudioOutput = AudioOutput()


class ToolParam(_Settings):
    """A function that the session may call."""

    type: Literal["function"] = "function"
    name: str
    description: str | None = None
    parameters: dict[str, Any] | None = None


class SessionInForce(_Settings):
    """The session as it is in force, in the protocol's own shape."""

    type: Literal["realtime"]
    output_modalities: tuple[Literal["audio", "text"], ...] = ("audio",)
    instructions: str = ""
    tools: Annotated[tuple[ToolParam, ...], Field(max_length=MAX_TOOLS)] = ()
    tool_choice: str | dict[str, Any] = "auto"
    max_output_tokens: int | Literal["inf"] = "inf"
    audio: Audio = Audio()

    @property
    def input_format(self) -> AudioFormat:
        """The format of the caller's audio."""
        return AUDIO_FORMATS[self.audio.input.format.type]

    @property
    def output_format(self) -> AudioFormat:
        """The format of the agent's audio."""
        return AUDIO_FORMATS[self.audio.output.format.type]

    @property
    def functions(self) -> tuple[FunctionTool, ...]:
        """The tools that the dialog can call."""
        return tuple(
            FunctionTool(tool.name, tool.description or "", tool.parameters or {})
            for tool in self.tools
        )

    def to_json(self, session_id: str) -> dict[str, Any]:
        """Give the whole session as `session.created` and `session.updated` carry it."""
        return {
            "object": "realtime.session",
            "id": session_id,
            "model": MODEL,
            **self.model_dump(mode="json"),
        }


def merge_update(
    config: SessionInForce, update: Mapping[str, Any], *, has_spoken: bool
) -> SessionInForce:
    """Give the session that an update makes.

    Args:
        config: The session in force.
        update: The fields that the client's update has, explicit nulls among them.
        has_spoken: Audio has been sent, so the voice can no longer change.

    Raises:
        RefusedEventError: A value is wrong, or the voice changes too late; the client's fault, and
            nothing has changed.
    """
    merged = _merge(config.model_dump(mode="json"), update)
    try:
        new = SessionInForce.model_validate(merged)
    except ValidationError as error:
        raise _fault_of(error) from None
    if has_spoken and new.audio.output.voice != config.audio.output.voice:
        message = "Cannot update a conversation's voice if assistant audio is present."
        raise RefusedEventError("cannot_update_voice", message, "session.audio.output.voice")
    return new


def _fault_of(error: ValidationError) -> RefusedEventError:
    first = error.errors(include_url=False, include_input=False)[0]
    tags = {*AUDIO_FORMATS, "server_vad", "semantic_vad"}
    path = [str(step) for step in first["loc"] if step not in tags]
    param = ".".join(["session", *path])
    return RefusedEventError(
        "invalid_value", f"Invalid value for '{param}': {first['msg']}.", param
    )


MERGED_OBJECTS = frozenset({"audio", "input", "output", "turn_detection", "transcription"})
"""Objects of settings; every other object is one value and is replaced whole."""


def _merge(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(old)
    for name, value in new.items():
        before: object = old.get(name)
        if name in MERGED_OBJECTS and isinstance(value, Mapping) and isinstance(before, Mapping):
            merged[name] = _merge_object(
                cast("Mapping[str, Any]", before), cast("Mapping[str, Any]", value)
            )
        else:
            merged[name] = value
    return merged


def _merge_object(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """Merge, unless the new object is of another type: then the old one's fields mean nothing."""
    if "type" in new and new["type"] != old.get("type"):
        return dict(new)
    return _merge(old, new)
