"""What a benchmark's processes say to each other: commands and answers, a line of JSON each."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

__all__ = [
    "COMMANDS",
    "CallersStarted",
    "CloseCalls",
    "Closed",
    "Command",
    "Connect",
    "Cost",
    "Dial",
    "Dialled",
    "Done",
    "Echo",
    "Echoed",
    "Floor",
    "Marker",
    "MarkersHeard",
    "Measure",
    "MeasureAppends",
    "MeasureDeltas",
    "MeasureFloor",
    "MeasureOwnAppend",
    "Measured",
    "ModelCounts",
    "OpenSessions",
    "Opened",
    "Quiet",
    "ReportMarkers",
    "ReportModel",
    "Sample",
    "Samples",
    "SetScript",
    "StreamDeltas",
]


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Dial(_Message):
    """Place the calls, one after the other, and keep them up."""

    do: Literal["dial"] = "dial"
    target: tuple[str, int]
    """Where the system under test listens for SIP over UDP."""
    calls: int
    law: Literal["PCMU", "PCMA"]
    calls_per_second: float


class Dialled(_Message):
    """Every call is up or has failed."""

    up: int
    failed: int
    why: tuple[str, ...] = ()
    """The first few reasons of those that failed."""
    setup_p50_ms: float | None = None
    """INVITE to 200, of the calls that came up."""
    setup_p95_ms: float | None = None


class Measure(_Message):
    """Note what arrives for some time."""

    do: Literal["measure"] = "measure"
    seconds: float


class Measured(_Message):
    """What arrived."""

    packets: int
    lost: int
    """Sequence numbers that never came."""
    timeline_jumps: int
    voiced: int
    """Packets with anything but silence in them."""
    sent: int
    gap_error_p50_ms: float | None
    gap_error_p99_ms: float | None
    gap_error_p99_9_ms: float | None
    lateness_p99_ms: float | None
    send_late_p99_ms: float | None
    """How late the callers themselves were: beyond a few milliseconds they could not keep up."""
    calls_lost: int
    """Calls that ended before they were told to."""


class Echo(_Message):
    """Send markers, each caller two a second, and wait for their echoes."""

    do: Literal["echo"] = "echo"
    seconds: float


class Marker(_Message):
    """One marker that a caller sent."""

    call: int
    sent_ns: int
    """Monotonic, just before it was handed to the kernel."""
    heard_ns: int | None
    """Monotonic, by the kernel's stamp; None where no echo came."""


class Echoed(_Message):
    """All markers."""

    markers: tuple[Marker, ...]


class CloseCalls(_Message):
    """Hang up every call."""

    do: Literal["close"] = "close"


class Closed(_Message):
    """All calls are over, or were given up waiting for."""

    left: int


class Quiet(_Message):
    """End the answers that are under way, and from now on give marked audio back."""

    do: Literal["quiet"] = "quiet"


class Done(_Message):
    """The command was carried out; there is nothing to tell."""


class ReportMarkers(_Message):
    """Tell when the markers arrived."""

    do: Literal["report_markers"] = "report_markers"


class MarkersHeard(_Message):
    """When the model's server had read each marker."""

    markers: tuple[tuple[int, int], ...]
    """Number of the call, monotonic nanoseconds."""


class ReportModel(_Message):
    """Tell what came since the last report."""

    do: Literal["report_model"] = "report_model"


class ModelCounts(_Message):
    """What the model's server saw."""

    sessions: int
    appended_ms: float
    """The callers' audio, all sessions together."""
    deltas: int
    answers_late_ms: float
    """The latest that a burst of audio left after its time."""


class MeasureFloor(_Message):
    """Wake every 5 ms for some time."""

    do: Literal["floor"] = "floor"
    seconds: float


class Floor(_Message):
    """How late this machine wakes a process that does nothing else."""

    p50_ms: float
    p99_ms: float
    p99_9_ms: float


class SetScript(_Message):
    """Answer each `response.create` from now on with this much audio."""

    do: Literal["script"] = "script"
    deltas: int
    burst: int
    """Deltas written at once, as models do that speak faster than real time."""
    gap_ms: float
    """Between two bursts."""


class Connect(_Message):
    """Let every client of the worker connect."""

    do: Literal["connect"] = "connect"
    url: str


class MeasureDeltas(_Message):
    """Ask for an answer, and tell what receiving its audio costs."""

    do: Literal["deltas"] = "deltas"
    client: str
    deltas: int
    """As the server's script says."""


class MeasureAppends(_Message):
    """Tell what writing 20 ms of audio costs."""

    do: Literal["appends"] = "appends"
    client: str
    bursts: int


class MeasureOwnAppend(_Message):
    """Tell what of an append is spent before the socket."""

    do: Literal["own_append"] = "own_append"
    bursts: int


class Cost(_Message):
    """Processor time of the client's process, user and system, per event."""

    us: float


class OpenSessions(_Message):
    """Open sessions and begin to append 20 ms of audio to each, every 20 ms."""

    do: Literal["open"] = "open"
    url: str
    sessions: int


class Opened(_Message):
    """Every session is granted or has failed."""

    up: int
    why: tuple[str, ...] = ()
    """The first few reasons of those that failed."""


class StreamDeltas(_Message):
    """Send 20 ms of audio to every client, every 20 ms."""

    do: Literal["stream"] = "stream"


class Sample(_Message):
    """Count at given times what went and what came, so that two processes can be compared."""

    do: Literal["sample"] = "sample"
    start_ns: int
    """Monotonic, of the first look."""
    every_ms: int
    samples: int


class Samples(_Message):
    """What one end had counted at each look since it began."""

    up: tuple[int, ...]
    """Appends: written by the engine's side, read by the server."""
    down: tuple[int, ...]
    """Deltas: sent by the server, heard by the engine's side."""
    backlog_ms: float = 0.0
    """The most audio that any one session had waiting, ours and the kernel's, at any look."""
    dropped: int = 0
    """Appends dropped to make room, in all."""
    late_ms: float = 0.0
    """The latest that this end did its own sending."""
    lost: int = 0
    """Sessions that ended before they were told to."""


class CallersStarted(_Message):
    """The callers are ready to dial."""

    ready: bool = True


Command = (
    Dial
    | Measure
    | Echo
    | CloseCalls
    | Quiet
    | ReportMarkers
    | ReportModel
    | MeasureFloor
    | SetScript
    | Connect
    | MeasureDeltas
    | MeasureAppends
    | MeasureOwnAppend
    | OpenSessions
    | StreamDeltas
    | Sample
)
COMMANDS: TypeAdapter[Command] = TypeAdapter(Annotated[Command, Field(discriminator="do")])
