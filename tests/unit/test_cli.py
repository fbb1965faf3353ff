"""The command line: every command teaches, says what it found, and ends with the right status."""

import json
import resource
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
from typer.testing import CliRunner

from telephony.cli import app
from telephony.engine.version import VERSION
from tests.support.child import child_environment

COMMANDS = ("serve", "call", "demo", "local", "check", "route", "bench")
SHOP = """
from telephony import Agent, Phone, Transfer, tool

@tool
def stock(article: str) -> str:
    "Say how much is there."
    return article

sales = Agent("sales", tools=[stock], handoffs=[Transfer("desk", to="sip:1@pbx.test")])
phone = Phone()
phone.answer("+1555*", sales)
"""
TOML = """
version = 1
[sip]
listen = ["udp:127.0.0.1:5066"]
[transfer]
allow = ["sip:*@pbx.test"]
[realtime.house]
url = "ws://model.test"
"""


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a folder with a phone and its settings, and work in it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    (tmp_path / "telephony.toml").write_text(TOML)
    (tmp_path / "shop.py").write_text(SHOP)
    return tmp_path


def telephony(*arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run the command as a user does."""
    return subprocess.run(
        [sys.executable, "-m", "telephony", *arguments],
        capture_output=True,
        text=True,
        env=child_environment() | {"COLUMNS": "200", "NO_COLOR": "1"},
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_teaches_what_it_does(command: str) -> None:
    told = CliRunner().invoke(app, [command, "--help"], env={"COLUMNS": "200"})
    assert told.exit_code == 0
    assert "Usage: " in told.output
    assert len(told.output.split()) > 20, told.output


@pytest.mark.parametrize("command", [*COMMANDS[:-1], "bench calls"])
@pytest.mark.parametrize("columns", [80, 120])
def test_help_fills_its_lines_and_ends_with_examples(command: str, columns: int) -> None:
    arguments = [*command.split(), "--help"]
    told = CliRunner().invoke(app, arguments, env={"COLUMNS": str(columns)}).output
    about, _, rest = told.partition("\u256d")
    lines = [line.strip() for line in about.splitlines()]
    for line, following in pairwise(lines):
        if line and following:
            assert len(line) + len(following.split()[0]) > columns - 4, line
    assert f" telephony {command} " in rest.replace("\n", " \n").partition("Examples:")[2]


def test_every_argument_and_option_says_what_it_is() -> None:
    for command in [*COMMANDS[:-1], "bench calls"]:
        told = CliRunner().invoke(app, [*command.split(), "--help"], env={"COLUMNS": "200"}).output
        rows = [line.strip("\u2502 ") for line in told.splitlines() if line.startswith("\u2502")]
        assert rows
        assert all(len(row.split()) > 4 or row.startswith("[") for row in rows), rows


def test_help_is_quick() -> None:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    telephony("--help")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    assert used_s < 0.5


def test_the_version_is_said() -> None:
    told = telephony("--version")
    assert (told.returncode, told.stdout) == (0, f"telephony {VERSION}\n")


def test_the_help_names_every_command() -> None:
    told = CliRunner().invoke(app, ["--help"], env={"COLUMNS": "200"})
    for command in COMMANDS:
        assert command in told.output
    alone = CliRunner().invoke(app, [], env={"COLUMNS": "200"})
    assert alone.output.strip() == told.output.strip()


def test_serve_says_what_happens_without_any_option() -> None:
    told = CliRunner().invoke(app, ["serve", "--help"], env={"COLUMNS": "200"}).output
    for word in ("reception", "127.0.0.1:5060", "operator", "port 0", "--rtp", "LOW-HIGH"):
        assert word in told


@pytest.mark.usefixtures("shop")
def test_check_explains_a_configuration() -> None:
    told = telephony("check", "shop:phone")
    assert told.returncode == 0, told.stderr
    for word in (
        "udp:127.0.0.1:5066",
        "16384-32767",
        "house (ws://model.test)",
        "+1555*",
        "telephony.toml",
        "this machine only",
        "stock",
        "transfer_to_desk",
        "sip:1@pbx.test",
        "ok: this configuration can be served",
    ):
        assert word in told.stdout


def test_check_warns_of_what_is_hardly_meant(shop: Path) -> None:
    (shop / "telephony.toml").write_text(TOML + "[agent.nobody]\n")
    told = telephony("check", "shop:phone")
    assert told.returncode == 0
    assert "warning: agent nobody: no line reaches it, nor an agent that one does" in told.stdout


def test_check_refuses_what_would_fail_when_served(shop: Path) -> None:
    (shop / "telephony.toml").write_text(TOML + 'api_key = { env = "NO_SUCH_KEY" }\n')
    told = telephony("check", "shop:phone")
    assert told.returncode == 2
    assert told.stderr == (
        "configuration error: telephony.toml: realtime.house.api_key:"
        " environment variable NO_SUCH_KEY is not set, or empty\n"
    )


def test_check_without_anything_explains_the_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    told = telephony("check")
    assert "the embedded rule dialog, no key needed" in told.stdout
    assert "transfer_to_operator" in told.stdout


@pytest.mark.usefixtures("shop")
def test_route_says_which_agent_answers_and_why() -> None:
    told = telephony("route", "+15551234", "--phone", "shop:phone")
    assert told.stdout == "+15551234 -> sales: line 1 (+1555*) matches +15551234\n"
    as_json = telephony("route", "+15551234", "--phone", "shop:phone", "--json")
    assert json.loads(as_json.stdout) == {
        "number": "+15551234",
        "agent": "sales",
        "why": "line 1 (+1555*) matches +15551234",
    }


@pytest.mark.usefixtures("shop")
def test_route_of_a_number_that_nobody_answers_ends_with_1() -> None:
    told = telephony("route", "+4930", "--phone", "shop:phone")
    assert told.returncode == 1
    assert told.stdout == ("+4930 -> refused with 404: no line matches +4930; lines: +1555*\n")


@pytest.mark.parametrize(
    ("change", "arguments", "message"),
    [
        ("[sip]\nlisten = 7\n", ("check",), "sip.listen: is 7"),
        ("colour = 1\n", ("route", "1"), "colour: is unknown"),
        ("", ("check", "shop:nothing"), "phone 'shop:nothing': the module has no 'nothing'"),
        ("", ("serve", "nowhere:phone"), "phone 'nowhere:phone': no module 'nowhere'"),
        ("", ("serve", "--rtp", "7-8"), "sip.rtp_ports: is '7-8'"),
        ("", ("check", "--config", "absent.toml"), "absent.toml: No such file or directory"),
    ],
)
def test_a_configuration_error_is_one_message_and_status_2(
    shop: Path, change: str, arguments: tuple[str, ...], message: str
) -> None:
    (shop / "telephony.toml").write_text(f"version = 1\n{change}")
    told = telephony(*arguments)
    assert told.returncode == 2
    assert told.stderr.startswith("configuration error: ")
    assert message in told.stderr
    assert "Traceback" not in told.stderr


@pytest.mark.usefixtures("shop")
def test_an_address_that_cannot_be_had_is_one_message_and_status_1() -> None:
    told = telephony("local", "--listen", "192.0.2.1:1")
    assert told.returncode == 1
    assert told.stderr.splitlines()[-1].startswith("error: ")
    assert "Traceback" not in told.stderr


def test_an_option_that_is_not_there_is_the_users_mistake() -> None:
    told = CliRunner().invoke(app, ["serve", "--colour", "red"])
    assert told.exit_code == 2
