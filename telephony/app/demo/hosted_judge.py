"""Judges the demo of hosted calls by what reached the provider."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, cast

from telephony.app.demo.hosted_phone import HOURS, OPERATOR
from telephony.app.demo.hosted_script import FIRST_CALL, SECOND_CALL, is_tool_result
from telephony.app.demo.provider import Note
from telephony.app.demo.report import Step

__all__ = ["HOSTED_STEPS", "judge_hosted"]

HOSTED_STEPS = ("webhook", "accept", "attach", "tool", "refer", "hangup")
"""In the order of the demo."""
OK = 200
NOT_OURS = ("model", "voice", "audio.input.format", "audio.output.format")
"""What a client may not say of a session that it joins."""

Finding = tuple[bool, Note | None, str]
"""Whether the evidence is there, the note that has it, and what was seen."""


def judge_hosted(notes: Sequence[Note]) -> tuple[Step, ...]:
    """Give the steps.

    Args:
        notes: The provider's, in order.
    """
    judges: dict[str, Callable[[Sequence[Note]], Finding]] = {
        "webhook": _webhook,
        "accept": _accept,
        "attach": _attach,
        "tool": _tool,
        "refer": _refer,
        "hangup": _hangup,
    }
    started = notes[0].wall if notes else 0.0
    steps: list[Step] = []
    for name in HOSTED_STEPS:
        is_right, note, evidence = judges[name](notes)
        at_ms = None if note is None else round((note.wall - started) * 1000)
        steps.append(Step(name, is_right, at_ms, evidence))
    return tuple(steps)


def _of(notes: Iterable[Note], what: str, call: str) -> list[Note]:
    return [one for one in notes if one.what == what and one.call == call]


def _only(notes: Sequence[Note], what: str, call: str) -> Note | None:
    """Give the one request of a kind; None where there was none, or more than one."""
    found = _of(notes, what, call)
    return found[0] if len(found) == 1 else None


def _webhook(notes: Sequence[Note]) -> Finding:
    sent = _of(notes, "webhook", FIRST_CALL)
    answers = [one.details["status"] for one in sent]
    is_right = len(sent) > 1 and all(status == OK for status in answers)
    return is_right, sent[0] if sent else None, f"sent {len(sent)} times, answered {answers}"


def _accept(notes: Sequence[Note]) -> Finding:
    note = _only(notes, "accept", FIRST_CALL)
    if note is None:
        return False, None, f"accepted {len(_of(notes, 'accept', FIRST_CALL))} times"
    session = note.details
    tools = [one["name"] for one in session.get("tools", ())]
    is_right = (
        session["status"] == OK
        and session.get("type") == "realtime"
        and "transfer_to_operator" in tools
        and not any(_at(session, path) is not None for path in NOT_OURS[2:])
    )
    return is_right, note, f"once, with the tools {', '.join(tools)} and no audio format"


def _attach(notes: Sequence[Note]) -> Finding:
    accepted, note = _only(notes, "accept", FIRST_CALL), _only(notes, "attach", FIRST_CALL)
    if accepted is None or note is None:
        return False, note, f"attached {len(_of(notes, 'attach', FIRST_CALL))} times"
    said = [path for path in NOT_OURS if _at(note.details["event"]["session"], path) is not None]
    audio = [
        one.details["event"]["type"]
        for one in _of(notes, "message", FIRST_CALL)
        if str(one.details["event"].get("type")).startswith("input_audio_buffer")
    ]
    is_right = note.wall >= accepted.wall and not said and not audio
    return is_right, note, f"by call_id; said of the line: {[*said, *audio] or 'nothing'}"


def _tool(notes: Sequence[Note]) -> Finding:
    results = [one for one in _of(notes, "message", FIRST_CALL) if is_tool_result(one)]
    note = results[0] if results else None
    output = "" if note is None else str(note.details["event"]["item"]["output"])
    return output == HOURS, note, f"key 1: {output or 'no result'}"


def _refer(notes: Sequence[Note]) -> Finding:
    note = _only(notes, "refer", FIRST_CALL)
    if note is None:
        return False, None, f"referred {len(_of(notes, 'refer', FIRST_CALL))} times"
    target, status = note.details.get("target_uri"), note.details["status"]
    hung_up = len(_of(notes, "hangup", FIRST_CALL))
    is_right = (target, status, hung_up) == (OPERATOR, OK, 0)
    return is_right, note, f"key 2: to {target}, answered {status}"


def _hangup(notes: Sequence[Note]) -> Finding:
    note = _only(notes, "hangup", SECOND_CALL)
    if note is None:
        return False, None, f"hung up {len(_of(notes, 'hangup', SECOND_CALL))} times"
    status = note.details["status"]
    return status == OK, note, f"key 3 of a second caller: answered {status}"


def _at(session: dict[str, Any], path: str) -> object:
    """Give what stands at a path, or None."""
    found: object = session
    for name in path.split("."):
        found = cast("dict[str, object]", found).get(name) if isinstance(found, dict) else None
    return found
