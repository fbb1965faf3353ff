"""From a file and a phone to what runs: every mistake is named before a call can meet it."""

import sys
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import pytest

from telephony import Agent, Phone, Transfer, tool
from telephony.app.configured import (
    configure,
    default_config,
    engine_settings,
    load_phone,
    load_settings,
)
from telephony.app.plans import Plans, VoiceServer
from telephony.config import AgentSettings, Settings, load
from telephony.errors import ConfigurationError
from telephony.voice import ModelOptions, VoiceFormat
from telephony.voice.options import RANGES

Load = Callable[[str], Settings]


@pytest.fixture
def settings(tmp_path: Path) -> Load:
    """Give a way to read settings."""

    def read(text: str) -> Settings:
        path = tmp_path / "telephony.toml"
        path.write_text(f"version = 1\n{text}")
        return load(path, {"MODEL_KEY": "s3cret"}, {}, agents=["python"])

    return read


def phone_of(agent: Agent, number: str = "*") -> Phone:
    phone = Phone()
    phone.answer(number, agent)
    return phone


def test_nothing_configured_is_the_default_phone_with_one_target_allowed(settings: Load) -> None:
    configured = configure(settings(""), None, None)
    ((number, agent),) = configured.lines
    assert (number, agent.name) == ("*", "reception")
    assert configured.needs_embedded_server
    assert configured.may_transfer("sip:operator@127.0.0.1:5070")
    assert not configured.may_transfer("sip:operator@127.0.0.1:5071")
    assert configured.hook is None


def test_the_operator_of_the_default_phone_may_be_another(settings: Load) -> None:
    configured = configure(settings(""), None, "sip:desk@192.0.2.1")
    assert configured.may_transfer("sip:desk@192.0.2.1")
    assert not configured.may_transfer("sip:operator@127.0.0.1:5070")


@pytest.mark.parametrize("operator", ["foo", ""])
def test_an_operator_that_nobody_could_call_is_refused_by_the_options_name(
    settings: Load, operator: str
) -> None:
    with pytest.raises(ConfigurationError, match=f"^--operator is '{operator}', wanted a sip:"):
        configure(settings(""), None, operator)


@pytest.mark.parametrize("is_of_file", [True, False])
def test_an_operator_whom_no_agent_would_use_is_refused(
    settings: Load, *, is_of_file: bool
) -> None:
    text = (
        '[agent.a]\ninstructions = "x"\n[[line]]\nnumber = "1"\nagent = "a"' if is_of_file else ""
    )
    phone = None if is_of_file else phone_of(Agent("python"))
    with pytest.raises(ConfigurationError, match=r"^--operator is 'sip:desk.*, but the"):
        configure(settings(text), phone, "sip:desk@192.0.2.1")


def test_agents_and_lines_of_the_file_join_those_of_python(settings: Load) -> None:
    phone = phone_of(Agent("python", handoffs=["sales"]), "1")
    configured = configure(
        settings(
            """
            [[line]]
            number = "2"
            agent = "sales"
            [[line]]
            number = "*"
            agent = "python"
            [agent.sales]
            instructions = "Sell"
            greeting = "Buy!"
            handoffs = ["python"]
            """
        ),
        phone,
        None,
    )
    assert [(number, agent.name) for number, agent in configured.lines] == [
        ("1", "python"),
        ("2", "sales"),
        ("*", "python"),
    ]
    assert set(configured.agents) == {"python", "sales"}
    sales = configured.agents["sales"]
    assert isinstance(sales, Agent)
    assert sales.greeting == "Buy!"


def test_an_agent_that_a_line_names_may_be_one_that_python_hands_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("telephony.toml").write_text('version = 1\n[[line]]\nnumber = "7"\nagent = "second"\n')
    phone = phone_of(Agent("first", handoffs=[Agent("second")]), "1")
    configured = configure(load_settings(default_config(), phone, {}), phone, None)
    assert [agent.name for _, agent in configured.lines] == ["first", "second"]
    with pytest.raises(ConfigurationError, match=r"line\[0\]\.agent: is 'second'"):
        load_settings(default_config(), None, {})


def test_what_the_command_line_says_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert default_config() is None
    found = load_settings(None, None, {"http.listen": "127.0.0.1:0"})
    assert found.http.listen == "127.0.0.1:0"


