"""What a benchmark of calls found, and which of it can be believed."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from telephony.app.bench.doubt import doubt_floor
from telephony.app.bench.messages import Dialled, Floor, Marker, Measured, ModelCounts
from telephony.app.bench.quantiles import quantile_ms
from telephony.app.bench.usage import ProcessUse

__all__ = [
    "FLOOR_US",
    "FRAMES_PER_SECOND",
    "BenchReport",
    "Observed",
    "echo_delays_ns",
    "make_report",
    "uplink_delays_ns",
]

FRAMES_PER_SECOND = 50
"""Call-frames of one call: 20 ms, both ways."""
FLOOR_US = {"pcmu": 10.0, "pcma": 10.0, "pcm": 13.0}
"""What the kernel alone takes for a call-frame: one datagram each way, one WebSocket write, a fifth
of a read, and for `pcm` the resampling in C."""
WAITED_LIMIT_MS = 10.0
"""Of each second: beyond it the engine's own core is too busy with others."""
SEND_LATE_LIMIT_MS = 5.0
"""Beyond it the callers themselves were too slow: one slot of the engine's clock."""
ANSWER_LATE_LIMIT_MS = 100.0
"""Beyond it the model's server was too slow for its lead of half a second to be safe."""
ENOUGH = 0.98
"""Share of packets, of voiced packets and of appended audio that must have come through."""
UPLINK_LIMIT_NS = 500_000_000
PACKET_MS = 1000 / FRAMES_PER_SECOND
US_PER_S = 1_000_000
MS_PER_S = 1000


@dataclass(frozen=True, slots=True)
class Observed:
    """All that the processes of one benchmark have told."""

    calls: int
    session: str
    dialled: Dialled
    engine: ProcessUse
    measured: Measured
    model: ModelCounts
    floor: Floor
    markers: tuple[Marker, ...]
    heard: tuple[tuple[int, int], ...]
    """Markers as the model's server read them: number of the call, monotonic nanoseconds."""
    troubles: tuple[str, ...]
    """Codes of what the engine noted as gone wrong."""
    is_pinned: bool
    calls_left: int


@dataclass(frozen=True, slots=True)
class BenchReport:
    """The figures; None where nothing was measured.

    Latencies are void where `void` says so; all figures are where `problems` are not empty.
    """

    calls: int
    session: str
    seconds: float
    cpu_us_per_call_frame: float
    """Processor time of the engine, user and system, per call and 20 ms of both directions."""
    cpu_user_us_per_call_frame: float
    cpu_system_us_per_call_frame: float
    core_percent: float
    """Of one core, of the engine's process."""
    floor_us_per_call_frame: float
    """What the kernel alone would take."""
    pacing_p50_ms: float | None
    """|gap - 20 ms| between two packets that the callers received, by the kernel's stamps."""
    pacing_p99_ms: float | None
    pacing_p99_9_ms: float | None
    lateness_p99_ms: float | None
    """Of a packet, against the best even grid of its stream."""
    wake_floor_p50_ms: float
    """How late a process that only wakes every 5 ms was, in the same seconds."""
    wake_floor_p99_ms: float
    wake_floor_p99_9_ms: float
    engine_waited_ms_per_s: float | None
    """How long of each second the engine was ready and others had its core."""
    echo_p50_ms: float | None
    """From a caller's packet to the first packet that brings its sound back from the model."""
    echo_p95_ms: float | None
    uplink_p50_ms: float | None
    """From a caller's packet to the model's server having read its audio."""
    uplink_p95_ms: float | None
    rss_mb_per_call: float
    """Resident memory of the engine over what it was before the first call."""
    setups: int
    """Calls that came up."""
    setups_failed: int
    setup_p50_ms: float | None
    """INVITE to 200; the voice session is opened in between."""
    setup_p95_ms: float | None
    packets: int
    """Received by the callers in the window."""
    packets_lost: int
    timeline_jumps: int
    """Places where an RTP timestamp did not follow: periods that the engine skipped."""
    voiced_share: float
    """Of those packets: how many held the model's voice and not silence."""
    appended_share: float
    """Of the audio that the callers sent: how much the model's server received."""
    generator_late_p99_ms: float | None
    """How late the callers' own packets left."""
    is_pinned: bool
    """Whether the engine had a core of its own, apart from callers, model and wake floor."""
    stages: tuple[str, ...] = ()
    """Stages of the uplink between packet and append; none passes the payload as it is."""
    void: tuple[str, ...] = ()
    """Why the latencies of this run say nothing about the engine."""
    problems: tuple[str, ...] = ()
    """What did not work, so that this is no measurement of working calls."""
    troubles: tuple[str, ...] = ()
    """Codes of what the engine noted as gone wrong."""

    def as_dict(self) -> dict[str, Any]:
        """Give all figures by name, for JSON."""
        return asdict(self)


def echo_delays_ns(markers: Iterable[Marker]) -> list[int]:
    """Give the delay of each marker that came back, ascending."""
    return sorted(one.heard_ns - one.sent_ns for one in markers if one.heard_ns is not None)


