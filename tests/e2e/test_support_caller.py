"""The scripted caller gets along with a softphone that nobody here wrote."""

import asyncio
from pathlib import Path

import pytest

from tests.support import baresip, capture
from tests.support.baresip import Baresip, Phone
from tests.support.caller import make_calls
from tests.support.capture import Capture
from tests.support.far_end import read_streams
from tests.support.hearing import hear
from tests.support.model_log import SentItem

pytestmark = pytest.mark.peers
MISSING = baresip.missing_reason() or capture.missing_reason()


@pytest.mark.skipif(MISSING is not None, reason=str(MISSING))
def test_a_call_is_echoed_held_and_dialled_into(tmp_path: Path) -> None:
    steps = [
        ["item"],
        ["wait", 300],
        ["hold", "sendonly"],
        ["wait", 100],
        ["resume"],
        ["press", "12#"],
        ["wait", 900],
    ]
    with Baresip(Phone("agent", echoes=True)) as agent:
        with Capture(tmp_path / "calls.pcap", f"udp and not port {agent.sip_port}") as taken:
            reports = asyncio.run(make_calls(agent.uri, [{"call": 7, "steps": steps}]))
        digits = [agent.wait_for("CALL_DTMF_START")["param"] for _ in range(3)]
    assert digits == ["1", "2", "#"]
    assert reports[7]["fault"] == ""
    stream = read_streams(taken.path, [reports[7]["port"]])[reports[7]["port"]]
    echoed = hear(stream, [SentItem("own", 7, 480_000)])
    assert echoed.items[7].sent > 200 * 8  # of 300 ms before the hold, less the way there and back
    assert set(echoed.items) == {7}


@pytest.mark.skipif(MISSING is not None, reason=str(MISSING))
def test_what_goes_wrong_is_reported_by_call() -> None:
    plans: list[dict[str, object]] = [
        {"call": 3, "steps": [["no such step"]]},
        {"call": 4, "steps": []},
    ]
    with Baresip(Phone("agent")) as agent:
        reports = asyncio.run(make_calls(agent.uri, plans))
    assert reports[3]["fault"] == "no such step: ['no such step']"
    assert reports[4]["fault"] == ""
