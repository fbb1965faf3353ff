"""An agent written for openai-agents, as a phone holds it; that package is never imported here."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from telephony.agent.agent import Agent
from telephony.errors import ConfigurationError

__all__ = ["AnyAgent", "RealtimeAgentLike", "SdkAgent", "any_agent", "is_realtime_agent"]

SDK_MODULES = ("agents.realtime.", "agents.realtime")
SDK_CLASS = "RealtimeAgent"


class RealtimeAgentLike(Protocol):
    """What a `RealtimeAgent` of openai-agents is to a type checker that does not have it."""

    @property
    def name(self) -> str:
        """What it is called, in any characters."""
        ...

    @property
    def output_guardrails(self) -> Sequence[Any]:
        """What checks its words."""
        ...

    async def get_system_prompt(self, run_context: Any, /) -> str | None:
        """Give its instructions."""
        ...


@dataclass(frozen=True, eq=False)
class SdkAgent:
    """A `RealtimeAgent` of openai-agents that answers calls.

    `phone.answer(number, realtime_agent)` makes one by itself; make it where the session needs
    more than the SDK's defaults.

    Attributes:
        agent: The `RealtimeAgent` that begins.
        converse: Runs a session of the SDK on a call, to its end: gets the call's `RealtimeModel`
            and its `IncomingCall`. None takes `RealtimeRunner(agent, model=model)` as it is, with
            the `IncomingCall` as the context.
        realtime: The connection, a `[realtime.NAME]` of the settings, or None for the first.
    """

    agent: RealtimeAgentLike
    converse: Callable[[Any, Any], Awaitable[None]] | None = None
    realtime: str | None = None

    def __post_init__(self) -> None:
        """Refuse what is no agent of that SDK.

        Raises:
            ConfigurationError: The agent is none, or nothing can call `converse`.
        """
        if not is_realtime_agent(self.agent):
            raise ConfigurationError(
                f"SdkAgent: agent is {self.agent!r}, wanted a RealtimeAgent of openai-agents"
            )
        if self.converse is not None and not callable(self.converse):  # pyright: ignore[reportUnnecessaryComparison]
            raise ConfigurationError(
                f"SdkAgent: converse is {self.converse!r}, wanted an async function"
            )

    @property
    def name(self) -> str:
        """What the agent is called."""
        return self.agent.name

    def is_same(self, other: object) -> bool:
        """Tell whether another, such as a second line's, stands for the same agent."""
        return (
            isinstance(other, SdkAgent)
            and self.agent is other.agent
            and self.converse is other.converse
            and self.realtime == other.realtime
        )


AnyAgent = Agent | SdkAgent
"""Who may answer a call."""


def is_realtime_agent(given: object) -> bool:
    """Tell whether an object is a `RealtimeAgent` of openai-agents, or of a class made from it."""
    return any(
        one.__name__ == SDK_CLASS and one.__module__.startswith(SDK_MODULES)
        for one in type(given).__mro__
    )


def any_agent(given: object, where: str) -> AnyAgent:
    """Give what a user said shall answer.

    Args:
        given: An `Agent`, an `SdkAgent` or a `RealtimeAgent` of openai-agents.
        where: Begins the message.

    Raises:
        ConfigurationError: It is none of them, such as the name of one.
    """
    if isinstance(given, Agent | SdkAgent):
        return given
    if is_realtime_agent(given):
        return SdkAgent(given)  # type: ignore[arg-type] # told by its class
    raise ConfigurationError(f"{where}: agent is {given!r}, wanted an Agent")
