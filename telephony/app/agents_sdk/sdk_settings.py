"""What an agent of openai-agents asks of a session, in the words of the voice port.

The SDK's defaults hold here, too, so that an agent sounds and hears as it does there. They are
said once a session: the voice is left out as soon as the model has spoken (`session_body`).
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, Literal, cast

from agents import Tool, UserError
from agents.handoffs import Handoff
from agents.realtime.config import RealtimeSessionModelSettings
from agents.tool import FunctionTool, HostedMCPTool

from telephony.voice import (
    ModelOptions,
    SessionSettings,
    ToolDeclaration,
    ToolServer,
    Turns,
    VoiceFormat,
)

__all__ = ["DEFAULT_MODEL", "SDK_FORMATS", "session_settings"]

DEFAULT_MODEL: Final = "gpt-realtime-2.1"
"""What the SDK takes where no agent and no caller names a model."""
DEFAULT_VOICE: Final = "ash"
DEFAULT_TRANSCRIBER: Final = "gpt-4o-mini-transcribe"
DEFAULT_DETECTOR: Final[Mapping[str, Any]] = {"type": "semantic_vad", "interrupt_response": True}

FORMATS: Final[Mapping[str, VoiceFormat]] = {
    "pcm16": VoiceFormat.PCM,
    "audio/pcm": VoiceFormat.PCM,
    "pcm": VoiceFormat.PCM,
    "g711_ulaw": VoiceFormat.PCMU,
    "audio/pcmu": VoiceFormat.PCMU,
    "pcmu": VoiceFormat.PCMU,
    "g711_alaw": VoiceFormat.PCMA,
    "audio/pcma": VoiceFormat.PCMA,
    "pcma": VoiceFormat.PCMA,
}
"""Every spelling that the SDK knows."""
SDK_FORMATS: Final[Mapping[VoiceFormat, str]] = {
    VoiceFormat.PCM: "pcm16",
    VoiceFormat.PCMU: "g711_ulaw",
    VoiceFormat.PCMA: "g711_alaw",
}
"""What the SDK calls a format, in its playback tracker too."""
FLAT_NAMES: Final[Mapping[tuple[str, str], str]] = {
    ("input", "format"): "input_audio_format",
    ("input", "noise_reduction"): "input_audio_noise_reduction",
    ("input", "transcription"): "input_audio_transcription",
    ("input", "turn_detection"): "turn_detection",
    ("output", "format"): "output_audio_format",
    ("output", "voice"): "voice",
    ("output", "speed"): "speed",
}
"""Where a setting of `audio.input` or `audio.output` may stand instead."""
CAMEL_CASE: Final[Mapping[str, str]] = {
    "createResponse": "create_response",
    "interruptResponse": "interrupt_response",
    "prefixPaddingMs": "prefix_padding_ms",
    "silenceDurationMs": "silence_duration_ms",
    "idleTimeoutMs": "idle_timeout_ms",
    "modelVersion": "model_version",
}
EFFORTS: Final = frozenset({"minimal", "low", "medium", "high", "xhigh"})
SILENCE_MS: Final = 500
"""The protocol's own default."""


def session_settings(
    wanted: RealtimeSessionModelSettings, *, owns_audio: bool = True
) -> SessionSettings:
    """Translate what an agent wants of its session.

    What the voice port has no word for goes as it is, in `provider_fields`.

    Args:
        wanted: The agent's settings, merged by the SDK.
        owns_audio: Whether the caller's audio goes through this session; False where it is
            attached to a call at the provider, whose audio nobody may change.

    Raises:
        UserError: A tool or an audio format is none that a session can have.
        OptionError: A value is out of range: no server would take it.
    """
    asked = cast("Mapping[str, Any]", wanted)
    fields = dict(_fields_of(asked))
    audio_out = _audio_format(asked, "output")
    audio_in = _audio_format(asked, "input")
    if owns_audio and audio_in is not audio_out:
        fields["audio.input.format"] = _format_object(audio_in)
    detector = _detector(asked)
    fields["audio.input.turn_detection"] = detector
    transcription = _audio_setting(asked, "input", "transcription", {"model": DEFAULT_TRANSCRIBER})
    tools, handoffs = asked.get("tools") or (), asked.get("handoffs") or ()
    voice = _audio_setting(asked, "output", "voice", None) or DEFAULT_VOICE
    return SessionSettings(
        instructions=asked.get("instructions") or "",
        tools=tuple(_declarations(tools, handoffs)),
        tool_servers=tuple(_tool_servers(tools)),
        audio_format=audio_out,
        voice=voice,
        turns=_turns(detector),
        silence_ms=_mapping(detector).get("silence_duration_ms", SILENCE_MS),
        transcribe_with=_mapping(transcription).get("model"),
        output=_output(asked),
        options=_options(asked, detector),
        owns_audio=owns_audio,
        provider_fields=fields,
    )


