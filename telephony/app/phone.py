"""`Phone`: which agent answers which number, and the hook that may decide otherwise.

Declarations only: no I/O library is loaded before `run()`.
"""

import inspect
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from telephony.agent import (
    Agent,
    AnyAgent,
    RealtimeAgentLike,
    SdkAgent,
    any_agent,
)
from telephony.errors import ConfigurationError

__all__ = [
    "Answer",
    "Decision",
    "IncomingCall",
    "OnIncoming",
    "Phone",
    "Redirect",
    "Reject",
    "Ring",
]


FIRST_REFUSAL, LAST_STATUS = 400, 699
MAX_RING_S = 180


@dataclass(frozen=True, slots=True)
class IncomingCall:
    """What is known of a call before it is answered. Text of the caller's is untrusted.

    Attributes:
        call_id: Ours, of the whole call.
        number: What was dialled.
        caller: The caller's number, or URI, as the caller gives it.
        caller_name: The display name, as the caller gives it.
        source: host:port that the request came from.
        headers: Header fields of the INVITE that are not the protocol's own, in order.
        way: "sip" for a call over our own SIP, "hosted" for one that a provider holds.
        capabilities: What can be done with the call beyond talking, tools and handoffs:
            "blind_transfer", "digits_out", "play", "playout_truth", "transfer_outcome",
            "turn_settings".
    """

    call_id: str
    number: str
    caller: str
    caller_name: str
    source: str
    headers: tuple[tuple[str, str], ...]
    way: str = "sip"
    capabilities: tuple[str, ...] = ()

    def header(self, name: str) -> str | None:
        """Give the first header field of a name, in any case."""
        wanted = name.lower()
        return next((value for key, value in self.headers if key.lower() == wanted), None)


@dataclass(frozen=True, slots=True)
class Answer:
    """Take the call with this agent.

    Attributes:
        agent: Who answers; of openai-agents, too.
        variables: Facts for the model, such as the caller's name; they follow the instructions.

    Raises:
        ConfigurationError: The agent is none, such as the name of one.
    """

    agent: AnyAgent | RealtimeAgentLike
    variables: Mapping[str, str] = field(default_factory=dict[str, str])

    def __post_init__(self) -> None:
        """Refuse what cannot talk: a user without a type checker may give anything."""
        object.__setattr__(self, "agent", any_agent(self.agent, "Answer"))


@dataclass(frozen=True, slots=True)
class Reject:
    """Refuse the call with a SIP status, 400 to 699.

    Raises:
        ConfigurationError: The status is none of those.
    """

    status: int = 603
    reason: str | None = None

    def __post_init__(self) -> None:
        """Refuse a status that would not refuse, and a reason that no answer can hold."""
        if self.reason is not None and not self.reason.isprintable():
            raise ConfigurationError(f"reason is {self.reason!r}, wanted one line of text")
        if not FIRST_REFUSAL <= self.status <= LAST_STATUS:
            raise ConfigurationError(f"Reject: status is {self.status!r}, wanted 400 to 699")


@dataclass(frozen=True, slots=True)
class Redirect:
    """Send the caller elsewhere (302)."""

    to: str


@dataclass(frozen=True, slots=True)
class Ring:
    """Let it ring, and answer by the lines after this many seconds, up to 180.

    Raises:
        ConfigurationError: It is longer than anybody waits.
    """

    seconds: float = 5.0

    def __post_init__(self) -> None:
        """Refuse what outlasts a ringing call."""
        if not 0 <= self.seconds <= MAX_RING_S:
            raise ConfigurationError(f"Ring: seconds is {self.seconds!r}, wanted 0 to 180")


Decision = Answer | Reject | Redirect | Ring | Agent | SdkAgent | RealtimeAgentLike | None
"""What a hook may return; an agent is `Answer(agent)`, None leaves it to the lines."""
OnIncoming = Callable[[IncomingCall], Awaitable[Decision]]


class Phone:
    """A phone and its lines: `telephony serve module:phone`, or `phone.run()`.

    Example:
        phone = Phone()
        phone.answer("+15551234567", reception)
    """

    def __init__(self) -> None:
        """Start without a line."""
        self.lines: list[tuple[str, AnyAgent]] = []
        self.hook: OnIncoming | None = None

    def answer(self, number: str, agent: AnyAgent | RealtimeAgentLike) -> None:
        """Let an agent answer a number.

        Args:
            number: A whole number, `+1555*` for all that begin so, or `*` for any.
            agent: Who answers: an `Agent`, or a `RealtimeAgent` of openai-agents as it is.

        Raises:
            ConfigurationError: The number is taken already, or empty, or the agent is none.
        """
        if not number:
            raise ConfigurationError("number of a line is '', wanted a number, 'prefix*' or '*'")
        if any(number == taken for taken, _ in self.lines):
            raise ConfigurationError(f"number {number!r} has an agent already")
        self.lines.append((number, any_agent(agent, f"line {number!r}")))

    def on_incoming(self, hook: OnIncoming) -> OnIncoming:
        """Let a function look at each call first; use it as a decorator.

        The function is `async def` and has 5 s; what it returns decides, None leaves it to the
        lines. It fails closed, as a block-list must: one that raises, takes too long or returns
        anything else rejects the call with 500.

        Raises:
            ConfigurationError: The function is not `async def`.
        """
        is_async = inspect.iscoroutinefunction
        if not is_async(hook) and not is_async(getattr(hook, "__call__", None)):  # noqa: B004
            raise ConfigurationError(f"on_incoming: {hook!r} is a plain def, wanted async def")
        self.hook = hook
        return hook

    def run(self) -> None:
        """Serve this phone until interrupted, with the settings of `telephony.toml` if there."""
        from telephony.app.serve import ServeOptions, serve_phone

        serve_phone(self, ServeOptions())
