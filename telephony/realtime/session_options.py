"""A model's options as fields of the session, those of the agent before it taken back."""

from collections.abc import Mapping
from typing import Any, cast

from telephony.realtime.session_config import McpTool, TurnDetection
from telephony.voice import ModelOptions, SessionSettings, ToolServer

__all__ = ["asked_options", "session_fields", "tool_server", "turn_detection", "unsettled"]

DEFAULTS: dict[str, Any] = {
    "prompt": None,
    "max_output_tokens": "inf",
    "tool_choice": "auto",
    "parallel_tool_calls": True,
    "reasoning": None,
    "truncation": "auto",
    "speed": 1.0,
    "noise_reduction": None,
    "threshold": 0.5,
    "prefix_padding_ms": 300,
    "idle_timeout_ms": None,
}
"""What the protocol has where nothing is asked for, to go back to."""
PLAIN_CHOICES = frozenset({"auto", "none", "required"})
OF_SILENCE = ("threshold", "prefix_padding_ms", "idle_timeout_ms")
"""Options of a detector that goes by silence."""
OF_SILENCE_ANYWHERE = ("idle_timeout_ms",)
"""Those of them that a call which the provider holds may have, too: it sets the others itself."""
DETECTOR = "audio.input.turn_detection"
SETTLED = frozenset(
    {"model", "audio.input.format", "audio.output.format", "audio.output.voice"}
    | {f"{DETECTOR}.{name}" for name in (*OF_SILENCE, "silence_duration_ms")}
    - {f"{DETECTOR}.{name}" for name in OF_SILENCE_ANYWHERE}
)
"""What no update may name in a session that is attached to a call: it was settled before."""
AT_THE_TOP = (
    "prompt",
    "max_output_tokens",
    "tool_choice",
    "parallel_tool_calls",
    "reasoning",
    "truncation",
    "tracing",
)


def asked_options(options: ModelOptions, before: ModelOptions) -> dict[str, Any]:
    """Give the options that have to be said, in the protocol's shapes.

    Args:
        options: What the agent wants.
        before: What was asked for last in this session; its rest is taken back. Tracing is not:
            a server refuses the whole update that changes it.
    """
    wanted, had = written(options), written(before)
    if had.pop("tracing", None) is not None:
        wanted.pop("tracing", None)
    return {name: DEFAULTS[name] for name in had} | wanted


def written(options: ModelOptions) -> dict[str, Any]:
    """Give the options that are set, as the protocol writes them."""
    choice = options.tool_choice
    is_function = choice is not None and choice not in PLAIN_CHOICES
    ratio = options.retention_ratio
    fields: dict[str, Any] = {
        "prompt": options.prompt,
        "max_output_tokens": options.max_output_tokens,
        "tool_choice": {"type": "function", "name": choice} if is_function else choice,
        "parallel_tool_calls": options.parallel_tool_calls,
        "reasoning": options.reasoning and {"effort": options.reasoning},
        "truncation": options.truncation
        if ratio is None
        else {"type": "retention_ratio", "retention_ratio": ratio},
        "speed": options.speed,
        "noise_reduction": options.noise_reduction and {"type": options.noise_reduction},
        "threshold": options.threshold,
        "prefix_padding_ms": options.prefix_padding_ms,
        "idle_timeout_ms": options.idle_timeout_ms,
        "tracing": options.tracing,
    }
    return {name: value for name, value in fields.items() if value is not None}


def session_fields(asked: Mapping[str, Any]) -> dict[str, Any]:
    """Give those that stand at the top of the session."""
    return {name: asked[name] for name in AT_THE_TOP if name in asked}


def turn_detection(settings: SessionSettings, asked: Mapping[str, Any]) -> TurnDetection:
    """Give the detector's part: with `turns = "ours"` it tells, and leaves the acting to us."""
    is_servers = settings.turns == "server"
    fields: dict[str, Any] = {"create_response": is_servers, "interrupt_response": is_servers}
    if settings.options.eagerness is not None:
        fields |= {"type": "semantic_vad", "eagerness": settings.options.eagerness}
        return TurnDetection(**fields)
    allowed = OF_SILENCE if settings.owns_audio else OF_SILENCE_ANYWHERE
    fields |= {name: asked[name] for name in allowed if name in asked}
    if is_servers and settings.owns_audio:
        fields["silence_duration_ms"] = settings.silence_ms
    return TurnDetection(**fields)


def unsettled(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Give those fields, by dotted path, that an attached session may be asked for."""
    left = {path: value for path, value in fields.items() if path not in SETTLED}
    detector = left.get(DETECTOR)
    if isinstance(detector, Mapping):
        asked = cast("Mapping[str, Any]", detector).items()
        left[DETECTOR] = {key: one for key, one in asked if f"{DETECTOR}.{key}" not in SETTLED}
    return left


def tool_server(server: ToolServer) -> McpTool:
    """Give a server of tools as a tool: nobody on the phone could approve a call, so none asks."""
    fields: dict[str, Any] = {
        "server_label": server.label,
        "server_url": server.url,
        "connector_id": server.connector_id,
        "server_description": server.description,
        "allowed_tools": server.allowed_tools,
        "authorization": server.authorization,
        "headers": server.headers,
    }
    said = {name: value for name, value in fields.items() if value is not None}
    return McpTool(**said, require_approval="never")
