"""The demo's verdict: every step needs its evidence, and each truncation its samples."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from telephony.app.demo.judge import judge, weigh
from telephony.app.demo.observed import (
    HeardCall,
    HeardChunk,
    Observations,
    ObservedMove,
    ObservedRow,
)
from telephony.app.demo.outputs import timeline, write_files
from telephony.app.demo.report import DemoReport, Files, Step, Truncation
from telephony.call import (
    CallAnswered,
    CallEnded,
    CallerSpeechStarted,
    CallEvent,
    CallIncoming,
    CallPlaced,
    DigitPressed,
    ItemTruncatedAt,
    SpeechTranscribed,
    ToolRequested,
    TransferEnded,
    TransferRequested,
)
from telephony.call.events import CallEventBody
from telephony.local.voices import Voice
from telephony_codecs import AudioFormat, fade_out

START = 1_000.0
OPERATOR = "sip:operator@192.0.2.5"
GREETING, HOURS = "Thank you for calling.", "We are open Monday to Friday, nine to five."
VOICE = Voice.load()
CUT = 40 * 160
"""After 40 whole packets of the greeting."""
SILENCE = b"\xff"


def heard() -> bytes:
    """Give what the caller hears: a cut greeting, then the opening hours."""
    greeting = VOICE.prompt("welcome")
    ramp = fade_out(greeting[CUT : CUT + 40], AudioFormat.PCMU)
    cut = SILENCE * 160 + greeting[:CUT] + ramp + SILENCE * 120 + SILENCE * 8000
    return cut + VOICE.prompt("opening_hours") + SILENCE * 1600


def row(at_ms: float, payload: CallEventBody, call_id: str = "agent") -> CallEvent:
    wall = START + at_ms / 1000
    return CallEvent(call_id=call_id, seq=0, t_ns=0, wall=wall, payload=payload)


def product() -> list[CallEvent]:
    """Give the product's rows."""
    cut_ms = (160 + CUT) / 8 - 1
    return [
        row(5, SpeechTranscribed(role="agent", item_id="g", text=GREETING)),
        row(cut_ms, CallerSpeechStarted(item_id="c", audio_start_ms=700)),
        row(
            cut_ms,
            ItemTruncatedAt(
                item_id="g",
                content_index=0,
                audio_end_ms=(CUT + 40) // 8,
                sent_samples=CUT + 40,
                received_samples=CUT + 800,
                rate_hz=8000,
            ),
        ),
        row(1000, DigitPressed(digit="1", method="rtp")),
        row(1010, ToolRequested(tool_call_id="t", name="opening_hours", arguments="{}")),
        row(1020, SpeechTranscribed(role="agent", item_id="h", text=HOURS)),
        row(6000, TransferEnded(target=OPERATOR, outcome="connected", status=200)),
        row(6001, CallEnded(by="local", cause="transferred", status=200, duration_ms=6000)),
    ]


def observed() -> Observations:
    """Give what the far end saw."""
    incoming = CallIncoming(
        number="operator", to=OPERATOR, caller="x", caller_name="", source="", sip_call_id="s"
    )
    answered = CallAnswered(codec="PCMU", ptime_ms=20, remote="192.0.2.9:4000")
    caller: list[tuple[float, CallEventBody, str]] = [
        (1, CallPlaced(target="sip:a@192.0.2.1", sip_call_id="1"), "one"),
        (5500, TransferRequested(target=OPERATOR), "one"),
        (5501, CallPlaced(target=OPERATOR, sip_call_id="2"), "two"),
        (6002, CallEnded(by="remote", cause="bye"), "one"),
        (9000, CallEnded(by="local", cause="hung up", duration_ms=3000), "two"),
    ]
    operator: list[tuple[float, CallEventBody, str]] = [
        (5502, incoming, "three"),
        (5900, answered, "three"),
        (9001, CallEnded(by="remote", cause="bye"), "three"),
    ]
    octets = heard()
    chunks = tuple(
        HeardChunk(offset=at, octets=len(octets[at : at + 160]), wall=START + at / 8000)
        for at in range(0, len(octets), 160)
    )
    call = HeardCall(
        who="caller", call_id="one", heard=octets, chunks=chunks, sent=None, received=None
    )
    return Observations(
        moves=(
            ObservedMove(move="calls", wall=START),
            ObservedMove(move="talks over the agent", wall=START + 0.7),
        ),
        rows=tuple(
            [ObservedRow(who="caller", row=row(*one)) for one in caller]
            + [ObservedRow(who="operator", row=row(*one)) for one in operator]
        ),
        calls=(call,),
    )


def verdict(
    rows: list[CallEvent] | None = None, seen: Observations | None = None
) -> tuple[dict[str, Step], tuple[Truncation, ...]]:
    steps, truncations = judge(weigh(rows or product(), seen or observed(), OPERATOR))
    return {step.name: step for step in steps}, truncations


def without(rows: list[CallEvent], kind: type[object]) -> list[CallEvent]:
    return [one for one in rows if not isinstance(one.payload, kind)]


