"""Metrics follow the event log, and stay bounded whatever is in it."""

from prometheus_client import generate_latest

from telephony.app.metrics import MAX_CODES, Metrics
from telephony.call import (
    CallAnswered,
    CallEnded,
    CallEventBody,
    CallIncoming,
    CallPlaced,
    DigitPressed,
    EngineReport,
    EventLog,
    ItemDeletedFromMemory,
    ItemTruncatedAt,
    PlayoutFinished,
    ToolRequested,
    TransferEnded,
    TroubleNoted,
    VoiceGranted,
)
from telephony.units import Nanoseconds
from telephony.voice import VoiceFormat

INCOMING = CallIncoming(
    number="1", to="sip:1@h", caller="c", caller_name="", source="h:1", sip_call_id="x"
)
ANSWERED = CallAnswered(codec="PCMU", ptime_ms=20, remote="h:2")


def tell(metrics: Metrics, *payloads: CallEventBody, call_id: str = "a") -> None:
    log = EventLog(call_id, Nanoseconds(0), 0.0)
    for payload in payloads:
        metrics.handle_event(log.row(payload, Nanoseconds(0)))


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(f"telephony_{name}", labels)


def test_a_call_is_up_from_answer_to_end() -> None:
    metrics = Metrics()
    tell(metrics, INCOMING, ANSWERED, ANSWERED)
    tell(metrics, CallPlaced(target="sip:x", sip_call_id="y"), call_id="b")
    assert value(metrics, "calls_up") == 1
    assert value(metrics, "calls_total", direction="in") == 1
    assert value(metrics, "calls_total", direction="out") == 1
    ended = CallEnded(by="remote", cause="BYE", duration_ms=4_200, counters={"rtp_lost": 3})
    tell(metrics, ended)
    tell(metrics, CallEnded(by="failure", cause="busy"), call_id="b")
    assert value(metrics, "calls_up") == 0
    assert value(metrics, "call_seconds_count") == 1
    assert value(metrics, "call_seconds_sum") == 4.2
    assert value(metrics, "calls_ended_total", by="failure") == 1
    assert value(metrics, "rtp_packets_total", kind="lost") == 3
    assert value(metrics, "rtp_packets_total", kind="sent") == 0


def test_what_happens_inside_a_call_is_counted() -> None:
    metrics = Metrics()
    pcmu = VoiceFormat.PCMU
    tell(
        metrics,
        VoiceGranted(epoch=0, input_format=pcmu, output_format=pcmu, after_ms=250),
        ItemTruncatedAt(
            item_id="i",
            content_index=0,
            audio_end_ms=1,
            sent_samples=8,
            received_samples=9,
            rate_hz=8000,
        ),
        ItemDeletedFromMemory(item_id="j", received_samples=9),
        DigitPressed(digit="1", method="rtp"),
        ToolRequested(tool_call_id="c", name="t", arguments=""),
        TransferEnded(target="t", outcome="busy"),
        TroubleNoted(code="playout.full", fault="model", text=""),
        PlayoutFinished(),
    )
    assert value(metrics, "voice_grant_seconds_sum") == 0.25
    assert value(metrics, "interruptions_total", how="truncated") == 1
    assert value(metrics, "interruptions_total", how="deleted") == 1
    assert value(metrics, "digits_total", method="rtp") == 1
    assert value(metrics, "tool_calls_total") == 1
    assert value(metrics, "transfers_total", outcome="busy") == 1
    assert value(metrics, "trouble_total", code="playout.full", fault="model") == 1


def test_codes_that_a_server_invents_do_not_grow_without_bound() -> None:
    metrics = Metrics()
    for number in range(MAX_CODES + 500):
        tell(metrics, TroubleNoted(code=f"odd-{number}", fault="model", text=""))
    tell(metrics, TroubleNoted(code="odd-0", fault="model", text=""))
    assert value(metrics, "trouble_total", code="other", fault="model") == 500
    assert value(metrics, "trouble_total", code="odd-0", fault="model") == 2
    exposed = generate_latest(metrics.registry).decode()
    assert exposed.count("telephony_trouble_total{") == MAX_CODES + 1


def test_an_engines_figures_are_shown_and_its_counters_only_grow() -> None:
    metrics = Metrics()
    for total in (3, 5):
        report = EngineReport(
            engine_id="e1", calls=total, clock_late_ns=2_000_000, counters={"late_slots": total}
        )
        metrics.handle_report(report)
    assert value(metrics, "engine_calls") == 5
    assert value(metrics, "media_clock_late_seconds") == 0.002
    assert value(metrics, "engine_events_total", kind="late_slots") == 5


def test_tools_that_fail_are_counted_by_how() -> None:
    metrics = Metrics()
    metrics.count_tool_failure("timeout")
    assert value(metrics, "tool_failures_total", how="timeout") == 1


def test_two_instances_share_nothing() -> None:
    one, other = Metrics(), Metrics()
    tell(one, INCOMING)
    assert value(other, "calls_total", direction="in") is None
