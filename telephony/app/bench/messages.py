"""What a benchmark's processes say to each other: commands and answers, a line of JSON each."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

__all__ = [
    "COMMANDS",
    "CallersStarted",
    "CloseCalls",
    "Closed",
    "Command",
    "Dial",
    "Dialled",
    "Done",
    "Echo",
    "Echoed",
    "Floor",
    "Marker",
    "MarkersHeard",
    "Measure",
    "MeasureFloor",
    "Measured",
    "ModelCounts",
    "Quiet",
    "ReportMarkers",
    "ReportModel",
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


class CallersStarted(_Message):
    """The callers are ready to dial."""

    ready: bool = True


Command = Dial | Measure | Echo | CloseCalls | Quiet | ReportMarkers | ReportModel | MeasureFloor
COMMANDS: TypeAdapter[Command] = TypeAdapter(Annotated[Command, Field(discriminator="do")])
