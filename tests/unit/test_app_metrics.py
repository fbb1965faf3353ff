"""Metrics follow an engine's reports and the tools' failures."""

from telephony.app.metrics import Metrics
from telephony.call import CallEvent, EngineReport, VoiceRestored


def report(calls: int, clock_late_ns: int, **counters: int) -> EngineReport:
    return EngineReport(engine_id="e1", calls=calls, clock_late_ns=clock_late_ns, counters=counters)


def test_a_report_sets_gauges_and_raises_counters_by_what_came_on_top() -> None:
    metrics = Metrics()
    metrics.handle_report(report(2, 4_000_000, sip_rejected=3))
    metrics.handle_report(report(1, 1_000_000, sip_rejected=5, late_slots=1))
    value = metrics.registry.get_sample_value
    assert value("telephony_engine_calls") == 1
    assert value("telephony_media_clock_late_seconds") == 0.001
    assert value("telephony_engine_events_total", {"kind": "sip_rejected"}) == 5
    assert value("telephony_engine_events_total", {"kind": "late_slots"}) == 1


def test_a_tool_failure_counts_by_how_it_failed() -> None:
    metrics = Metrics()
    metrics.count_tool_failure("timeout")
    value = metrics.registry.get_sample_value
    assert value("telephony_tool_failures_total", {"how": "timeout"}) == 1
    assert value("telephony_tool_failures_total", {"how": "failed"}) is None


def test_the_threads_that_tools_hold_are_shown_as_they_are_now() -> None:
    metrics = Metrics()
    taken = [0]
    metrics.show_tool_threads(lambda: taken[0])
    taken[0] = 3
    assert metrics.registry.get_sample_value("telephony_tool_threads") == 3


def test_sessions_that_followed_another_are_counted_by_why() -> None:
    metrics = Metrics()
    for seq, after_ms in enumerate((0, 250, 1_000)):
        row = VoiceRestored(epoch=seq + 1, items=2, after_ms=after_ms)
        metrics.handle_event(CallEvent(call_id="c", seq=seq, t_ns=0, wall=0.0, payload=row))
    value = metrics.registry.get_sample_value
    assert value("telephony_voice_restored_total", {"why": "lost"}) == 2
    assert value("telephony_voice_restored_total", {"why": "renewed"}) == 1
