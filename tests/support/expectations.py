"""What is expected of each recorded call: one timeline, whichever way the call is played.

    PYTHONPATH=.:codecs python -m tests.support.expectations

plays every recording on the virtual clock and writes `tests/fixtures/rtp/NAME.expected.json`. What
it writes is a claim: before it is committed it is read beside the index of the recordings and the
capture itself, which `tests/replay/test_expectations.py` does as far as a machine can.
"""

import json
from typing import Any

from telephony.call import AnswerCall, CallCommandBody, CallEvent, CallIncoming, VoicePlan
from telephony.local import Speaker, Voice
from tests.support.recordings import FOLDER, RecordedCall, index, recorded
from tests.support.timeline import counters_of, moments_of
from tests.support.virtual_call import App, PlayedCall, play

__all__ = ["Expectation", "agent", "expectation", "names", "play_virtually", "told"]

Expectation = dict[str, Any]
"""`uplink_begins_ms`, `timeline`, `counters`, `uplink_sha256`."""

INSTRUCTIONS = """\
Greeting: Thank you for calling. You are talking to an automated assistant. \
Press one for our opening hours, two for the operator, or zero to repeat.
Press 1: opening hours -> say "We are open Monday to Friday, nine to five."
"""
SAMPLES_PER_MS = 8


def agent(url: str) -> App:
    """Answer every call with the agent that all recordings are played to.

    Args:
        url: Of its voice server.
    """
    plan = VoicePlan(url=url, agent="reception", instructions=INSTRUCTIONS)

    def decide(event: CallEvent) -> CallCommandBody | None:
        return AnswerCall(plan=plan) if isinstance(event.payload, CallIncoming) else None

    return decide


def names() -> list[str]:
    """Name the recordings."""
    return [str(entry["name"]) for entry in index()]


def play_virtually(call: RecordedCall, speaker: Speaker | None = None) -> PlayedCall:
    """Play a recording to that agent on the virtual clock."""
    return play(call, agent("ws://virtual/v1/realtime"), speaker or Speaker(Voice.load()))


def told(call: RecordedCall, played: PlayedCall) -> Expectation:
    """Tell what came of a recording in the shape of an expectation."""
    first = call.packets_to_agent()[0]
    begins = (played.uplink_rows[0].rtp_timestamp - first.timestamp) & 0xFFFFFFFF
    begins_ms = begins // SAMPLES_PER_MS
    return {
        "uplink_begins_ms": begins_ms,
        "timeline": moments_of(played.rows, first.time_ns, begins_ms),
        "counters": counters_of(played.rows),
        "uplink_sha256": played.uplink_sha256,
    }


def expectation(name: str) -> Expectation:
    """Read what is expected of a recording."""
    found: Expectation = json.loads((FOLDER / f"{name}.expected.json").read_text())
    return found


def _write(name: str) -> None:
    call = recorded(name)
    shown = told(call, play_virtually(call))
    timeline = ",\n".join(f"  {json.dumps(moment)}" for moment in shown["timeline"])
    text = json.dumps(shown | {"timeline": "HERE"}, indent=1)
    path = FOLDER / f"{name}.expected.json"
    path.write_text(text.replace('"HERE"', f"[\n{timeline}\n ]") + "\n")
    print(path)


if __name__ == "__main__":
    for each in names():
        _write(each)