def test_options_of_a_files_agent_reach_its_plan(settings: Load) -> None:
    configured = configure(
        settings(
            """
[realtime.cloud]
url = "wss://model.test"
transcribe_with = "whisper-1"
[agent.desk]
prompt = {id = "pmpt_1"}
speed = 1.25
threshold = 0
parallel_tool_calls = false
tracing = "auto"
[[line]]
number = "*"
agent = "desk"
"""
        ),
        None,
        None,
    )
    desk = configured.agents["desk"]
    assert isinstance(desk, Agent)
    plan = configured.plans(None, {}).plan(desk, {})
    assert plan.transcribe_with == "whisper-1"
    assert plan.options == ModelOptions(
        prompt={"id": "pmpt_1"},
        speed=1.25,
        threshold=0,
        parallel_tool_calls=False,
        tracing="auto",
    )


def test_options_that_contradict_each_other_are_named(settings: Load) -> None:
    text = '[agent.desk]\neagerness = "low"\nthreshold = 0.5\n'
    with pytest.raises(ConfigurationError, match=r"agent\.desk: threshold is there"):
        configure(settings(text), phone_of(Agent("python")), None)


def test_every_option_is_a_key_of_an_agent_with_the_same_bounds() -> None:
    properties = AgentSettings.model_json_schema()["properties"]
    for option in fields(ModelOptions):
        assert option.name in properties
    for name, (low, high) in RANGES.items():
        (number,) = (one for one in properties[name]["anyOf"] if one["type"] != "null")
        assert (number["minimum"], number["maximum"]) == (low, high), name


def test_two_agents_of_one_name_are_refused(settings: Load) -> None:
    with pytest.raises(ConfigurationError, match="two agents are called 'python'"):
        configure(settings("[agent.python]\n"), phone_of(Agent("python")), None)


def test_a_tool_that_no_session_could_be_told_of_is_refused(settings: Load) -> None:
    @tool
    def lookup(thing: Callable[[], str]) -> str:
        """Look a thing up."""
        return str(thing)

    with pytest.raises(ConfigurationError, match="lookup"):
        configure(settings(""), phone_of(Agent("python", tools=[lookup])), None)


def test_a_server_that_is_not_configured_is_named(settings: Load) -> None:
    agent = Agent("python", realtime="big")
    with pytest.raises(ConfigurationError) as raised:
        configure(settings(""), phone_of(agent), None)
    assert str(raised.value) == "agent 'python': realtime is 'big', wanted one of local"
    with pytest.raises(ConfigurationError, match="wanted one of a, b"):
        configure(
            settings('[realtime.a]\nurl = "ws://a"\n[realtime.b]\nurl = "ws://b"\n'),
            phone_of(agent),
            None,
        )


def test_a_transfer_that_is_not_allowed_is_refused_before_a_call(settings: Load) -> None:
    agent = Agent("python", handoffs=[Transfer("desk", to="sip:200@pbx.example.com")])
    with pytest.raises(ConfigurationError) as raised:
        configure(settings(""), phone_of(agent), None)
    assert str(raised.value) == (
        "agent 'python': transfer 'desk' goes to sip:200@pbx.example.com,"
        " which [transfer] allow does not let through"
    )
    allowed = settings('[transfer]\nallow = ["sip:*@pbx.example.com"]\n')
    assert configure(allowed, phone_of(agent), None).may_transfer("sip:7@pbx.example.com")


SERVERS = (
    '[realtime.a]\nurl = "ws://a"\nmodel = "small"\n[realtime.b]\nurl = "ws://b"\nmodel = "big"\n'
)


@pytest.mark.parametrize(
    ("other", "there"),
    [
        (Agent("expert", realtime="b"), "b (big)"),
        (Agent("expert", model="huge"), "a (huge)"),
    ],
)
@pytest.mark.parametrize("by_name", [True, False])
def test_a_handoff_to_another_server_or_model_is_refused(
    settings: Load, other: Agent, there: str, *, by_name: bool
) -> None:
    first = Agent("first", handoffs=["expert" if by_name else other])
    phone = phone_of(first)
    phone.answer("9", other)
    with pytest.raises(ConfigurationError) as raised:
        configure(settings(SERVERS), phone, None)
    assert str(raised.value) == (
        f"agent 'first': hands to 'expert', which is on {there}, in a session on a (small):"
        " wanted the same realtime and model, as a call keeps its session"
    )


def test_a_handoff_that_names_the_same_server_and_model_is_none_to_another(
    settings: Load,
) -> None:
    first = Agent("first", handoffs=[Agent("expert", realtime="a", model="small")])
    assert configure(settings(SERVERS), phone_of(first), None).lines