def uplink_delays_ns(
    markers: Iterable[Marker], heard: Iterable[tuple[int, int]], limit_ns: int = UPLINK_LIMIT_NS
) -> list[int]:
    """Give how long each marker took to the model's server, ascending.

    Args:
        markers: As the callers sent them.
        heard: As the server read them: number of the call, monotonic nanoseconds.
        limit_ns: Beyond it a marker is not the one that was sent.
    """
    by_call: dict[int, list[int]] = {}
    for call, at_ns in heard:
        by_call.setdefault(call, []).append(at_ns)
    delays: list[int] = []
    for marker in markers:
        after = [at_ns - marker.sent_ns for at_ns in by_call.get(marker.call, ())]
        delay = min((one for one in after if 0 <= one < limit_ns), default=None)
        if delay is not None:
            delays.append(delay)
    return sorted(delays)


def make_report(seen: Observed) -> BenchReport:
    """Turn what was observed into figures, and judge whether they can be believed."""
    engine, measured, dialled = seen.engine, seen.measured, seen.dialled
    frames = max(1.0, seen.calls * engine.elapsed_s * FRAMES_PER_SECOND)
    echo = echo_delays_ns(seen.markers)
    uplink = uplink_delays_ns(seen.markers, seen.heard)
    return BenchReport(
        calls=seen.calls,
        session=seen.session,
        seconds=engine.elapsed_s,
        cpu_us_per_call_frame=engine.cpu_s * US_PER_S / frames,
        cpu_user_us_per_call_frame=engine.user_s * US_PER_S / frames,
        cpu_system_us_per_call_frame=engine.system_s * US_PER_S / frames,
        core_percent=engine.core_percent,
        floor_us_per_call_frame=FLOOR_US[seen.session],
        pacing_p50_ms=measured.gap_error_p50_ms,
        pacing_p99_ms=measured.gap_error_p99_ms,
        pacing_p99_9_ms=measured.gap_error_p99_9_ms,
        lateness_p99_ms=measured.lateness_p99_ms,
        wake_floor_p50_ms=seen.floor.p50_ms,
        wake_floor_p99_ms=seen.floor.p99_ms,
        wake_floor_p99_9_ms=seen.floor.p99_9_ms,
        engine_waited_ms_per_s=_waited_ms_per_s(engine),
        echo_p50_ms=quantile_ms(echo, 0.5),
        echo_p95_ms=quantile_ms(echo, 0.95),
        uplink_p50_ms=quantile_ms(uplink, 0.5),
        uplink_p95_ms=quantile_ms(uplink, 0.95),
        rss_mb_per_call=engine.grown_mb / seen.calls,
        setups=dialled.up,
        setups_failed=dialled.failed,
        setup_p50_ms=dialled.setup_p50_ms,
        setup_p95_ms=dialled.setup_p95_ms,
        packets=measured.packets,
        packets_lost=measured.lost,
        timeline_jumps=measured.timeline_jumps,
        voiced_share=measured.voiced / max(1, measured.packets),
        appended_share=_appended_share(seen),
        generator_late_p99_ms=measured.send_late_p99_ms,
        is_pinned=seen.is_pinned,
        void=tuple(_reasons_to_doubt(seen)),
        problems=tuple(_problems(seen)),
        troubles=seen.troubles,
    )


def _waited_ms_per_s(engine: ProcessUse) -> float | None:
    if engine.waited_s is None:
        return None
    return engine.waited_s * MS_PER_S / engine.elapsed_s


def _appended_share(seen: Observed) -> float:
    return seen.model.appended_ms / max(1.0, seen.measured.sent * PACKET_MS)


def _reasons_to_doubt(seen: Observed) -> Iterable[str]:
    """Say why latencies are void; processor time is not, as it is the engine's own."""
    yield from doubt_floor(seen.floor)
    waited_ms = _waited_ms_per_s(seen.engine) or 0.0
    if waited_ms > WAITED_LIMIT_MS:
        yield (
            f"the engine waited {waited_ms:.1f} ms of each second for its core, wanted"
            f" {WAITED_LIMIT_MS:g}: others use it"
        )
    late_ms = seen.measured.send_late_p99_ms or 0.0
    if late_ms > SEND_LATE_LIMIT_MS:
        yield (
            f"the callers were {late_ms:.1f} ms late (p99), wanted {SEND_LATE_LIMIT_MS:g}:"
            " they could not keep up"
        )
    if seen.model.answers_late_ms > ANSWER_LATE_LIMIT_MS:
        yield f"the model's server was {seen.model.answers_late_ms:.0f} ms late"


def _problems(seen: Observed) -> Iterable[str]:
    """Say what did not work."""
    dialled, measured = seen.dialled, seen.measured
    if dialled.failed:
        yield f"{dialled.failed} of {seen.calls} calls did not come up: {'; '.join(dialled.why)}"
    if measured.calls_lost:
        yield f"{measured.calls_lost} calls ended by themselves"
    if seen.model.sessions < dialled.up:
        yield f"{seen.model.sessions} voice sessions for {dialled.up} calls"
    expected = seen.calls * seen.engine.elapsed_s * FRAMES_PER_SECOND
    shares = {
        "packets": measured.packets / max(1.0, expected),
        "voiced packets": measured.voiced / max(1, measured.packets),
        "appended audio": _appended_share(seen),
    }
    for what, share in shares.items():
        if share < ENOUGH:
            yield f"{what}: {share:.1%} of what was expected"
    silent = sum(marker.heard_ns is None for marker in seen.markers)
    if silent > (1 - ENOUGH) * len(seen.markers):
        yield f"{silent} of {len(seen.markers)} markers had no echo"
    if seen.calls_left:
        yield f"{seen.calls_left} calls did not end when hung up"