def test_a_good_call_holds_in_every_step() -> None:
    steps, truncations = verdict()
    assert [(name, step.ok) for name, step in steps.items()] == [
        ("greeting", True),
        ("interruption", True),
        ("digit", True),
        ("transfer", True),
        ("hangup", True),
    ]
    (cut,) = truncations
    assert cut.as_json() == {
        "case": "speech",
        "item_id": "g",
        "truncated_ms": 805,
        "sent_ms": 805.0,
        "far_end_ms": 805.0,
        "error_ms": 0.0,
        "audio_after_ms": 5.0,
    }
    assert cut.ok
    assert cut.packets_after == 1


@pytest.mark.parametrize(
    ("kind", "step"),
    [
        (SpeechTranscribed, "greeting"),
        (ItemTruncatedAt, "interruption"),
        (DigitPressed, "digit"),
        (ToolRequested, "digit"),
        (TransferEnded, "transfer"),
    ],
)
def test_a_step_falls_with_the_products_evidence(kind: type[object], step: str) -> None:
    steps, _ = verdict(without(product(), kind))
    assert not steps[step].ok


@pytest.mark.parametrize(
    ("kind", "step"),
    [
        (TransferRequested, "transfer"),
        (CallIncoming, "transfer"),
        (CallAnswered, "transfer"),
        (CallPlaced, "hangup"),
        (CallEnded, "hangup"),
    ],
)
def test_a_step_falls_with_the_far_ends_evidence(kind: type[object], step: str) -> None:
    seen = observed()
    kept = tuple(one for one in seen.rows if not isinstance(one.row.payload, kind))
    steps, _ = verdict(seen=seen.model_copy(update={"rows": kept}))
    assert not steps[step].ok


def test_an_answer_that_was_not_heard_whole_fails_the_key() -> None:
    seen = observed()
    call = seen.calls[0].model_copy(update={"heard": seen.calls[0].heard[:-8000]})
    steps, _ = verdict(seen=seen.model_copy(update={"calls": (call,)}))
    assert not steps["digit"].ok
    assert "not heard" in steps["digit"].evidence


def test_a_transfer_elsewhere_is_none() -> None:
    steps, _ = judge(weigh(product(), observed(), "sip:someone@192.0.2.77"))
    assert not steps[3].ok


def test_a_far_end_that_saw_nothing_fails_everything() -> None:
    steps, truncations = verdict(seen=Observations(failure="it died"))
    assert not any(step.ok for step in steps.values())
    assert [one.far_end_samples for one in truncations] == [None]
    assert not truncations[0].ok
    assert truncations[0].as_json()["error_ms"] is None


GOOD = Truncation("speech", "i", 100, 807, 807, 40, 1)


@pytest.mark.parametrize(
    ("truncation", "ok"),
    [
        (GOOD, True),
        (replace(GOOD, truncated_ms=99), False),
        (replace(GOOD, truncated_ms=101), False),
        (replace(GOOD, sent_samples=806), False),
        (replace(GOOD, far_end_samples=767), False),
        (replace(GOOD, packets_after=2), False),
        (replace(GOOD, packets_after=0, samples_after=0), True),
    ],
)
def test_the_bar_is_no_sample_and_less_than_a_millisecond(
    *, truncation: Truncation, ok: bool
) -> None:
    assert truncation.ok is ok


def test_the_report_is_what_the_contract_says() -> None:
    files = Files(Path("a"), Path("t"), Path("p"))
    step = Step("greeting", ok=True, at_ms=5, evidence="heard")
    report = DemoReport((step,), (GOOD,), files)
    assert report.ok
    said = json.loads(json.dumps(report.as_json()))
    assert set(said) == {"ok", "error", "steps", "truncations", "files"}
    assert said["steps"] == [{"name": "greeting", "ok": True, "at_ms": 5}]
    assert said["files"] == {"audio": "a", "timeline": "t", "picture": "p"}
    assert not replace(report, failure="waited in vain").ok
    assert not replace(report, truncations=()).ok
    assert not replace(report, steps=(replace(step, ok=False),)).ok


def test_the_timeline_is_in_order_and_says_who_saw_what(tmp_path: Path) -> None:
    evidence = weigh(product(), observed(), OPERATOR)
    rows = timeline(evidence)
    times = [one["at_ms"] for one in rows]
    assert times == sorted(times, key=lambda at: float(str(at)))
    assert {one["seen_by"] for one in rows} == {"product", "caller", "operator", "far_end"}
    kept = [one for one in rows if one["type"] == "item.heard"]
    assert [(one["item_id"], one["is_whole"]) for one in kept] == [("g", False), ("h", True)]

    files = write_files(evidence, *judge(evidence), tmp_path / "out")
    assert json.loads(files.timeline.read_text()) == rows
    assert files.audio.read_bytes().startswith(b"RIFF")
    assert files.picture.read_text().startswith("<svg")
