"""`telephony bench calls` with two calls: real processes, real sockets, plausible figures."""

import os
import sys

import pytest

from telephony.app.bench import run_bench_calls
from telephony.errors import ConfigurationError
from tests.support.child import child_environment

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="measures by Linux's /proc"
)


@pytest.mark.long
@pytest.mark.parametrize("session", ["pcmu", "pcma", "pcm"])
def test_two_calls_are_measured(
    session: str, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", child_environment()["PYTHONPATH"])
    cores = os.sched_getaffinity(0)
    report = run_bench_calls(2, session, 2.0)
    assert report.problems == ()
    assert report.troubles == ()
    assert report.setups == 2
    assert 0 < report.cpu_us_per_call_frame < 5000
    assert report.echo_p50_ms is not None
    assert report.uplink_p50_ms is not None
    assert 0 < report.uplink_p50_ms < report.echo_p50_ms
    assert report.pacing_p50_ms is not None
    assert report.packets >= 196
    assert os.sched_getaffinity(0) == cores
    assert "2 calls up" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("calls", "session", "seconds", "word"),
    [
        (0, "pcmu", 2.0, "--calls"),
        (2001, "pcmu", 2.0, "--calls"),
        (1, "opus", 2.0, "--session"),
        (1, "pcmu", 0.5, "--seconds"),
    ],
)
def test_arguments_out_of_range_are_named(
    calls: int, session: str, seconds: float, word: str
) -> None:
    with pytest.raises(ConfigurationError, match=word):
        run_bench_calls(calls, session, seconds)
