"""Agents that ask for what a way cannot do are refused by name, before a call does."""

import os
from pathlib import Path

import pytest

from telephony.agent import Agent, press_keys
from telephony.app.configured import configure
from telephony.app.phone import Phone
from telephony.app.way_needs import NEEDS, unmet_needs
from telephony.call import Capability, HostedLeg, SipLeg
from telephony.config import load
from telephony.errors import ConfigurationError
from telephony.voice import ModelOptions

KEY = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
HOSTED = """
version = 1
[realtime.cloud]
url = "wss://api.example.com/v1/realtime"
model = "m"
[realtime.other]
url = "ws://127.0.0.1:1/v1/realtime"
[hosted.provider]
secrets = [{ env = "HOOK" }]
"""


def plain(name: str = "reception") -> Agent:
    return Agent(name)


ASKING = [
    (Agent("a", tools=[press_keys]), "press_keys", "digits_out"),
    (Agent("a", truncate_at="reacted"), "truncate_at='reacted'", "playout_truth"),
    (Agent("a", silence_ms=900), "silence_ms", "turn_settings"),
    (Agent("a", options=ModelOptions(threshold=0.3)), "threshold", "turn_settings"),
    (Agent("a", options=ModelOptions(prefix_padding_ms=100)), "prefix_padding_ms", "turn_settings"),
]


@pytest.mark.parametrize(("agent", "what", "capability"), ASKING)
def test_what_a_hosted_call_cannot_do_is_named(agent: Agent, what: str, capability: str) -> None:
    (fault,) = unmet_needs([plain(), agent], "hosted.provider", HostedLeg.capabilities)
    for words in ("agent 'a'", what, capability, "hosted.provider"):
        assert words in fault
    assert not list(unmet_needs([agent], "sip", SipLeg.capabilities))


@pytest.mark.parametrize(
    ("field", "value", "what"),
    [("may_interrupt", False, "may_interrupt=False"), ("turns", "ours", "turns='ours'")],
)
def test_what_no_way_can_do_yet_is_known_to_be_beyond_a_hosted_call(
    field: str, value: object, what: str
) -> None:
    agent = plain()
    object.__setattr__(agent, field, value)
    (fault,) = unmet_needs([agent], "hosted.provider", HostedLeg.capabilities)
    assert what in fault


def test_a_plain_agent_needs_nothing_of_any_way() -> None:
    assert not list(unmet_needs([plain()], "none", frozenset()))
    assert {need.of for need in NEEDS} <= set(Capability)


def configured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *agents: Agent) -> list[str]:
    """Check a configuration with a provider that holds calls; give the names of its agents."""
    monkeypatch.setenv("HOOK", KEY)
    path = tmp_path / "telephony.toml"
    path.write_text(HOSTED)
    phone = Phone()
    for number, agent in enumerate(agents):
        phone.answer(f"+1{number}", agent)
    return list(configure(load(path, os.environ, {}), phone, None).agents)


def test_a_configuration_whose_agent_needs_more_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ConfigurationError, match=r"agent 'keys'.*press_keys.*hosted\.provider"):
        configured(tmp_path, monkeypatch, plain(), Agent("keys", tools=[press_keys]))


def test_an_agent_that_only_another_reaches_is_looked_at_as_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = Agent("keys", tools=[press_keys])
    with pytest.raises(ConfigurationError, match="agent 'keys'"):
        configured(tmp_path, monkeypatch, Agent("first", handoffs=[keys]))


def test_an_agent_on_another_server_is_not_reached_by_those_calls(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = Agent("keys", tools=[press_keys], realtime="other")
    first = plain()
    assert configured(tmp_path, monkeypatch, first, keys) == [first.name, "keys"]
