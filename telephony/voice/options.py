"""What a model can be told besides its instructions: settings, plan and session carry it whole.

Left None, an option is the server's to choose; an agent that takes over a call takes back what the
one before it asked for.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from telephony.errors import ConfigurationError

__all__ = ["ModelOptions", "OptionError", "ToolServer"]

RANGES: Final = {
    "max_output_tokens": (1, 4096),
    "retention_ratio": (0, 1),
    "speed": (0.25, 1.5),
    "threshold": (0, 1),
    "prefix_padding_ms": (0, 5_000),
    "idle_timeout_ms": (1_000, 600_000),
}
CHOICES: Final = {
    "reasoning": ("minimal", "low", "medium", "high", "xhigh"),
    "truncation": ("auto", "disabled"),
    "noise_reduction": ("near_field", "far_field"),
    "eagerness": ("low", "medium", "high", "auto"),
}
SILENCE_ONLY: Final = ("threshold", "prefix_padding_ms", "idle_timeout_ms")
"""What a detector that goes by the meaning of the words does not have."""


class OptionError(ConfigurationError, ValueError):
    """An option of a model is out of range, or contradicts another: the user's to mend."""


@dataclass(frozen=True, slots=True)
class ModelOptions:
    """What a model can be told; each means what the Realtime API reference says of it.

    Raises:
        OptionError: A value is out of range, or two contradict each other.
    """

    prompt: Mapping[str, Any] | None = None
    """A prompt kept at the provider: its `id`, and a `version` and `variables` if wanted."""
    max_output_tokens: int | None = None
    """For one response, its audio included: 1 to 4096."""
    tool_choice: str | None = None
    """`auto`, `none`, `required`, or the name of a function that is always called."""
    parallel_tool_calls: bool | None = None
    """Whether one response may call several functions."""
    reasoning: Literal["minimal", "low", "medium", "high", "xhigh"] | None = None
    """How much a model that reasons does so before it speaks."""
    truncation: Literal["auto", "disabled"] | None = None
    """Whether the model forgets the oldest words when its memory is full, or fails."""
    retention_ratio: float | None = None
    """In place of `truncation`: the share of its memory that the model keeps then, 0 to 1."""
    speed: float | None = None
    """Of the voice: 0.25 to 1.5."""
    noise_reduction: Literal["near_field", "far_field"] | None = None
    """For a caller with the mouthpiece at his lips, or across the room."""
    eagerness: Literal["low", "medium", "high", "auto"] | None = None
    """Ends the caller's turn by what he says, this soon; None ends it by silence."""
    threshold: float | None = None
    """How loud speech has to be, 0 to 1."""
    prefix_padding_ms: int | None = None
    """Audio before the detected start of speech that belongs to it."""
    idle_timeout_ms: int | None = None
    """After so much silence of the caller the model asks after him."""
    tracing: Literal["auto"] | Mapping[str, Any] | None = None
    """Lets the provider keep a trace, which holds the caller's words: `auto`, or its
    `workflow_name`, `group_id` and `metadata`. It cannot change within a call."""

    def __post_init__(self) -> None:
        """Refuse what no server takes, before a call does."""
        for name, (low, high) in RANGES.items():
            value = getattr(self, name)
            if value is not None and not low <= value <= high:
                raise OptionError(f"{name} is {value!r}, wanted {low} to {high}")
        for name, choices in CHOICES.items():
            value = getattr(self, name)
            if value is not None and value not in choices:
                raise OptionError(f"{name} is {value!r}, wanted one of {', '.join(choices)}")
        if self.retention_ratio is not None and self.truncation is not None:
            raise OptionError("retention_ratio and truncation are both there, wanted one of them")
        if self.eagerness is not None:
            for name in SILENCE_ONLY:
                if getattr(self, name) is not None:
                    raise OptionError(f"{name} is there, wanted none beside eagerness")


@dataclass(frozen=True, slots=True)
class ToolServer:
    """A server of tools (MCP) that the provider calls by itself, and nobody is asked to approve.

    Raises:
        OptionError: It is not said where it is, or said twice.
    """

    label: str
    """Names it to the model and in the event log."""
    url: str | None = None
    connector_id: str | None = None
    """In place of `url`: one of the provider's own connectors."""
    description: str | None = None
    """What the model is told that it is for."""
    allowed_tools: tuple[str, ...] | None = None
    """None lets the model call all of its tools."""
    authorization: str | None = field(default=None, repr=False)
    """The token that the provider shows it; it appears in no log."""
    headers: Mapping[str, str] | None = field(default=None, repr=False)
    """What else the provider sends it; they appear in no log."""

    def __post_init__(self) -> None:
        """Refuse a server that nobody could find."""
        if (self.url is None) == (self.connector_id is None):
            raise OptionError(f"tool server {self.label!r}: wanted either a url or a connector_id")
