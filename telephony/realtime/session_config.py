"""The session object as a client writes it in `session.update` (Realtime API, GA dialect).

Each field is optional: one that is not set stays as it was, one set to None is switched off.
"""

from typing import Any, Literal

from telephony.realtime.wire import TypedWireModel, WireModel

__all__ = [
    "AudioConfig",
    "AudioFormat",
    "FunctionTool",
    "InputAudioConfig",
    "McpTool",
    "OutputAudioConfig",
    "SessionConfig",
    "TranscriptionConfig",
    "TurnDetection",
]


class AudioFormat(TypedWireModel):
    """`audio/pcm` (with its rate), `audio/pcmu` or `audio/pcma`."""

    type: str
    rate: int | None = None
    """Samples per second; 24,000 is the only rate of `audio/pcm`, the others have none."""


class TranscriptionConfig(WireModel):
    """Who transcribes the caller."""

    model: str
    language: str | None = None
    prompt: str | None = None


class TurnDetection(TypedWireModel):
    """How the server finds the end of the caller's turn, and what it then does."""

    type: Literal["server_vad", "semantic_vad"] = "server_vad"
    threshold: float | None = None
    prefix_padding_ms: int | None = None
    silence_duration_ms: int | None = None
    idle_timeout_ms: int | None = None
    eagerness: str | None = None
    create_response: bool | None = None
    interrupt_response: bool | None = None


class InputAudioConfig(WireModel):
    """The caller's audio."""

    format: AudioFormat | None = None
    noise_reduction: dict[str, Any] | None = None
    transcription: TranscriptionConfig | None = None
    turn_detection: TurnDetection | None = None


class OutputAudioConfig(WireModel):
    """The model's audio."""

    format: AudioFormat | None = None
    voice: str | dict[str, Any] | None = None
    speed: float | None = None


class AudioConfig(WireModel):
    """Both directions."""

    input: InputAudioConfig | None = None
    output: OutputAudioConfig | None = None


class FunctionTool(TypedWireModel):
    """A function the model may call."""

    type: Literal["function"] = "function"
    name: str
    description: str | None = None
    parameters: dict[str, Any] | None = None
    """JSON schema, an object schema."""


class McpTool(TypedWireModel):
    """A server of tools that the provider calls by itself."""

    type: Literal["mcp"] = "mcp"
    server_label: str
    server_url: str | None = None
    connector_id: str | None = None
    server_description: str | None = None
    allowed_tools: list[str] | dict[str, Any] | None = None
    authorization: str | None = None
    headers: dict[str, str] | None = None
    require_approval: str | dict[str, Any] | None = None


class SessionConfig(TypedWireModel):
    """The body of `session.update`; servers refuse one without `type`."""

    type: Literal["realtime"]
    model: str | None = None
    output_modalities: list[str] | None = None
    instructions: str | None = None
    audio: AudioConfig | None = None
    tools: list[FunctionTool | McpTool] | None = None
    tool_choice: str | dict[str, Any] | None = None
    parallel_tool_calls: bool | None = None
    max_output_tokens: int | Literal["inf"] | None = None
    prompt: dict[str, Any] | None = None
    reasoning: dict[str, Any] | None = None
    truncation: str | dict[str, Any] | None = None
    tracing: str | dict[str, Any] | None = None
    temperature: float | None = None
