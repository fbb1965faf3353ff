"""Metrics for Prometheus: a view of the event log, of the engine's reports and of the tools."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from telephony.call import (
    CallAnswered,
    CallEnded,
    CallEvent,
    CallIncoming,
    CallPlaced,
    DigitPressed,
    EngineReport,
    ItemDeletedFromMemory,
    ItemTruncatedAt,
    ToolRequested,
    TransferEnded,
    TroubleNoted,
    VoiceGranted,
    VoiceRestored,
)

__all__ = ["Metrics"]

MAX_CODES = 100
"""Codes of trouble told apart; the voice model's server may send any."""
MS_PER_S = 1000
NS_PER_S = 1_000_000_000
RTP_KINDS = (
    "sent",
    "received",
    "lost",
    "late",
    "duplicate",
    "refused",
    "malformed",
    "wrong_payload_type",
)


class Metrics:
    """Counts what happens; each instance has a registry of its own."""

    def __init__(self) -> None:
        """Start at zero."""
        registry = self.registry = CollectorRegistry()
        name = "telephony_"
        self._up = Gauge(name + "calls_up", "Calls that are up", registry=registry)
        self._calls = Counter(name + "calls", "Calls", ["direction"], registry=registry)
        self._ended = Counter(name + "calls_ended", "Ended calls", ["by"], registry=registry)
        self._seconds = Histogram(
            name + "call_seconds",
            "Length of answered calls",
            buckets=(1, 5, 15, 30, 60, 120, 300, 600, 1800, 3600),
            registry=registry,
        )
        self._grant = Histogram(
            name + "voice_grant_seconds",
            "Time until the voice session was ready",
            buckets=(0.05, 0.1, 0.2, 0.5, 1, 2, 3, 5, 10),
            registry=registry,
        )
        self._restored = Counter(
            name + "voice_restored",
            "Sessions that followed another in mid-call",
            ["why"],
            registry=registry,
        )
        self._cuts = Counter(
            name + "interruptions", "Items cut by an interruption", ["how"], registry=registry
        )
        self._digits = Counter(name + "digits", "Keys pressed", ["method"], registry=registry)
        self._tools = Counter(
            name + "tool_calls", "Functions called by the model", registry=registry
        )
        self._transfers = Counter(name + "transfers", "Transfers", ["outcome"], registry=registry)
        self._trouble = Counter(
            name + "trouble", "Things that went wrong", ["code", "fault"], registry=registry
        )
        self._packets = Counter(
            name + "rtp_packets", "RTP packets of ended calls", ["kind"], registry=registry
        )
        self._tool_failures = Counter(
            name + "tool_failures", "Tools that gave no result", ["how"], registry=registry
        )
        self._webhooks = Counter(
            name + "webhooks", "Webhooks of providers", ["server", "outcome"], registry=registry
        )
        self._tool_threads = Gauge(
            name + "tool_threads", "Threads that tools hold, hung ones included", registry=registry
        )
        self._held = Gauge(name + "engine_calls", "Calls the engine holds", registry=registry)
        self._clock_late = Gauge(
            name + "media_clock_late_seconds",
            "Worst lateness of the media clock within the last second",
            registry=registry,
        )
        self._engine_events = Counter(
            name + "engine_events", "What the engine counts", ["kind"], registry=registry
        )
        self._answered: set[str] = set()
        self._codes: set[str] = set()
        self._reported: dict[str, int] = {}

    def handle_event(self, event: CallEvent) -> None:
        """Count one event."""
        match event.payload:
            case CallIncoming():
                self._calls.labels("in").inc()
            case CallPlaced():
                self._calls.labels("out").inc()
            case CallAnswered() if event.call_id not in self._answered:
                self._answered.add(event.call_id)
                self._up.inc()
            case CallEnded() as ended:
                self._count_end(event.call_id, ended)
            case _:
                self._count_inside(event)

    def _count_inside(self, event: CallEvent) -> None:
        match event.payload:
            case VoiceGranted(after_ms=after_ms):
                self._grant.observe(after_ms / MS_PER_S)
            case VoiceRestored(after_ms=after_ms):
                self._restored.labels("lost" if after_ms else "renewed").inc()
            case ItemTruncatedAt():
                self._cuts.labels("truncated").inc()
            case ItemDeletedFromMemory():
                self._cuts.labels("deleted").inc()
            case DigitPressed(method=method):
                self._digits.labels(method).inc()
            case ToolRequested():
                self._tools.inc()
            case TransferEnded(outcome=outcome):
                self._transfers.labels(outcome).inc()
            case TroubleNoted(code=code, fault=fault):
                self._trouble.labels(self._bounded(code), fault).inc()
            case _:
                pass

    def _bounded(self, code: str) -> str:
        """Give a code as a label; a server that invents ever new ones shares one of ours."""
        if len(self._codes) < MAX_CODES:
            self._codes.add(code)
        return code if code in self._codes else "other"

    def _count_end(self, call_id: str, ended: CallEnded) -> None:
        self._ended.labels(ended.by).inc()
        for kind in RTP_KINDS:
            self._packets.labels(kind).inc(ended.counters.get(f"rtp_{kind}", 0))
        if call_id in self._answered:
            self._answered.remove(call_id)
            self._up.dec()
            self._seconds.observe(ended.duration_ms / MS_PER_S)

    def handle_report(self, report: EngineReport) -> None:
        """Take an engine's own figures."""
        self._held.set(report.calls)
        self._clock_late.set(report.clock_late_ns / NS_PER_S)
        for kind, total in report.counters.items():
            self._engine_events.labels(kind).inc(total - self._reported.get(kind, 0))
            self._reported[kind] = total

    def count_tool_failure(self, how: str) -> None:
        """Count a tool that gave no result.

        Args:
            how: "arguments", "timeout", "busy", "failed" or "too_long".
        """
        self._tool_failures.labels(how).inc()

    def count_webhook(self, server: str, outcome: str) -> None:
        """Count a webhook.

        Args:
            server: Name of the `[hosted.NAME]` it came to.
            outcome: What came of it: "taken", "repeated", or why it was refused.
        """
        self._webhooks.labels(server, outcome).inc()

    def show_tool_threads(self, taken: Callable[[], int]) -> None:
        """Show from now on how many threads tools hold, as `taken` says when asked."""
        self._tool_threads.set_function(taken)
