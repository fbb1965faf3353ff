"""What the README shows of openai-agents runs as it stands there."""

import re
from pathlib import Path

import pytest

pytest.importorskip("agents.realtime", reason="openai-agents is not installed")

from telephony import Phone
from telephony.app.configured import configure
from telephony.config import load

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")


def test_the_example_makes_a_phone_that_can_be_served() -> None:
    blocks = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    (block,) = (one for one in blocks if "from agents" in one)
    made: dict[str, object] = {}
    exec(compile(block, "README.md", "exec", dont_inherit=True), made)  # noqa: S102
    phone = made["phone"]
    assert isinstance(phone, Phone)
    settings = load(None, {}, {"transfer": {"allow": ["sip:200@pbx.example.com"]}})
    configured = configure(settings, phone, None)
    assert [number for number, _ in configured.lines] == ["*"]
