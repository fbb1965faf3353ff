"""The judge of the demo of hosted calls: each step falls when its evidence does."""

from dataclasses import replace
from typing import Any

import pytest

from telephony.app.demo.hosted_judge import HOSTED_STEPS, judge_hosted
from telephony.app.demo.hosted_phone import HOURS, OPERATOR
from telephony.app.demo.hosted_script import FIRST_CALL, SECOND_CALL
from telephony.app.demo.provider import Note


def note(what: str, wall: float, call: str = FIRST_CALL, **details: Any) -> Note:
    return Note(what, call, wall, details)


def message(event: dict[str, Any], wall: float) -> Note:
    return note("message", wall, event=event)


SESSION: dict[str, Any] = {"type": "realtime", "tools": [{"name": "transfer_to_operator"}]}
RESULT = {"type": "function_call_output", "output": HOURS}
GOOD = (
    note("webhook", 10.0, status=200),
    note("webhook", 10.1, status=200),
    note("accept", 10.2, status=200, **SESSION),
    note("attach", 10.3, event={"type": "session.update", "session": {"type": "realtime"}}),
    message({"type": "response.create"}, 10.4),
    message({"type": "conversation.item.create", "item": RESULT}, 11.0),
    note("refer", 12.0, status=200, target_uri=OPERATOR),
    note("hangup", 13.5, SECOND_CALL, status=200),
)


def failed(*notes: Note) -> set[str]:
    return {step.name for step in judge_hosted(notes) if not step.ok}


def without(what: str) -> tuple[Note, ...]:
    return tuple(one for one in GOOD if one.what != what)


def changed(what: str, **details: Any) -> tuple[Note, ...]:
    return tuple(
        replace(one, details=one.details | details) if one.what == what else one for one in GOOD
    )


def test_every_step_is_found_with_its_time() -> None:
    steps = judge_hosted(GOOD)
    assert tuple(step.name for step in steps) == HOSTED_STEPS
    assert all(step.ok for step in steps)
    assert [step.at_ms for step in steps] == [0, 200, 300, 1000, 2000, 3500]


@pytest.mark.parametrize(
    ("notes", "steps"),
    [
        ((), set(HOSTED_STEPS)),
        (GOOD[1:], {"webhook"}),
        (changed("webhook", status=503), {"webhook"}),
        (without("accept"), {"accept", "attach"}),
        ((*GOOD, GOOD[2]), {"accept", "attach"}),
        (changed("accept", status=400), {"accept"}),
        (changed("accept", tools=[]), {"accept"}),
        (changed("accept", type="transcription"), {"accept"}),
        (changed("accept", audio={"input": {"format": {"type": "audio/pcmu"}}}), {"accept"}),
        (without("attach"), {"attach"}),
        (changed("attach", event={"session": {"model": "m"}}), {"attach"}),
        ((*GOOD, message({"type": "input_audio_buffer.append"}, 12.0)), {"attach"}),
        (without("message"), {"tool"}),
        (without("refer"), {"refer"}),
        ((*GOOD, GOOD[6]), {"refer"}),
        (changed("refer", target_uri="sip:other@h"), {"refer"}),
        (changed("refer", status=404), {"refer"}),
        ((*GOOD, note("hangup", 13.0, status=404)), {"refer"}),
        (without("hangup"), {"hangup"}),
        (changed("hangup", status=404), {"hangup"}),
    ],
)
def test_a_step_falls_with_its_evidence(notes: tuple[Note, ...], steps: set[str]) -> None:
    assert failed(*notes) == steps
