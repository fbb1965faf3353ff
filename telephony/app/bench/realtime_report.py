"""What a benchmark of the Realtime client found, and which of it can be believed."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

from telephony.app.bench.doubt import doubt_floor
from telephony.app.bench.import_cost import ImportCost
from telephony.app.bench.messages import Floor, Opened, Samples
from telephony.app.bench.usage import ProcessUse

__all__ = [
    "APPEND_LIMIT_US",
    "DELTA_LIMIT_US",
    "EVENTS_PER_SECOND",
    "IMPORT_LIMIT_MB",
    "IMPORT_LIMIT_S",
    "SHARE_LIMIT",
    "ClientCosts",
    "ObservedRealtime",
    "ObservedSessions",
    "RealtimeReport",
    "Sdk",
    "make_realtime_report",
]

DELTA_LIMIT_US, APPEND_LIMIT_US = 10.0, 1.0
SHARE_LIMIT = 1 / 3
"""Of what openai-agents takes, its model and its session around it."""
SHARE = "a delta over that of the SDK's model and session"
NO_SHARE = f"{SHARE}: not measured, as openai-agents is not installed here"
IMPORT_LIMIT_S, IMPORT_LIMIT_MB = 0.4, 40.0
EVENTS_PER_SECOND = 50
"""Of a session, each way: 20 ms of audio each."""
ENOUGH = 0.98
"""Share of the events that must have gone and come."""
GROWTH_LIMIT_S = 0.05
"""A queue grows when its median over the last quarter holds so much more than over the first."""
QUARTER = 4
SERVER_LATE_LIMIT_MS = 100.0
MS_PER_S, US_PER_S = 1000, 1_000_000


@dataclass(frozen=True, slots=True)
class ClientCosts:
    """Processor time of one client, microseconds per event: the least of all rounds."""

    delta_us: float
    """A delta of 0.8 kB among twenty that come at once, as models send them."""
    delta_alone_us: float
    """The same when each comes by itself, and wakes the process."""
    append_us: float
    """20 ms of audio, written to the socket."""


@dataclass(frozen=True, slots=True)
class Sdk:
    """What openai-agents took."""

    version: str
    model: ClientCosts
    """Its model alone."""
    session: ClientCosts
    """Its model and its session around it, as its users have them: what ours is held against."""
    imported: ImportCost


@dataclass(frozen=True, slots=True)
class ObservedSessions:
    """Many sessions at once, from both ends."""

    asked: int
    opened: Opened
    here: Samples
    """The process with the sessions."""
    there: Samples
    """The server."""
    use: ProcessUse
    floor: Floor


@dataclass(frozen=True, slots=True)
class ObservedRealtime:
    """All that the processes of one benchmark have told."""

    ours: ClientCosts
    floor: ClientCosts
    own_append_us: float
    """Of our append, before the socket."""
    sdk: Sdk | None
    imported: ImportCost
    sessions: ObservedSessions
    is_pinned: bool


@dataclass(frozen=True, slots=True)
class RealtimeReport:
    """The figures; None where nothing was measured. Times are processor time of the client.

    `short` names figures that are not what this product holds itself to; on a busy machine that may
    be the machine. `problems` are faults.
    """

    delta_us: float
    """Receiving 0.8 kB of audio, up to the event that tells of it; twenty come at once."""
    delta_floor_us: float
    """A bare socket that takes the same octets."""
    delta_alone_us: float
    """The same when each comes by itself."""
    delta_alone_floor_us: float
    append_us: float
    """Appending 20 ms of audio, before the socket."""
    append_written_us: float
    """The same, written to a real one. What the kernel takes of it swings with the far end."""
    append_floor_us: float
    """A bare socket that is handed the same octets."""
    sdk_version: str | None
    """Of openai-agents, where it is installed."""
    sdk_model_delta_us: float | None
    sdk_model_delta_alone_us: float | None
    sdk_model_append_us: float | None
    """Written, to be held against `append_written_us`."""
    sdk_session_delta_us: float | None
    sdk_session_delta_alone_us: float | None
    sdk_session_append_us: float | None
    delta_share_of_sdk_model: float | None
    """Our `delta_us` over that of its model alone."""
    delta_share_of_sdk_session: float | None
    """The same over that of its model and session together; held to a third."""
    append_share_of_sdk_model: float | None
    append_share_of_sdk_session: float | None
    import_s: float
    """`import telephony` in a fresh interpreter: processor time."""
    import_mb: float
    """Resident, of that interpreter in all."""
    sdk_import_s: float | None
    sdk_import_mb: float | None
    sessions: int
    """Open at once in one process, each with 50 events a second both ways."""
    seconds: float
    events_up_per_s: float
    """Appends that the server read."""
    events_down_per_s: float
    """Deltas that the sessions told of."""
    sessions_core_percent: float
    """Of one core, of the process with the sessions."""
    sessions_us_per_event: float
    """Of the same: processor time over events of both ways."""
    queue_up_first: float
    """Appends on their way, all sessions together: the median over the first quarter."""
    queue_up_last: float
    """The same over the last quarter: a queue that grows shows here."""
    queue_up_most: int
    queue_down_first: float
    queue_down_last: float
    queue_down_most: int
    queue_allowed_growth: float
    """50 ms of all events of one direction."""
    backlog_most_ms: float
    """Of any one session's uplink."""
    appends_dropped: int
    rss_mb_per_session: float
    wake_floor_p99_ms: float
    is_pinned: bool
    """Whether what is measured had a core of its own, apart from the server."""
    short: tuple[str, ...] = ()
    void: tuple[str, ...] = ()
    """Why figures of this run say little."""
    unmeasured: tuple[str, ...] = ()
    """Figures that are held to something and were not taken, and why."""
    problems: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Give all figures by name, for JSON."""
        return asdict(self)


def depths(ahead: Sequence[int], behind: Sequence[int]) -> list[int]:
    """Give what was on its way at each look: what one end had sent and the other not yet read."""
    return [max(0, sent - read) for sent, read in zip(ahead, behind, strict=True)]


def first_and_last(queue: Sequence[int]) -> tuple[float, float]:
    """Give the median depth over the first quarter of the looks and over the last one."""
    quarter = max(1, len(queue) // QUARTER)
    return median(queue[:quarter]), median(queue[-quarter:])


def _per_second(counts: Sequence[int], seconds: float) -> float:
    return (counts[-1] - counts[0]) / seconds


def make_realtime_report(seen: ObservedRealtime) -> RealtimeReport:
    """Turn what was observed into figures, and judge them."""
    sessions, use = seen.sessions, seen.sessions.use
    up = depths(sessions.here.up, sessions.there.up)
    down = depths(sessions.there.down, sessions.here.down)
    up_first, up_last = first_and_last(up)
    down_first, down_last = first_and_last(down)
    up_rate = _per_second(sessions.there.up, use.elapsed_s)
    down_rate = _per_second(sessions.here.down, use.elapsed_s)
    ours, floor = seen.ours, seen.floor
    return RealtimeReport(
        delta_us=ours.delta_us,
        delta_floor_us=floor.delta_us,
        delta_alone_us=ours.delta_alone_us,
        delta_alone_floor_us=floor.delta_alone_us,
        append_us=seen.own_append_us,
        append_written_us=ours.append_us,
        append_floor_us=floor.append_us,
        **_beside(seen),
        import_s=seen.imported.seconds,
        import_mb=seen.imported.mb,
        sessions=sessions.opened.up,
        seconds=use.elapsed_s,
        events_up_per_s=up_rate,
        events_down_per_s=down_rate,
        sessions_core_percent=use.core_percent,
        sessions_us_per_event=use.cpu_s
        * US_PER_S
        / max(1.0, (up_rate + down_rate) * use.elapsed_s),
        queue_up_first=up_first,
        queue_up_last=up_last,
        queue_up_most=max(up),
        queue_down_first=down_first,
        queue_down_last=down_last,
        queue_down_most=max(down),
        queue_allowed_growth=_allowed_growth(sessions),
        backlog_most_ms=sessions.here.backlog_ms,
        appends_dropped=sessions.here.dropped,
        rss_mb_per_session=use.grown_mb / max(1, sessions.opened.up),
        wake_floor_p99_ms=sessions.floor.p99_ms,
        is_pinned=seen.is_pinned,
        short=tuple(_short(seen)),
        void=tuple(_reasons_to_doubt(seen)),
        unmeasured=() if seen.sdk else (NO_SHARE,),
        problems=tuple(
            _problems(
                sessions,
                {"up": up_rate, "down": down_rate},
                {"up": (up_first, up_last), "down": (down_first, down_last)},
            )
        ),
    )


def _beside(seen: ObservedRealtime) -> dict[str, Any]:
    """Give the figures of openai-agents, and ours as shares of them."""
    sdk, ours = seen.sdk, seen.ours
    model = None if sdk is None else sdk.model
    session = None if sdk is None else sdk.session
    return {
        "sdk_version": sdk and sdk.version,
        "sdk_model_delta_us": model and model.delta_us,
        "sdk_model_delta_alone_us": model and model.delta_alone_us,
        "sdk_model_append_us": model and model.append_us,
        "sdk_session_delta_us": session and session.delta_us,
        "sdk_session_delta_alone_us": session and session.delta_alone_us,
        "sdk_session_append_us": session and session.append_us,
        "delta_share_of_sdk_model": model and ours.delta_us / model.delta_us,
        "delta_share_of_sdk_session": session and ours.delta_us / session.delta_us,
        "append_share_of_sdk_model": model and ours.append_us / model.append_us,
        "append_share_of_sdk_session": session and ours.append_us / session.append_us,
        "sdk_import_s": sdk and sdk.imported.seconds,
        "sdk_import_mb": sdk and sdk.imported.mb,
    }


def _allowed_growth(sessions: ObservedSessions) -> float:
    return GROWTH_LIMIT_S * EVENTS_PER_SECOND * sessions.opened.up


def _short(seen: ObservedRealtime) -> Iterable[str]:
    """Say which figures are above what is held."""
    held = [
        ("a delta", seen.ours.delta_us, DELTA_LIMIT_US, "µs"),
        ("an append before the socket", seen.own_append_us, APPEND_LIMIT_US, "µs"),
        ("import telephony", seen.imported.seconds, IMPORT_LIMIT_S, "s"),
        ("import telephony", seen.imported.mb, IMPORT_LIMIT_MB, "MB"),
    ]
    if seen.sdk is not None:
        share = seen.ours.delta_us / seen.sdk.session.delta_us
        held.append((SHARE, share, SHARE_LIMIT, ""))
    for what, figure, limit, unit in held:
        if figure > limit:
            yield f"{what}: {figure:.2f} {unit}".rstrip() + f", wanted at most {limit:.2f}"


def _reasons_to_doubt(seen: ObservedRealtime) -> Iterable[str]:
    yield from doubt_floor(seen.sessions.floor)
    late_ms = seen.sessions.there.late_ms
    if late_ms > SERVER_LATE_LIMIT_MS:
        yield f"the server was {late_ms:.0f} ms late: it could not keep up"


def _problems(
    sessions: ObservedSessions,
    rates: Mapping[str, float],
    queues: Mapping[str, tuple[float, float]],
) -> Iterable[str]:
    """Say what did not work."""
    opened, expected = sessions.opened, sessions.asked * EVENTS_PER_SECOND
    if opened.up < sessions.asked:
        failed = sessions.asked - opened.up
        yield f"{failed} of {sessions.asked} sessions did not open: {'; '.join(opened.why)}"
    if lost := max(sessions.here.lost, sessions.there.lost):
        yield f"{lost} sessions ended by themselves"
    for way, rate in rates.items():
        if rate < ENOUGH * expected:
            yield f"{rate:.0f} events/s {way}, wanted {expected}"
    for way, (first, last) in queues.items():
        if last - first > _allowed_growth(sessions):
            yield f"the queue {way} grew from {first:.0f} to {last:.0f} events"
    if sessions.here.dropped:
        yield f"{sessions.here.dropped} appends were dropped to make room"
