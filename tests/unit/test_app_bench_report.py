"""The report: figures from what was observed, and what it says against itself."""

import json
from dataclasses import replace

import pytest
from rich.console import Console

from telephony.app.bench import report_table
from telephony.app.bench.messages import Dialled, Floor, Marker, Measured, ModelCounts
from telephony.app.bench.report import (
    Observed,
    echo_delays_ns,
    make_report,
    uplink_delays_ns,
)
from telephony.app.bench.usage import ProcessUse

MS = 1_000_000
GOOD = Observed(
    calls=100,
    session="pcmu",
    dialled=Dialled(up=100, failed=0, setup_p50_ms=4.0, setup_p95_ms=9.0),
    engine=ProcessUse(10.0, 1.5, 0.5, 0.02, 80_000_000, 110_000_000),
    measured=Measured(
        packets=50_000,
        lost=0,
        timeline_jumps=0,
        voiced=50_000,
        sent=50_000,
        gap_error_p50_ms=0.3,
        gap_error_p99_ms=1.0,
        gap_error_p99_9_ms=2.0,
        lateness_p99_ms=1.2,
        send_late_p99_ms=1.0,
        calls_lost=0,
    ),
    model=ModelCounts(sessions=100, appended_ms=1_000_000.0, deltas=10_000, answers_late_ms=3.0),
    floor=Floor(p50_ms=0.05, p99_ms=0.2, p99_9_ms=0.5),
    markers=(Marker(call=1, sent_ns=0, heard_ns=15 * MS),),
    heard=((1, 3 * MS),),
    troubles=(),
    is_pinned=True,
    calls_left=0,
)


def test_cpu_is_spread_over_calls_and_frames() -> None:
    report = make_report(GOOD)
    assert report.cpu_us_per_call_frame == pytest.approx(40.0)
    assert report.cpu_user_us_per_call_frame == pytest.approx(30.0)
    assert report.cpu_system_us_per_call_frame == pytest.approx(10.0)
    assert report.core_percent == pytest.approx(20.0)
    assert report.rss_mb_per_call == pytest.approx(0.3)
    assert report.engine_waited_ms_per_s == pytest.approx(2.0)


def test_a_good_run_has_nothing_against_it() -> None:
    report = make_report(GOOD)
    assert (report.void, report.problems) == ((), ())
    assert (report.voiced_share, report.appended_share) == (1.0, 1.0)
    assert (report.echo_p50_ms, report.uplink_p95_ms) == (15.0, 3.0)
    assert (report.floor_us_per_call_frame, report.stages) == (10.0, ())


def test_pcm_has_the_floor_of_its_resampling() -> None:
    assert make_report(replace(GOOD, session="pcm")).floor_us_per_call_frame == 13.0


def test_json_has_the_names_that_checks_read() -> None:
    told = json.loads(json.dumps(make_report(GOOD).as_dict()))
    names = """calls session seconds cpu_us_per_call_frame core_percent pacing_p50_ms pacing_p99_ms
        pacing_p99_9_ms wake_floor_p50_ms wake_floor_p99_ms echo_p50_ms echo_p95_ms uplink_p50_ms
        uplink_p95_ms rss_mb_per_call setups stages void problems"""
    assert set(names.split()) <= set(told)
    assert told["stages"] == []


def measured(**changes: object) -> Observed:
    return replace(GOOD, measured=GOOD.measured.model_copy(update=changes))


@pytest.mark.parametrize(
    ("seen", "word"),
    [
        (replace(GOOD, floor=Floor(p50_ms=0.1, p99_ms=2.1, p99_9_ms=9.0)), "wake floor"),
        (replace(GOOD, engine=replace(GOOD.engine, waited_s=0.2)), "waited 20.0 ms"),
        (measured(send_late_p99_ms=5.5), "could not keep up"),
        (
            replace(GOOD, model=GOOD.model.model_copy(update={"answers_late_ms": 101.0})),
            "model's server",
        ),
    ],
)
def test_latencies_are_void_on_a_machine_that_is_too_busy(seen: Observed, word: str) -> None:
    report = make_report(seen)
    assert len(report.void) == 1
    assert word in report.void[0]
    assert report.problems == ()


@pytest.mark.parametrize(
    ("seen", "word"),
    [
        (
            replace(GOOD, dialled=Dialled(up=99, failed=1, why=("503 Service Unavailable (1)",))),
            "503 Service Unavailable",
        ),
        (measured(calls_lost=2), "2 calls ended by themselves"),
        (measured(packets=48_000, voiced=48_000), "packets: 96.0%"),
        (measured(voiced=40_000), "voiced packets: 80.0%"),
        (
            replace(GOOD, model=GOOD.model.model_copy(update={"appended_ms": 900_000.0})),
            "appended audio: 90.0%",
        ),
        (
            replace(GOOD, model=GOOD.model.model_copy(update={"sessions": 98})),
            "98 voice sessions for 100 calls",
        ),
        (
            replace(GOOD, markers=(Marker(call=1, sent_ns=0, heard_ns=None),)),
            "1 of 1 markers had no echo",
        ),
        (replace(GOOD, calls_left=3), "3 calls did not end"),
    ],
)
def test_what_did_not_work_is_a_problem(seen: Observed, word: str) -> None:
    report = make_report(seen)
    assert len(report.problems) == 1
    assert word in report.problems[0]
    assert report.void == ()


def test_a_kernel_without_a_count_of_waiting_is_no_reason_to_doubt() -> None:
    report = make_report(replace(GOOD, engine=replace(GOOD.engine, waited_s=None)))
    assert report.engine_waited_ms_per_s is None
    assert report.void == ()


def test_echoes_are_told_apart_from_markers_that_were_lost() -> None:
    markers = [
        Marker(call=1, sent_ns=100, heard_ns=400),
        Marker(call=1, sent_ns=500, heard_ns=None),
        Marker(call=2, sent_ns=100, heard_ns=200),
    ]
    assert echo_delays_ns(markers) == [100, 300]


def test_uplink_is_joined_by_call_and_by_time() -> None:
    markers = [
        Marker(call=1, sent_ns=1000, heard_ns=None),
        Marker(call=1, sent_ns=9000, heard_ns=None),
        Marker(call=2, sent_ns=1000, heard_ns=None),
        Marker(call=3, sent_ns=1000, heard_ns=None),
    ]
    heard = [(1, 1500), (1, 9700), (2, 999), (3, 9999)]
    assert uplink_delays_ns(markers, heard, limit_ns=5000) == [500, 700]


def shown(seen: Observed) -> str:
    console = Console(width=120)
    with console.capture() as captured:
        console.print(report_table(make_report(seen)))
    return captured.get()


def test_the_table_shows_figures_and_what_is_against_them() -> None:
    seen = replace(GOOD, floor=Floor(p50_ms=0.1, p99_ms=3.0, p99_9_ms=9.0), calls_left=1)
    text = shown(seen)
    for wanted in ("40.0", "0.30 / 1.00 / 2.00", "none (passthrough)", "wake floor", "did not end"):
        assert wanted in text


def test_what_was_not_measured_is_a_dash() -> None:
    assert "- / -" in shown(replace(GOOD, markers=(), heard=()))
