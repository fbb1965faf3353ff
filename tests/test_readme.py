"""What the README shows runs as it stands there."""

import re
import tomllib
from pathlib import Path

from telephony import Agent, Phone
from telephony.app.hosted.checks import hosted_api
from telephony.call import Line, route
from telephony.cli import app
from telephony.config import load

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    """Give the fenced blocks of one language."""
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def test_the_api_example_makes_a_phone_that_answers() -> None:
    shop: dict[str, object] = {"__name__": "shop"}
    for block in (one for one in blocks("python") if "from agents" not in one):
        exec(compile(block, "README.md", "exec", dont_inherit=True), shop)  # noqa: S102
    phone, reception = shop["phone"], shop["reception"]
    assert isinstance(phone, Phone)
    assert isinstance(reception, Agent)
    lines = [Line(number, agent.name) for number, agent in phone.lines]
    assert route("+15551234567", lines).agent == "reception"
    assert phone.hook is shop["who_calls"]
    assert set(reception.actions) == {"order_status", "transfer_to_billing", "transfer_to_operator"}


def test_the_settings_example_loads(tmp_path: Path) -> None:
    block = "".join(blocks("toml"))
    assert tomllib.loads(block)["version"] == 1
    path = tmp_path / "telephony.toml"
    path.write_text(block, encoding="utf-8")
    settings = load(path, {"VOICE_KEY": "k", "WEBHOOK_SECRET": "whsec_a2V5"}, {})
    assert settings.transfer.allows("sip:200@pbx.example.com")
    assert settings.realtime["main"].url == "wss://example.com/v1/realtime"
    assert settings.transfer.allows(settings.realtime["main"].on_failure or "")
    assert hosted_api(settings, "main") == "https://example.com/v1/realtime/calls"
    assert settings.hosted["main"].path in README


def test_every_file_and_command_that_it_names_exists() -> None:
    for name in ("deploy/run.sh", "tests/run.sh", "CHANGELOG.md", "NOTICE", "codecs"):
        assert name in README
        assert (ROOT / name).exists()


def test_every_command_of_the_table_is_one() -> None:
    named = set(re.findall(r"^\| `telephony ([a-z]+)", README, re.MULTILINE))
    offered = {one.name or one.callback.__name__ for one in app.registered_commands if one.callback}
    assert named == offered | {"bench"}