def test_a_number_that_nobody_can_dial_is_refused(settings: Load) -> None:
    for number in ("+1555*", "*", "*72", "front.desk"):
        assert configure(settings(""), phone_of(Agent("python"), number), None).lines
    with pytest.raises(ConfigurationError) as raised:
        configure(settings(""), phone_of(Agent("python"), "+1 555"), None)
    assert str(raised.value) == (
        "agent 'python': answers '+1 555', wanted a number or name as it is dialled,"
        " 'prefix*' or '*'"
    )


def test_every_fault_is_told_at_once(settings: Load) -> None:
    agent = Agent("python", realtime="big", handoffs=[Transfer("desk", to="sip:2@pbx.test")])
    with pytest.raises(ConfigurationError) as raised:
        configure(settings(""), phone_of(agent, "a b"), None)
    assert len(str(raised.value).splitlines()) == 3


def test_an_agent_of_python_may_hand_to_one_of_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("telephony.toml").write_text("version = 1\n[agent.sales]\n")
    phone = phone_of(Agent("first", handoffs=["sales"]))
    configured = configure(load_settings(default_config(), phone, {}), phone, None)
    assert set(configured.agents) == {"first", "sales"}


def test_an_agent_of_the_default_ones_name_needs_a_line(settings: Load) -> None:
    with pytest.raises(ConfigurationError, match=r"^agent\.reception: no line reaches it"):
        configure(settings("[agent.reception]\n"), None, None)


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    """Give a way to write a module that can be imported."""
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])

    def write(name: str, text: str) -> None:
        (tmp_path / f"{name}.py").write_text(text)

    return write


def test_a_phone_is_found_by_module_and_name(module: Callable[[str, str], None]) -> None:
    module("good_phone", "from telephony import Phone\nmine = Phone()\n")
    assert isinstance(load_phone("good_phone:mine"), Phone)


@pytest.mark.parametrize("spec", ["", "phone", ":phone", "phone:"])
def test_a_phone_that_is_not_written_as_one_is_refused(spec: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        load_phone(spec)
    assert str(raised.value) == f"phone is {spec!r}, wanted MODULE:PHONE such as myphone:phone"


@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        ("absent_phone", None, "no module 'absent_phone'"),
        ("needs_phone", "import not_installed_here\n", "no module 'not_installed_here'"),
        (
            "sdk_phone",
            "raise ModuleNotFoundError(name='agents')\n",
            "no module 'agents', wanted pip install \"telephony[agents]\"",
        ),
        ("empty_phone", "", "the module has no 'mine'"),
        ("other_phone", "mine = 7\n", None),
        (
            "broken_phone",
            "\nundefined_name\n",
            "the module fails: NameError: name 'undefined_name'",
        ),
        ("bad_phone", "def (:\n", "the module fails: SyntaxError"),
    ],
)
def test_a_phone_that_cannot_be_loaded_says_why(
    module: Callable[[str, str], None], name: str, text: str | None, why: str | None
) -> None:
    if text is not None:
        module(name, text)
    with pytest.raises(ConfigurationError) as raised:
        load_phone(f"{name}:mine")
    if why is None:
        assert str(raised.value) == f"phone '{name}:mine' is a int, wanted a Phone"
    else:
        assert str(raised.value).startswith(f"phone '{name}:mine': {why}")


def test_where_a_module_fails_is_said(module: Callable[[str, str], None]) -> None:
    module("failing_phone", "x = 1\n1 / 0\n")
    with pytest.raises(ConfigurationError, match=r"failing_phone\.py, line 2\)$"):
        load_phone("failing_phone:mine")


def test_a_line_is_answered_by_one_agent() -> None:
    phone = phone_of(Agent("a"), "1")
    with pytest.raises(ConfigurationError, match="number '1' has an agent already"):
        phone.answer("1", Agent("b"))
    with pytest.raises(ConfigurationError, match="number of a line is ''"):
        phone.answer("", Agent("b"))


def test_a_phone_keeps_its_hook(settings: Load) -> None:
    phone = phone_of(Agent("python"))

    @phone.on_incoming
    async def decide(_: object) -> None:
        """Leave it to the lines."""

    assert configure(settings(""), phone, None).hook is decide