def _fields_of(asked: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Give what only the provider has words for, and what is switched off by null."""
    noise = _audio_setting(asked, "input", "noise_reduction", {})
    if noise is None:
        yield "audio.input.noise_reduction", None
    transcription = _mapping(_audio_setting(asked, "input", "transcription", None))
    if transcription and set(transcription) != {"model"}:
        yield "audio.input.transcription", dict(transcription)
    choice = asked.get("tool_choice")
    if isinstance(choice, Mapping):
        yield "tool_choice", dict(cast("Mapping[str, Any]", choice))
    reasoning = _mapping(asked.get("reasoning"))
    if reasoning and reasoning.get("effort") not in EFFORTS:
        yield "reasoning", dict(reasoning)


def _audio_setting(
    asked: Mapping[str, Any], direction: Literal["input", "output"], name: str, default: Any
) -> Any:
    """Find a setting of one direction, nested before flat; an explicit None is one."""
    nested = _mapping(_mapping(asked.get("audio")).get(direction))
    if name in nested:
        return nested[name]
    return asked.get(FLAT_NAMES[direction, name], default)


def _mapping(said: object) -> Mapping[str, Any]:
    """Give an object of settings as it is and anything else as an empty one."""
    return cast("Mapping[str, Any]", said) if isinstance(said, Mapping) else {}


def _audio_format(asked: Mapping[str, Any], direction: Literal["input", "output"]) -> VoiceFormat:
    """Read a format in any of its shapes: a name, an object with a `type`, or its dict."""
    said = _audio_setting(asked, direction, "format", None)
    if said is None:
        return VoiceFormat.PCM
    if isinstance(said, str):
        name: object = said
    elif isinstance(said, Mapping):
        name = _mapping(cast("object", said)).get("type")
    else:
        name = getattr(said, "type", None)
    found = FORMATS.get(str(name))
    if found is None:
        raise UserError(
            f"audio format {name!r} for {direction}, wanted one of {', '.join(FORMATS)}"
        )
    return found


def _format_object(audio_format: VoiceFormat) -> dict[str, Any]:
    if audio_format is VoiceFormat.PCM:
        return {"type": "audio/pcm", "rate": audio_format.rate_hz}
    return {"type": f"audio/{audio_format.value}"}


def _detector(asked: Mapping[str, Any]) -> dict[str, Any] | None:
    """Give the turn detection as the protocol writes it; None switches it off."""
    said = _audio_setting(asked, "input", "turn_detection", DEFAULT_DETECTOR)
    if said is None:
        return None
    written: dict[str, Any] = {}
    for name, value in _mapping(said).items():
        written.setdefault(CAMEL_CASE.get(name, name), value)
    return written


def _turns(detector: Mapping[str, Any] | None) -> Turns:
    """Tell who answers the caller: without a detector that responds, nobody but our user does."""
    is_servers = detector is not None and detector.get("create_response") is not False
    return "server" if is_servers else "ours"


def _output(asked: Mapping[str, Any]) -> Literal["audio", "text"]:
    modalities = asked.get("output_modalities") or asked.get("modalities") or ["audio"]
    return "audio" if "audio" in modalities else "text"


def _options(asked: Mapping[str, Any], detector: Mapping[str, Any] | None) -> ModelOptions:
    """Give those options that the voice port has words for."""
    tokens, choice = asked.get("max_output_tokens"), asked.get("tool_choice")
    effort = _mapping(asked.get("reasoning")).get("effort")
    noise = _mapping(_audio_setting(asked, "input", "noise_reduction", None))
    found = _mapping(detector)
    is_semantic = found.get("type") == "semantic_vad"
    return ModelOptions(
        prompt=asked.get("prompt"),
        max_output_tokens=tokens if isinstance(tokens, int) else None,
        tool_choice=choice if isinstance(choice, str) else None,
        parallel_tool_calls=asked.get("parallel_tool_calls"),
        reasoning=effort if effort in EFFORTS else None,
        speed=_audio_setting(asked, "output", "speed", None),
        noise_reduction=noise.get("type"),
        eagerness=found.get("eagerness", "auto") if is_semantic else None,
        threshold=None if is_semantic else found.get("threshold"),
        prefix_padding_ms=None if is_semantic else found.get("prefix_padding_ms"),
        idle_timeout_ms=None if is_semantic else found.get("idle_timeout_ms"),
        tracing=asked.get("tracing", "auto"),
    )


def _declarations(
    tools: Sequence[Tool], handoffs: Sequence[Handoff[Any, Any]]
) -> Iterator[ToolDeclaration]:
    """Declare functions, then handoffs; a name that is there twice would be called by chance."""
    seen: set[str] = set()
    for declaration in _every_declaration(tools, handoffs):
        if declaration.name in seen:
            raise UserError(f"two tools or handoffs are named {declaration.name!r}")
        seen.add(declaration.name)
        yield declaration


def _every_declaration(
    tools: Sequence[Tool], handoffs: Sequence[Handoff[Any, Any]]
) -> Iterator[ToolDeclaration]:
    for tool in tools:
        if isinstance(tool, FunctionTool):
            if tool.is_enabled is not False:
                yield ToolDeclaration(tool.name, tool.description, tool.params_json_schema)
        elif not isinstance(tool, HostedMCPTool):
            raise UserError(f"Tool {tool.name} is unsupported. Must be a function tool.")
    for handoff in handoffs:
        if handoff.is_enabled is not False:
            yield ToolDeclaration(
                handoff.tool_name, handoff.tool_description, handoff.input_json_schema
            )


def _tool_servers(tools: Sequence[Tool]) -> Iterator[ToolServer]:
    """Give the servers of tools that the provider calls by itself, unasked.

    Raises:
        UserError: A call of one would have to be approved, which no session asks for.
    """
    for tool in tools:
        if not isinstance(tool, HostedMCPTool):
            continue
        asked = cast("Mapping[str, Any]", tool.tool_config)
        if asked.get("require_approval", "never") != "never":
            raise UserError("a hosted MCP tool has require_approval, wanted 'never' or none")
        allowed = asked.get("allowed_tools")
        if isinstance(allowed, Mapping):
            raise UserError("a hosted MCP tool filters allowed_tools, wanted their names")
        yield ToolServer(
            label=asked["server_label"],
            url=asked.get("server_url"),
            connector_id=asked.get("connector_id"),
            description=asked.get("server_description"),
            allowed_tools=None if allowed is None else tuple(allowed),
            authorization=asked.get("authorization"),
            headers=asked.get("headers"),
        )
