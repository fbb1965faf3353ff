"""What can be served and is hardly meant, and what this machine cannot serve."""

import socket
from pathlib import Path

import pytest

from telephony import Agent, IncomingCall, Phone
from telephony.app.advice import check_machine, forgotten_words, warnings
from telephony.app.configured import Configured, configure
from telephony.config import Settings, load
from telephony.errors import ConfigurationError

ALL_PORTS_FREE = '[http]\nlisten = "127.0.0.1:0"\n[sip]\nlisten = ["127.0.0.1:0"]\n'


def settings_of(tmp_path: Path, text: str, *agents: str) -> Settings:
    path = tmp_path / "telephony.toml"
    path.write_text(f"version = 1\n{text}")
    return load(path, {}, {}, agents=agents)


def configured(tmp_path: Path, text: str, phone: Phone | None = None) -> Configured:
    names = [agent.name for _, agent in phone.lines] if phone else []
    return configure(settings_of(tmp_path, text, *names), phone, None)


def phone_of(*lines: tuple[str, Agent]) -> Phone:
    phone = Phone()
    for number, agent in lines:
        phone.answer(number, agent)
    return phone


def test_nothing_is_said_of_what_is_meant(tmp_path: Path) -> None:
    assert warnings(configured(tmp_path, "")) == []
    billing = Agent("billing", handoffs=["sales"])
    phone = phone_of(("+1555*", Agent("reception", handoffs=[billing])), ("*", Agent("rest")))
    text = "[agent.sales]\nhandoffs = ['billing', 'more']\n[agent.more]\n"
    agents = ("reception", "rest", "billing")
    found = configure(settings_of(tmp_path, text, *agents), phone, None)
    assert warnings(found) == []


def test_sessions_that_could_not_be_told_the_callers_words(tmp_path: Path) -> None:
    text = '[realtime.a]\nurl = "ws://127.0.0.1:9/"\n'
    text += '[realtime.b]\nurl = "ws://127.0.0.1:9/"\ntranscribe_with = "whisper-1"\n'
    found = configured(tmp_path, text)
    (said,) = warnings(found)
    assert said.startswith("realtime.a: transcribe_with is not set: ")
    assert said.endswith("[caller spoke, n s]")
    assert list(forgotten_words(found)) == [said]


def test_an_agent_that_no_line_reaches(tmp_path: Path) -> None:
    text = "[agent.sales]\nhandoffs = ['more']\n[agent.more]\n"
    assert warnings(configured(tmp_path, text)) == [
        "agent sales: no line reaches it, nor an agent that one does",
        "agent more: no line reaches it, nor an agent that one does",
    ]


def test_a_phone_without_a_line(tmp_path: Path) -> None:
    phone = Phone()
    (said,) = warnings(configured(tmp_path, "", phone))
    assert said.startswith("the phone has no line: every call is refused with 404;")

    @phone.on_incoming
    async def decide(_: IncomingCall) -> None:
        """Leave it to the lines."""

    (said,) = warnings(configured(tmp_path, "", phone))
    assert said.startswith("the phone has no line: only calls that on_incoming answers are taken;")


def test_a_line_behind_one_that_takes_its_calls(tmp_path: Path) -> None:
    first, second = Agent("first"), Agent("second")
    phone = phone_of(
        ("+1555*", first), ("+15551*", second), ("1555", second), ("+1*", second), ("*", first),
    )  # fmt: skip
    assert warnings(configured(tmp_path, "", phone)) == [
        "line +15551* (second) is never reached: +1555* is before it",
        "line 1555 (second) is never reached: +1555* is before it",
    ]


def test_fewer_ports_than_calls(tmp_path: Path) -> None:
    text = '[sip]\nrtp_ports = "20000-20009"\n[limits]\ncalls = 6\n'
    assert warnings(configured(tmp_path, text)) == [
        "sip.rtp_ports: 20000-20009 is enough for 5 calls, limits.calls is 6"
    ]
    assert warnings(configured(tmp_path, text.replace("calls = 6", "calls = 5"))) == []


def test_listening_beyond_this_machine_for_nobody(tmp_path: Path) -> None:
    text = '[sip]\nlisten = ["localhost:5060", "[::1]:5060", "pbx.test:5060"]\n'
    (said,) = warnings(configured(tmp_path, text))
    assert said == (
        "sip.listen: reaches beyond this machine, and calls from there are refused:"
        " no [[trunk]] lets them in"
    )
    trunk = '[[trunk]]\nname = "a"\nnetworks = ["192.0.2.0/24"]\n'
    assert warnings(configured(tmp_path, text + trunk)) == []


def test_addresses_of_this_machine_that_are_free(tmp_path: Path) -> None:
    assert list(check_machine(settings_of(tmp_path, ALL_PORTS_FREE))) == []


def test_a_port_in_use_is_a_warning(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        text = ALL_PORTS_FREE.replace('"127.0.0.1:0"\n[sip]', f'"127.0.0.1:{port}"\n[sip]')
        assert list(check_machine(settings_of(tmp_path, text))) == [
            f"http.listen: tcp:127.0.0.1:{port} is in use now, perhaps by a phone that is being"
            " served"
        ]


@pytest.mark.parametrize("host", ["192.0.2.1", "no-such-host.invalid"])
def test_an_address_that_is_not_ours(tmp_path: Path, host: str) -> None:
    text = f'[sip]\nlisten = ["udp:{host}:5060"]\n'
    with pytest.raises(ConfigurationError, match=rf"^sip\.listen: is udp:{host}:5060, but: \S+"):
        list(check_machine(settings_of(tmp_path, text)))


def test_a_directory_that_cannot_be_made(tmp_path: Path) -> None:
    good = f'{ALL_PORTS_FREE}[record]\ndirectory = "{tmp_path}/new/deep"\n'
    assert list(check_machine(settings_of(tmp_path, good))) == []
    assert not (tmp_path / "new").exists()
    bad = good.replace("new/deep", "telephony.toml/deep")
    with pytest.raises(ConfigurationError, match=r"^record\.directory: is '.*/deep', wanted one"):
        list(check_machine(settings_of(tmp_path, bad)))


def test_a_store_that_could_not_be_written_is_a_fault_where_calls_are_hosted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET", "whsec_b2xk")
    store = f'{ALL_PORTS_FREE}[store]\npath = "{tmp_path}/none/calls"\n'
    assert list(check_machine(settings_of(tmp_path, store))) == []
    hosted = '[realtime.a]\nurl = "ws://h"\n[hosted.a]\nsecrets = [{ env = "SECRET" }]\n'
    path = tmp_path / "telephony.toml"
    path.write_text(f"version = 1\n{store}{hosted}")
    settings = load(path, {"SECRET": "whsec_b2xk"}, {})
    with pytest.raises(ConfigurationError, match=r"^store\.path: is '.*calls', wanted a file"):
        list(check_machine(settings))
