"""The report of the Realtime benchmark: figures from what was observed, and what speaks against."""

import io
import json
from dataclasses import replace
from typing import Any

import pytest
from rich.console import Console

from telephony.app.bench import realtime_table
from telephony.app.bench.import_cost import ImportCost
from telephony.app.bench.messages import Floor, Opened, Samples
from telephony.app.bench.realtime_report import (
    ClientCosts,
    ObservedRealtime,
    ObservedSessions,
    RealtimeReport,
    Sdk,
    depths,
    make_realtime_report,
)
from telephony.app.bench.usage import ProcessUse

LOOKS = 11
EVEN = tuple(range(0, 1500 * LOOKS, 1500))
"""300 sessions of 50 events a second, ten looks a second."""
SESSIONS = ObservedSessions(
    asked=300,
    opened=Opened(up=300),
    here=Samples(up=tuple(count + 30 for count in EVEN), down=EVEN, backlog_ms=20.0),
    there=Samples(up=EVEN, down=tuple(count + 15 for count in EVEN)),
    use=ProcessUse(1.0, 0.2, 0.1, 0.0, 40_000_000, 70_000_000),
    floor=Floor(p50_ms=0.1, p99_ms=0.5, p99_9_ms=1.0),
)
GOOD = ObservedRealtime(
    ours=ClientCosts(8.0, 20.0, 3.0),
    floor=ClientCosts(1.0, 9.0, 2.2),
    own_append_us=0.8,
    sdk=Sdk(
        "0.24.0",
        ClientCosts(20.0, 40.0, 10.2),
        ClientCosts(32.0, 60.0, 11.0),
        ImportCost(4.5, 99.0),
    ),
    imported=ImportCost(0.03, 14.0),
    sessions=SESSIONS,
    is_pinned=True,
)


def with_sessions(**changes: Any) -> RealtimeReport:
    return make_realtime_report(replace(GOOD, sessions=replace(SESSIONS, **changes)))


def test_figures_of_a_good_run() -> None:
    report = make_realtime_report(GOOD)
    assert (report.problems, report.short, report.void) == ((), (), ())
    assert report.append_us == pytest.approx(0.8)
    assert report.append_share_of_sdk_model == pytest.approx(3.0 / 10.2)
    assert report.append_share_of_sdk_session == pytest.approx(3.0 / 11.0)
    assert report.delta_share_of_sdk_model == pytest.approx(0.4)
    assert report.delta_share_of_sdk_session == pytest.approx(0.25)
    assert (report.events_up_per_s, report.events_down_per_s) == (15_000, 15_000)
    assert report.sessions_core_percent == pytest.approx(30.0)
    assert report.sessions_us_per_event == pytest.approx(10.0)
    assert report.rss_mb_per_session == pytest.approx(0.1)
    assert (report.queue_up_first, report.queue_up_last, report.queue_up_most) == (30, 30, 30)
    assert (report.queue_down_first, report.queue_down_most) == (15, 15)
    assert json.loads(json.dumps(report.as_dict()))["delta_us"] == 8.0


def test_what_one_end_sent_and_the_other_has_not_read_is_under_way() -> None:
    assert depths([10, 20, 30], [10, 15, 31]) == [0, 5, 0]


def test_a_queue_that_grows_is_a_problem() -> None:
    slower = tuple(count - count // 10 for count in EVEN)
    assert with_sessions(there=Samples(up=slower, down=EVEN)).problems == (
        "13500 events/s up, wanted 15000",
        "the queue up grew from 105 to 1455 events",
    )
    assert with_sessions(here=Samples(up=EVEN, down=slower)).problems == (
        "13500 events/s down, wanted 15000",
        "the queue down grew from 90 to 1440 events",
    )


def test_a_queue_that_is_long_once_is_none() -> None:
    once = tuple(count - 5_000 * (index == 6) for index, count in enumerate(EVEN))
    report = with_sessions(there=Samples(up=once, down=EVEN))
    assert report.queue_up_most == 5_030
    assert report.problems == ()


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        (
            {"opened": Opened(up=298, why=("no grant (2)",))},
            "2 of 300 sessions did not open: no grant (2)",
        ),
        (
            {"there": Samples(up=EVEN, down=EVEN, lost=3)},
            "3 sessions ended by themselves",
        ),
        (
            {"here": Samples(up=EVEN, down=EVEN, dropped=7)},
            "7 appends were dropped to make room",
        ),
    ],
)
def test_what_did_not_work_is_a_problem(changes: dict[str, Any], problem: str) -> None:
    assert with_sessions(**changes).problems == (problem,)


def test_a_machine_or_a_server_that_is_too_busy_makes_a_run_void() -> None:
    report = with_sessions(
        floor=Floor(p50_ms=1.0, p99_ms=3.5, p99_9_ms=9.0),
        there=Samples(up=EVEN, down=EVEN, late_ms=140.0),
    )
    assert report.void == (
        "wake floor p99 is 3.5 ms, wanted 2: others use this machine",
        "the server was 140 ms late: it could not keep up",
    )
    assert report.problems == ()


def test_figures_that_are_not_held_are_named() -> None:
    report = make_realtime_report(
        replace(
            GOOD,
            ours=ClientCosts(16.0, 20.0, 3.7),
            own_append_us=1.5,
            imported=ImportCost(0.5, 41.0),
        )
    )
    assert report.short == (
        "a delta: 16.00 µs, wanted at most 10.00",
        "an append before the socket: 1.50 µs, wanted at most 1.00",
        "import telephony: 0.50 s, wanted at most 0.40",
        "import telephony: 41.00 MB, wanted at most 40.00",
        "a delta over that of the SDK's model and session: 0.50, wanted at most 0.33",
    )
    assert report.problems == (), "noise can do this"


@pytest.mark.parametrize("sdk", [GOOD.sdk, None])
def test_people_get_a_table_with_the_sdk_where_there_is_one(sdk: Sdk | None) -> None:
    report = make_realtime_report(replace(GOOD, sdk=sdk))
    out = io.StringIO()
    Console(file=out, width=160).print(realtime_table(report))
    text = out.getvalue()
    assert ("openai-agents 0.24.0: its model" in text) == (sdk is not None)
    delta = next(line for line in text.splitlines() if "0.8 kB delta of a burst" in line)
    figures = [cell.strip() for cell in delta.split("│")[2:-1]]
    assert figures == ["8.00", "µs", "10", "1.00", *(["20.00", "32.00"] if sdk else [])]
    assert "300 sessions for 1.0 s" in text
    assert (report.delta_share_of_sdk_model is None) == (sdk is None)
    not_measured = "not measured, as openai-agents is not installed here"
    assert (not_measured in " ".join(text.split())) == (sdk is None)
