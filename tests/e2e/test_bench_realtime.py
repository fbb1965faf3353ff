"""`telephony bench realtime`, briefly: real processes, real sockets, plausible figures."""

import json
import math
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import pytest

from telephony.app.bench import RealtimeReport, run_bench_realtime
from telephony.errors import ConfigurationError
from tests.support.child import ROOT, child_environment

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="measures by Linux's /proc"
)
LONGEST_US = 5_000.0
"""Of any event on any machine: what is more is no measurement of it."""


def sdk_version() -> str | None:
    try:
        return version("openai-agents")
    except PackageNotFoundError:
        return None


def test_a_short_run_measures_everything() -> None:
    done = subprocess.run(
        [
            *(sys.executable, "-m", "telephony", "bench", "realtime"),
            *("--calls", "4", "--seconds", "1", "--json"),
        ],
        cwd=ROOT,
        env=child_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    assert told.keys() == set(RealtimeReport.__dataclass_fields__)
    assert told["problems"] == []
    assert 0 < told["delta_floor_us"] < told["delta_us"] < LONGEST_US
    assert 0 < told["delta_alone_floor_us"] < told["delta_alone_us"] < LONGEST_US
    assert 0 < told["append_floor_us"] < told["append_written_us"] < LONGEST_US
    assert 0 < told["append_us"] < LONGEST_US
    assert 0 < told["import_s"] < math.inf
    assert 5 < told["import_mb"] < 200
    assert told["sessions"] == 4
    assert told["events_up_per_s"] == pytest.approx(200, rel=0.1)
    assert told["events_down_per_s"] == pytest.approx(200, rel=0.1)
    assert told["queue_allowed_growth"] == 10
    assert told["appends_dropped"] == 0
    assert "measuring 4 sessions for 1 s" in done.stderr
    assert told["sdk_version"] == sdk_version()
    if told["sdk_version"] is None:
        assert told["delta_share_of_sdk_model"] is None
        assert "openai-agents is not installed here" in done.stderr
        assert len(told["unmeasured"]) == 1
    else:
        assert told["unmeasured"] == []
        assert 0 < told["sdk_model_delta_us"] < LONGEST_US
        assert 0 < told["delta_share_of_sdk_session"] < 2
        assert told["sdk_import_mb"] > told["import_mb"]


@pytest.mark.parametrize(
    ("sessions", "seconds", "word"),
    [(0, 2.0, "--calls"), (2001, 2.0, "--calls"), (1, 0.5, "--seconds"), (1, 121.0, "--seconds")],
)
def test_arguments_out_of_range_are_named(sessions: int, seconds: float, word: str) -> None:
    with pytest.raises(ConfigurationError, match=word):
        run_bench_realtime(sessions, seconds)
