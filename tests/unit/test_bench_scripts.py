"""The scripts of `tests/bench` still run: each once, over next to nothing."""

import json
import math
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from tests.bench import media_costs, realtime_costs, rtp_costs, sip_parse, sip_setups
from tests.bench.costs import main_of
from tests.support.sip_corpus import needs_corpus

Run = Callable[..., dict[str, Any]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Give a way to run a script with small sizes and read the one JSON object that it prints."""

    def main(
        script: ModuleType, call: Callable[[], object], *arguments: str, **sizes: int
    ) -> dict[str, Any]:
        for name, size in sizes.items():
            monkeypatch.setattr(script, name, size)
        monkeypatch.setattr("sys.argv", ["bench", *arguments])
        call()
        printed: dict[str, Any] = json.loads(capsys.readouterr().out)
        return printed

    return main


def are_costs(costs: dict[str, float], names: set[str]) -> bool:
    """Tell whether each of these, and perhaps others, is a number above 0."""
    return names <= costs.keys() and all(0 < costs[name] < math.inf for name in names)


@pytest.mark.parametrize(
    ("script", "names"),
    [
        (media_costs, {"receive_pcmu", "send", "call_frame_pcm", "delta_pcm"}),
        (rtp_costs, {"parse", "pack", "reorder_2_percent_lost", "receive_all"}),
    ],
    ids=["media", "rtp"],
)
def test_costs_of_packets(run: Run, script: ModuleType, names: set[str]) -> None:
    told = run(script, lambda: main_of(None, script.measure), "--json", RUNS=1)
    assert are_costs(told["us"], names)


def test_costs_of_the_realtime_protocol(run: Run) -> None:
    sizes = {"RUNS": 1, "ROUNDS": 200, "WRITES": 40, "CHANNELS": 5}
    told = run(realtime_costs, realtime_costs.main, "--json", **sizes)
    assert are_costs(told["us"], {"append_g711", "delta_600_json", "append_write", "tls_seal"})
    assert told["tls_kib"] >= 0


@needs_corpus
def test_messages_per_second(run: Run) -> None:
    told = run(sip_parse, sip_parse.main, "--json", ROUNDS=1, MESSAGES_PER_ROUND=40)
    assert are_costs(told, {"parse_lazy_per_s", "parse_typed_per_s", "serialize_200_per_s"})


def test_set_ups_per_second(run: Run) -> None:
    told = run(sip_setups, sip_setups.main, "20")
    assert are_costs(told, {"setups_per_s", "cpu_ms_per_setup"})
    assert (told["calls"], told["left"]) == (20, 0)
    assert told["messages_sent"] == 3 * 20, "180, 200 and the 200 of the BYE"


def test_people_get_a_line_for_each_cost(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["bench"])
    main_of(None, lambda: {"parse": 1.25})
    head, line = capsys.readouterr().out.splitlines()
    assert "microseconds of CPU" in head
    assert line.split() == ["parse", "1.250"]