REALTIME = """
[realtime.first]
url = "wss://model.example/v1"
model = "speaker"
api_key = {env = "MODEL_KEY"}
format = "pcm"
on_failure = "sip:desk@192.0.2.1"
ping_s = 0
pong_s = 2.5
[transfer]
allow = ["sip:desk@192.0.2.1"]
[realtime.second]
url = "ws://other.example"
"""


def test_a_plan_names_the_agents_server_and_carries_its_key_unseen(settings: Load) -> None:
    agents = Agent("python"), Agent("other", realtime="second", model="fast", voice="amber")
    configured = configure(settings(REALTIME), phone_of(agents[0]), None)
    assert not configured.needs_embedded_server
    plans = configured.plans(None, {"MODEL_KEY": "s3cret"})
    plan = plans.plan(agents[0], {})
    assert plan.headers == (("Authorization", "Bearer s3cret"),)
    assert "s3cret" not in repr(plan)
    assert "s3cret" not in str(plan)
    assert "s3cret" not in repr(configured)
    assert (plan.url, plan.model, plan.audio_format) == (
        "wss://model.example/v1",
        "speaker",
        VoiceFormat.PCM,
    )
    assert plan.on_failure == "sip:desk@192.0.2.1"
    assert (plan.ping_seconds, plan.pong_seconds) == (0, 2.5)
    other = plans.plan(agents[1], {})
    assert (other.url, other.headers, other.audio_format) == ("ws://other.example", (), None)
    assert (other.model, other.voice) == ("fast", "amber")
    assert (other.ping_seconds, other.pong_seconds) == (20, 10)


def test_a_key_that_is_not_in_the_environment_is_named(settings: Load) -> None:
    configured = configure(settings(REALTIME), phone_of(Agent("python")), None)
    with pytest.raises(ConfigurationError, match="MODEL_KEY"):
        configured.plans(None, {})


def test_a_dialect_says_where_the_key_goes(settings: Load) -> None:
    server = '[realtime.cloud]\nurl = "wss://model.test"\ndialect = "azure"\n'
    key = 'api_key = {env = "MODEL_KEY"}\nheaders = {X-Team = "phones"}\n'
    agent = Agent("python")
    configured = configure(settings(server + key), phone_of(agent), None)
    plan = configured.plans(None, {"MODEL_KEY": "s3cret"}).plan(agent, {})
    assert plan.headers == (("X-Team", "phones"), ("api-key", "s3cret"))
    assert plan.dialect == "azure"
    with pytest.raises(ConfigurationError, match=r"^realtime\.cloud\.api_key: is missing"):
        configure(settings(server), phone_of(agent), None)


def test_the_embedded_server_speaks_for_agents_that_name_none() -> None:
    plans = Plans({"local": VoiceServer("ws://127.0.0.1:1")})
    assert plans.plan(Agent("a"), {}).url == "ws://127.0.0.1:1"
    with pytest.raises(ConfigurationError, match="realtime is 'x', wanted one of local"):
        plans.plan(Agent("a", realtime="x"), {})


def test_the_embedded_servers_address_goes_into_the_plans(settings: Load) -> None:
    configured = configure(settings(""), None, None)
    plans = configured.plans("ws://127.0.0.1:7", {})
    assert plans.connection(configured.lines[0][1]).url == "ws://127.0.0.1:7"


def test_an_engine_is_told_what_it_needs(settings: Load) -> None:
    told = engine_settings(
        settings(
            """
            [sip]
            listen = ["udp:127.0.0.1:5062", "tcp:127.0.0.1:5063"]
            rtp_ports = "20001-20010"
            [limits]
            calls = 7
            ring_s = 45.5
            call_s = 900
            session_grant_s = 20
            [media]
            nat = true
            media_networks = ["192.0.2.0/24"]
            [[trunk]]
            name = "a"
            networks = ["198.51.100.0/24"]
            [[trunk]]
            name = "b"
            networks = ["203.0.113.0/24"]
            """
        )
    )
    assert [(one.transport, one.port) for one in told.sip] == [("UDP", 5062), ("TCP", 5063)]
    assert told.rtp_ports == (20_002, 20_009)
    assert told.allowed_sources == ("198.51.100.0/24", "203.0.113.0/24")
    assert (told.max_calls, told.ring_seconds, told.is_nat) == (7, 45.5, True)
    assert told.max_call_seconds == 900
    assert told.grant_limit_seconds > told.grant_seconds == 20
    assert told.engine_id.startswith("e")


def test_two_engines_have_two_ids(settings: Load) -> None:
    found = settings("")
    assert engine_settings(found).engine_id != engine_settings(found).engine_id
