"""An agent of another SDK is told by its class, and by nothing that has to be imported."""

from collections.abc import Sequence
from typing import Any

import pytest

from telephony import Agent, Answer, Phone
from telephony.agent import SdkAgent, agents_by_name, any_agent, is_realtime_agent
from telephony.errors import ConfigurationError


class RealtimeAgent:
    """Stands for the SDK's class: its name and its module are what it is told by."""

    __module__ = "agents.realtime.agent"

    def __init__(self, name: str) -> None:
        self.name = name
        self.output_guardrails: Sequence[Any] = ()

    async def get_system_prompt(self, run_context: Any, /) -> str | None:
        return f"{self.name} {run_context}"


class Specialist(RealtimeAgent):
    """A user's own subclass, in the user's own module."""


class Impostor:
    """Of the right name, from elsewhere."""

    name = "impostor"


Impostor.__name__ = "RealtimeAgent"
DESK = RealtimeAgent("Front desk")


@pytest.mark.parametrize("agent", [DESK, Specialist("night desk")])
def test_an_agent_of_the_sdk_answers_a_line_as_it_is(agent: RealtimeAgent) -> None:
    phone = Phone()
    phone.answer("*", agent)
    ((number, answering),) = phone.lines
    assert isinstance(answering, SdkAgent)
    assert (number, answering.name, answering.agent) == ("*", agent.name, agent)
    assert is_realtime_agent(agent)


def test_an_answer_takes_one_as_well() -> None:
    answer = Answer(DESK, {"name": "Ann"})
    assert isinstance(answer.agent, SdkAgent)
    assert answer.agent.agent is DESK


@pytest.mark.parametrize("given", ["reception", None, Impostor(), RealtimeAgent, 7])
def test_anything_else_is_refused_by_name(given: Any) -> None:
    assert not is_realtime_agent(given)
    with pytest.raises(ConfigurationError, match=r"line '4711': agent is .*, wanted an Agent"):
        Phone().answer("4711", given)
    with pytest.raises(ConfigurationError, match=r"Answer: agent is .*, wanted an Agent"):
        Answer(given)
    with pytest.raises(ConfigurationError, match="wanted a RealtimeAgent of openai-agents"):
        SdkAgent(given)


def test_what_cannot_be_called_converses_with_nobody() -> None:
    wrong: Any = "converse"
    with pytest.raises(ConfigurationError, match="converse is 'converse', wanted an async"):
        SdkAgent(DESK, converse=wrong)


def test_ours_stays_what_it_is() -> None:
    ours, wrapped = Agent("ours"), SdkAgent(DESK)
    assert any_agent(ours, "here") is ours
    assert any_agent(wrapped, "here") is wrapped


def test_one_agent_may_answer_two_lines() -> None:
    found = agents_by_name([SdkAgent(DESK), SdkAgent(DESK), Agent("ours")])
    assert set(found) == {"Front desk", "ours"}


@pytest.mark.parametrize(
    "other", [RealtimeAgent("Front desk"), Agent("Front_desk"), "realtime", "converse"]
)
def test_two_agents_of_one_name_are_refused(other: RealtimeAgent | Agent | str) -> None:
    async def converse(model: Any, call: Any) -> None: ...

    first: SdkAgent | Agent = SdkAgent(DESK)
    match other:
        case "realtime":
            second: SdkAgent | Agent = SdkAgent(DESK, realtime="elsewhere")
        case "converse":
            second = SdkAgent(DESK, converse=converse)
        case Agent():
            first, second = SdkAgent(RealtimeAgent("Front_desk")), other
        case _:
            assert isinstance(other, RealtimeAgent)
            second = SdkAgent(other)
    with pytest.raises(ConfigurationError, match=r"two agents are called 'Front.desk'"):
        agents_by_name([first, second])


def test_an_agent_of_ours_cannot_hand_to_one_of_the_sdk() -> None:
    ours = Agent("ours", handoffs=["Desk"])
    with pytest.raises(ConfigurationError, match="handoff is 'Desk', wanted one of ours"):
        agents_by_name([ours, SdkAgent(RealtimeAgent("Desk"))])
