"""`telephony demo` where something is wrong: one object or one message, and exit 1."""

import json
import sys
from pathlib import Path

import pytest

from telephony.app.demo import demo
from telephony.app.demo.hosted_judge import HOSTED_STEPS
from telephony.app.demo.hosted_run import HostedReport
from telephony.app.demo.report import STEPS, DemoReport, Files, Step, Truncation
from telephony.errors import ConfigurationError, TransportError

FILES = Files(Path("a"), Path("t"), Path("p"))
GOOD = Truncation("speech", "item_1", 100, 800, 800, 40, 1)
BAD = Truncation("key", "item_2", 100, 900, 800, 40, 1)


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no child process start."""
    monkeypatch.setattr(sys, "executable", "/bin/false")


def steps(*failed: str) -> tuple[Step, ...]:
    return tuple(Step(name, name not in failed, 1, f"no {name}") for name in STEPS)


@pytest.mark.usefixtures("broken")
def test_json_is_one_object_even_where_a_part_does_not_start(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert demo(tmp_path / "out", as_json=True) == 1
    said = json.loads(capfd.readouterr().out)
    log = tmp_path / "out" / "log.jsonl"
    assert said["error"].startswith("start: far end did not start; the log has its reason")
    assert said["error"].endswith(f"(log: {log})")
    assert said.keys() == DemoReport(steps(), (GOOD,), FILES).as_json().keys()
    assert not said["ok"]
    assert [(one["name"], one["ok"]) for one in said["steps"]] == [(name, False) for name in STEPS]


@pytest.mark.usefixtures("broken")
def test_the_demo_of_hosted_calls_says_so_with_its_own_steps(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert demo(tmp_path / "out", as_json=True, hosted=True) == 1
    said = json.loads(capfd.readouterr().out)
    assert said["error"].startswith("start: provider did not start; the log has its reason")
    assert said.keys() == HostedReport((), {}).as_json().keys()
    assert [(one["name"], one["ok"]) for one in said["steps"]] == [
        (name, False) for name in HOSTED_STEPS
    ]
    assert said["files"] == {"notes": None, "settings": None}


@pytest.mark.parametrize(
    ("failed", "failure", "error"),
    [
        (set[str](), None, None),
        ({"tool", "refer"}, None, "tool: no tool"),
        ({"refer"}, "waited in vain for refer", "refer: waited in vain for refer"),
        (set[str](), "waited in vain", "waited in vain"),
    ],
)
def test_the_first_thing_that_went_wrong_with_a_hosted_call_is_said(
    failed: set[str], failure: str | None, error: str | None
) -> None:
    found = tuple(Step(name, name not in failed, 1, f"no {name}") for name in HOSTED_STEPS)
    report = HostedReport(found, {"notes": Path("n")}, failure)
    assert report.error == error
    assert report.ok is (error is None)
    assert report.as_json()["files"] == {"notes": "n"}


@pytest.mark.usefixtures("broken")
def test_a_part_that_does_not_start_is_an_error_that_names_the_log(tmp_path: Path) -> None:
    with pytest.raises(TransportError, match=r"log has its reason \(log: .*log\.jsonl\)$"):
        demo(tmp_path, as_json=False)


def test_a_folder_that_cannot_be_made_is_named(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match=r"^--out is '.*file', wanted a folder"):
        demo(tmp_path / "file", as_json=False)
    assert demo(tmp_path / "file", as_json=True) == 1
    assert json.loads(capfd.readouterr().out)["error"].startswith("start: --out is ")


@pytest.mark.parametrize(
    ("report", "error"),
    [
        (DemoReport(steps(), (GOOD,), FILES), None),
        (DemoReport(steps("digit", "hangup"), (GOOD,), FILES), "digit: no digit"),
        (DemoReport(steps("digit"), (GOOD,), FILES, "waited in vain"), "digit: waited in vain"),
        (DemoReport(steps(), (GOOD,), FILES, "waited in vain"), "waited in vain"),
        (DemoReport(steps(), (GOOD, BAD), FILES), "truncation: wrong, by key"),
        (DemoReport(steps(), (), FILES), "truncation: there was none"),
    ],
)
def test_the_first_thing_that_went_wrong_is_said(report: DemoReport, error: str | None) -> None:
    assert report.error == error
    assert report.as_json()["error"] == error
    assert report.ok is (error is None)
