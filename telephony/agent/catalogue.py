"""Every agent that a phone's calls can reach, by name."""

from collections.abc import Iterable

from telephony.agent.agent import Agent
from telephony.agent.sdk_agent import AnyAgent, SdkAgent
from telephony.errors import ConfigurationError

__all__ = ["agents_by_name"]


def agents_by_name(agents: Iterable[AnyAgent]) -> dict[str, AnyAgent]:
    """Find every agent that a call can reach, and check that each name means one.

    Args:
        agents: Those that lines name; the agents they hand to are found from them, but for those
            of openai-agents, which that SDK finds by itself.

    Raises:
        ConfigurationError: Two agents share a name, or a handoff names none of ours.
    """
    found: dict[str, AnyAgent] = {}
    waiting = list(agents)
    while waiting:
        agent = waiting.pop(0)
        known = found.setdefault(agent.name, agent)
        if not _are_same(known, agent):
            raise ConfigurationError(f"two agents are called {agent.name!r}")
        if isinstance(agent, SdkAgent):
            continue
        waiting += [
            handoff
            for handoff in agent.handoffs
            if isinstance(handoff, Agent) and found.get(handoff.name) is not handoff
        ]
    ours = {name: agent for name, agent in found.items() if isinstance(agent, Agent)}
    for agent in ours.values():
        for handoff in agent.handoffs:
            if isinstance(handoff, str) and handoff not in ours:
                raise ConfigurationError(
                    f"agent {agent.name!r}: handoff is {handoff!r},"
                    f" wanted one of {', '.join(sorted(ours))}"
                )
    return found


def _are_same(one: AnyAgent, other: AnyAgent) -> bool:
    return one is other or (isinstance(one, SdkAgent) and one.is_same(other))
