"""What agents need of the way that a call comes by, held against what that way can do.

A call over our own SIP can do all of it; of a call that a provider holds, the provider has the
audio, and with it the turns, the keys that we might press and the knowledge of what was heard.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from dataclasses import fields as fields_of

from telephony.agent import Agent, AnyAgent, SdkAgent, press_keys
from telephony.app.sdk_facts import sdk_functions
from telephony.call import Capability

__all__ = ["NEEDS", "Need", "unmet_needs"]

DEFAULT_SILENCE_MS = next(one.default for one in fields_of(Agent) if one.name == "silence_ms")


@dataclass(frozen=True, slots=True)
class Need:
    """One thing that an agent may ask for and not every way can give.

    Attributes:
        what: As the author of the agent wrote it.
        of: What the way has to be able to do for it.
        is_asked: Whether an agent asks for it.
        wanted: What to write instead.
    """

    what: str
    of: Capability
    is_asked: Callable[[Agent], bool]
    wanted: str


NEEDS = (
    Need(
        "the tool press_keys",
        Capability.DIGITS_OUT,
        lambda agent: press_keys in agent.tools,
        "an agent without it",
    ),
    Need(
        "truncate_at='reacted'",
        Capability.PLAYOUT_TRUTH,
        lambda agent: agent.truncate_at != "sent",
        "'sent': the provider cuts its memory itself, at what it has played",
    ),
    Need(
        "may_interrupt=False",
        Capability.TURN_SETTINGS,
        lambda agent: not agent.may_interrupt,
        "True: the provider lets a caller who speaks interrupt",
    ),
    Need(
        "turns='ours'",
        Capability.TURN_SETTINGS,
        lambda agent: agent.turns == "ours",
        "'server': the provider hears the caller, and we do not",
    ),
    Need(
        "silence_ms",
        Capability.TURN_SETTINGS,
        lambda agent: agent.silence_ms != DEFAULT_SILENCE_MS,
        "none: the provider decides how long a silence ends a turn; eagerness it takes",
    ),
    Need(
        "threshold",
        Capability.TURN_SETTINGS,
        lambda agent: agent.options.threshold is not None,
        "none: the provider sets its detector of speech itself",
    ),
    Need(
        "prefix_padding_ms",
        Capability.TURN_SETTINGS,
        lambda agent: agent.options.prefix_padding_ms is not None,
        "none: the provider sets its detector of speech itself",
    ),
)
"""All that an agent may ask for and some way lacks, each way by its capabilities."""


def unmet_needs(
    agents: Iterable[AnyAgent], way: str, capabilities: frozenset[Capability]
) -> Iterator[str]:
    """Find what agents ask for and a way cannot do.

    Args:
        agents: Those whom a call by that way can reach.
        way: Its name, such as "hosted.provider".
        capabilities: What it can do.
    """
    for agent in agents:
        for need in NEEDS:
            if need.of not in capabilities and _asks(agent, need):
                yield (
                    f"agent {agent.name!r}: has {need.what}, and calls of {way} can reach it, which"
                    f" cannot do that ({need.of.value}): wanted {need.wanted}; or another realtime,"
                    " where it is not to answer those calls"
                )


def _asks(agent: AnyAgent, need: Need) -> bool:
    """Tell whether an agent asks for something; of openai-agents, its functions alone can tell."""
    if isinstance(agent, SdkAgent):
        return need.of is Capability.DIGITS_OUT and press_keys.name in sdk_functions(agent)
    return need.is_asked(agent)
