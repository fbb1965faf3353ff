"""`Agent`: who answers a call, with what instructions, tools and ways onward."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final, Literal

from telephony.agent.names import HANDOFF_PREFIX, check_name
from telephony.agent.tool import AnyTool, Tool
from telephony.agent.transfer import Transfer
from telephony.errors import ConfigurationError
from telephony.voice import ModelOptions, ToolDeclaration, ToolServer, Turns

__all__ = ["Action", "Agent", "declare_handoff", "session_tools"]

TRUNCATION_POINTS: Final = ("sent", "reacted")
AVAILABLE_TURNS: Final = (None, "server")
TOOL_CHOICES: Final = ("auto", "none", "required")
MAX_SILENCE_MS: Final = 10_000
MIN_FILLER_MS: Final = 500
MAX_FILLER_MS: Final = 30_000
NO_ARGUMENTS: Final[Mapping[str, object]] = {
    "type": "object",
    "properties": {},
    "required": [],
    "additionalProperties": False,
}


@dataclass(frozen=True, eq=False)
class Agent:
    """Who answers a call. An agent never changes once it is made; two are never equal.

    Attributes:
        name: Names the agent in settings, and the function `transfer_to_<name>` for others.
        instructions: What the model is told to be and do.
        tools: What `@tool` made.
        handoffs: Where the call may go: other agents, `Transfer`s, or the name of an agent, for
            two agents that hand to each other.
        voice: The model's voice, or None for the server's choice.
        model: The voice model, or None for the connection's.
        realtime: The connection, a `[realtime.NAME]` of the settings, or None for the first.
        greeting: The first words of a call, or None to let the model find them.
        turns: Who decides on turns, or None for the connection's choice; "ours" is reserved.
        silence_ms: The silence that ends the caller's turn, in ms, 1 to 10000.
        filler_after_ms: How long a tool or the model may keep the caller in silence before he is
            asked for patience, in ms, 500 to 30000.
        may_interrupt: Whether the caller may; False needs `turns="ours"`.
        truncate_at: What the model remembers after an interruption: what was "sent", or what the
            caller had heard when he "reacted".
        tool_servers: Servers of tools that the provider calls by itself.
        options: What else the model is told.
        description: What other agents' models read about what this one is for.

    Raises:
        ConfigurationError: A value cannot be used, or two functions have the same name.
    """

    name: str
    instructions: str = ""
    tools: Sequence[AnyTool] = ()
    handoffs: "Sequence[Agent | Transfer | str]" = ()
    voice: str | None = None
    model: str | None = None
    realtime: str | None = None
    greeting: str | None = None
    turns: Turns | None = None
    silence_ms: int = 500
    filler_after_ms: int = 2_000
    may_interrupt: bool = True
    truncate_at: Literal["sent", "reacted"] = "sent"
    description: str = ""
    tool_servers: Sequence[ToolServer] = ()
    options: ModelOptions = field(default_factory=ModelOptions)

    def __post_init__(self) -> None:
        """Freeze the lists and refuse what could not be carried out."""
        check_name(self.name, "name of an agent", prefix=HANDOFF_PREFIX)
        object.__setattr__(self, "tools", tuple(self.tools))
        object.__setattr__(self, "handoffs", tuple(self.handoffs))
        object.__setattr__(self, "tool_servers", tuple(self.tool_servers))
        self._check_settings()
        for tool in self.tools:
            # A user without a type checker may pass the bare function.
            if not isinstance(tool, Tool):  # pyright: ignore[reportUnnecessaryIsInstance]
                raise ConfigurationError(
                    f"agent {self.name!r}: tool is {tool!r}, wanted a function under @tool"
                )
        for handoff in self.handoffs:
            if not isinstance(handoff, Agent | Transfer | str):  # pyright: ignore[reportUnnecessaryIsInstance]
                raise ConfigurationError(
                    f"agent {self.name!r}: handoff is {handoff!r},"
                    " wanted an Agent, a Transfer or an agent's name"
                )
        self._check_unique_names()
        self._check_model()

    def _check_settings(self) -> None:
        """Refuse settings out of range, and those that need what is not there yet."""
        if self.turns not in AVAILABLE_TURNS:
            raise ConfigurationError(
                f"agent {self.name!r}: turns is {self.turns!r}, wanted 'server',"
                " the only one there is yet"
            )
        if not self.may_interrupt:
            raise ConfigurationError(
                f"agent {self.name!r}: may_interrupt=False needs turns='ours',"
                " which is not there yet"
            )
        if self.truncate_at not in TRUNCATION_POINTS:
            raise ConfigurationError(
                f"agent {self.name!r}: truncate_at is {self.truncate_at!r},"
                " wanted 'sent' or 'reacted'"
            )
        if not 0 < self.silence_ms <= MAX_SILENCE_MS:
            raise ConfigurationError(
                f"agent {self.name!r}: silence_ms is {self.silence_ms!r},"
                f" wanted 1 to {MAX_SILENCE_MS}"
            )

        if not MIN_FILLER_MS <= self.filler_after_ms <= MAX_FILLER_MS:
            raise ConfigurationError(
                f"agent {self.name!r}: filler_after_ms is {self.filler_after_ms!r},"
                f" wanted {MIN_FILLER_MS} to {MAX_FILLER_MS}"
            )

    def _check_unique_names(self) -> None:
        """Refuse two functions of one name: the model could not tell them apart."""
        names = [tool.name for tool in self.tools]
        names += [_handoff_function(handoff) for handoff in self.handoffs]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ConfigurationError(
                f"agent {self.name!r}: more than one tool or handoff is called {', '.join(twice)}"
            )

    def _check_model(self) -> None:
        """Refuse tool servers of one label, and a choice of a function that is not there."""
        labels = [server.label for server in self.tool_servers]
        if len(set(labels)) < len(labels):
            raise ConfigurationError(
                f"agent {self.name!r}: tool servers are called {', '.join(labels)},"
                " wanted different labels"
            )
        choice = self.options.tool_choice
        choices = (*TOOL_CHOICES, *self.actions)
        if choice is not None and choice not in choices:
            raise ConfigurationError(
                f"agent {self.name!r}: tool_choice is {choice!r},"
                f" wanted one of {', '.join(choices)}"
            )

    @cached_property
    def actions(self) -> "dict[str, Action]":
        """What each function name that the model may call stands for."""
        actions: dict[str, Action] = {tool.name: tool for tool in self.tools}
        actions.update({_handoff_function(handoff): handoff for handoff in self.handoffs})
        return actions


Action = AnyTool | Agent | Transfer | str
"""What a function call of the model means: a tool, or a handoff (a text is an agent's name)."""


def session_tools(agent: Agent) -> tuple[ToolDeclaration, ...]:
    """Give the functions that an agent's session has: its tools, then its handoffs.

    Raises:
        ConfigurationError: A tool's type hints cannot be told to a model.
    """
    tools = [tool.declaration for tool in agent.tools]
    return (*tools, *map(declare_handoff, agent.handoffs))


def _handoff_function(handoff: Agent | Transfer | str) -> str:
    """Name the function that a handoff becomes."""
    return HANDOFF_PREFIX + (handoff if isinstance(handoff, str) else handoff.name)


def declare_handoff(handoff: Agent | Transfer | str) -> ToolDeclaration:
    """Write a handoff as the function that the model calls; it takes no arguments."""
    if isinstance(handoff, Transfer):
        about = f"Transfer the caller to {handoff.name}. {handoff.description}"
    elif isinstance(handoff, Agent):
        about = f"Let the agent {handoff.name} take over the call. {handoff.description}"
    else:
        about = f"Let the agent {handoff} take over the call."
    return ToolDeclaration(_handoff_function(handoff), about.strip(), NO_ARGUMENTS)
