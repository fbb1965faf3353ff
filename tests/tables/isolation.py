"""Table isolation: one call's tool blocks or computes for 2 s, and the others' audio goes on.

Calls are up whose packets are captured by tcpdump with the kernel's own time; one more call has
its tools called in turn, with quiet times between. For each tool the p99 of the time between two
packets of the other calls stands beside the same without a tool, and beside the wake floor of the
same moments: how late a process wakes that does nothing else. Each round is a pair, seconds apart:
a row holds when in the median of its pairs the p99 with the tool is no more than 2 ms above the one
without, but for what the floor itself rose. Where the floor's p99 is over 2 ms the machine was too
busy to tell: that pair is void. Where half of a row's are, the row is void and tried again, with
new calls; one that stays void says so, and is short: what could not be told was not shown.
"""

import asyncio
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from pathlib import Path
from statistics import median

from tests.support import capture
from tests.support.caller import Step, make_calls
from tests.support.capture import Capture
from tests.support.far_end import read_streams
from tests.support.hearing import RtpPacket
from tests.support.listening_caller import ListeningCall
from tests.support.model_server import ScriptedModel
from tests.support.phones import BLOCKED_SECONDS
from tests.support.product import Product
from tests.support.wake_floor import WakeFloor, percentile_99
from tests.tables.row import Row

ALLOWED_MS = 2.0
VOID_MS = 2.0
VOID = "void: a busy machine"
ATTEMPTS = 3
TOOLS = {
    "sleeps": "a plain function sleeps 2 s",
    "blocks_the_loop": "an async function blocks its event loop for 2 s",
    "burns": "a plain function computes for 2 s",
}
RESULTS = {"sleeps": "slept", "blocks_the_loop": "blocked", "burns": "rounds"}
SETTLE_SECONDS = 3.0
"""Until every call is up and its minute of audio has been sent by the model."""
REST_SECONDS = 1.0
"""Between two tools, so that none falls into the other's window."""
STEP_MS = 10_000


@dataclass(slots=True)
class Window:
    """All the moments in which one thing went on.

    Attributes:
        spans_ns: From when to when, wall time.
        floor_ms: The wake floor's p99 in each.
    """

    spans_ns: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])
    floor_ms: list[float] = field(default_factory=list[float])

    def gaps_ns(self, streams: Iterable[Sequence[RtpPacket]]) -> list[list[int]]:
        """Give the times between two packets of a stream, for each span where both are of it."""
        return [
            [
                after.time_ns - before.time_ns
                for packets in streams
                for before, after in pairwise(packets)
                if begin <= before.time_ns and after.time_ns <= end
            ]
            for begin, end in self.spans_ns
        ]


def run(calls: int = 20, rounds: int = 4) -> list[Row]:
    """Run every tool.

    Args:
        calls: Calls up beside the one whose tools are called.
        rounds: How often each tool is called.
    """
    missing = capture.missing_reason()
    if missing is not None:
        return [Row("capture", ok=False, figures={"fault": missing})]
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="isolation")))
        model = stack.enter_context(ScriptedModel("long", folder / "model.jsonl"))
        product = stack.enter_context(
            Product(folder, model.url, phone="tests.support.phones:toolbox")
        )
        floor = stack.enter_context(WakeFloor())
        rows: dict[str, Row] = {}
        for attempt in range(ATTEMPTS):
            first = attempt * (calls + 1)
            trial = _Trial(product, model, floor, rounds, range(first, first + calls))
            for row in trial.rows(folder / f"{attempt}.pcap"):
                if row.name not in rows or is_void(rows[row.name]):
                    rows[row.name] = row
            if not any(map(is_void, rows.values())):
                break
        return list(rows.values())


def is_void(row: Row) -> bool:
    """Tell whether a row says nothing."""
    return row.figures.get("verdict") == VOID


@dataclass(frozen=True, slots=True)
class _Trial:
    product: Product
    model: ScriptedModel
    floor: WakeFloor
    rounds: int
    calls: range
    quiet: Window = field(default_factory=Window)
    windows: dict[str, Window] = field(default_factory=lambda: {tool: Window() for tool in TOOLS})

    def rows(self, path: Path) -> list[Row]:
        """Keep calls up, call the tools meanwhile, and judge the packets."""
        seconds = SETTLE_SECONDS + self.rounds * (len(TOOLS) + 1) * (BLOCKED_SECONDS + REST_SECONDS)
        waits: list[Step] = [("wait", STEP_MS)] * (round(seconds * 1000) // STEP_MS)
        steps: list[Step] = [("item",), *waits, ("wait", round(seconds * 1000) % STEP_MS)]
        plans = [{"call": number, "steps": steps} for number in self.calls]
        reports: dict[int, dict[str, object]] = {}

        def keep_up() -> None:
            reports.update(asyncio.run(make_calls(self.product.uri(), plans, at_once=len(plans))))

        others = threading.Thread(target=keep_up)
        with Capture(path, self.product.sent_audio()):
            others.start()
            with ListeningCall(self.product.uri(), self.calls.stop) as call:
                time.sleep(SETTLE_SECONDS)
                for _ in range(self.rounds):
                    self._watch(self.quiet, lambda: None)
                    for tool, window in self.windows.items():
                        self._watch(window, partial(self._call_tool, call.number, tool))
                outputs = self._outputs(call.number)
            others.join()
        ports = [int(str(one["port"])) for one in reports.values() if not one["fault"]]
        streams = list(read_streams(path, ports).values())
        return [self._row(tool, streams, outputs) for tool in TOOLS]

    def _watch(self, window: Window, act: Callable[[], None]) -> None:
        """Do something, and note the 2 s from there on."""
        time.sleep(REST_SECONDS)
        self.floor.take()
        begin = time.time_ns()
        act()
        time.sleep(max(0.0, BLOCKED_SECONDS - (time.time_ns() - begin) / 1e9))
        window.spans_ns.append((begin, time.time_ns()))
        window.floor_ms.append(self.floor.take().p99_ms)

    def _call_tool(self, call: int, tool: str) -> None:
        self.model.command(f"tool {call} {tool}")

    def _outputs(self, call: int) -> list[str]:
        """Give what the model was told that the tools gave back."""
        deadline = time.monotonic() + BLOCKED_SECONDS
        while True:
            items = [
                row["fields"]["item"]
                for row in self.model.rows()
                if row["call"] == call and row.get("event") == "conversation.item.create"
            ]
            if len(items) >= self.rounds * len(TOOLS) or time.monotonic() > deadline:
                return [str(item.get("output")) for item in items]
            time.sleep(0.05)

    def _row(self, tool: str, streams: list[list[RtpPacket]], outputs: list[str]) -> Row:
        failed = len(self.calls) - len(streams)
        ran = sum(RESULTS[tool] in output for output in outputs)
        faults = [
            *([f"{failed} calls failed"] if failed else []),
            *([f"the tool ran {ran} times"] if ran != self.rounds else []),
        ]
        return judged(TOOLS[tool], pairs_of(self.quiet, self.windows[tool], streams), faults)


@dataclass(frozen=True, slots=True)
class Pair:
    """The same stretch of time without a tool and with it, a few seconds apart.

    Attributes:
        without_ns: The times between two packets without the tool.
        during_ns: The same with it.
        floor_without_ms: The wake floor's p99 without it.
        floor_during_ms: The same with it.
    """

    without_ns: list[int]
    during_ns: list[int]
    floor_without_ms: float
    floor_during_ms: float

    @property
    def is_void(self) -> bool:
        """Whether the machine was too busy to tell."""
        return max(self.floor_without_ms, self.floor_during_ms) > VOID_MS

    @property
    def without_ms(self) -> float:
        """The p99 without the tool."""
        return percentile_99(self.without_ns) / 1e6

    @property
    def during_ms(self) -> float:
        """The p99 with the tool; where too few packets were seen, all of the time."""
        is_whole = len(self.during_ns) > len(self.without_ns) / 2
        return percentile_99(self.during_ns) / 1e6 if is_whole else BLOCKED_SECONDS * 1000

    @property
    def rise_ms(self) -> float:
        """How much the p99 rose with the tool, but for what the floor itself rose."""
        noise_ms = max(0.0, self.floor_during_ms - self.floor_without_ms)
        return self.during_ms - self.without_ms - noise_ms


def pairs_of(quiet: Window, window: Window, streams: Sequence[Sequence[RtpPacket]]) -> list[Pair]:
    """Put each span with a tool beside the quiet one of its round."""
    gaps = quiet.gaps_ns(streams), window.gaps_ns(streams)
    return [Pair(*each) for each in zip(*gaps, quiet.floor_ms, window.floor_ms, strict=True)]


def judged(name: str, pairs: Sequence[Pair], faults: Sequence[str] = ()) -> Row:
    """Judge a tool by the median of its pairs; void where most of them are."""
    told = [pair for pair in pairs if not pair.is_void]
    is_void = 2 * len(told) <= len(pairs)
    shown = told or pairs
    rise_ms = median(pair.rise_ms for pair in shown)
    figures: dict[str, object] = {
        "gap_p99_without_ms": round(median(pair.without_ms for pair in shown), 2),
        "gap_p99_with_ms": round(median(pair.during_ms for pair in shown), 2),
        "rise_ms": round(rise_ms, 2),
        "gap_worst_without_ms": _worst_ms(pair.without_ns for pair in shown),
        "gap_worst_with_ms": _worst_ms(pair.during_ns for pair in shown),
        "floor_p99_without_ms": round(median(pair.floor_without_ms for pair in shown), 2),
        "floor_p99_with_ms": round(median(pair.floor_during_ms for pair in shown), 2),
        "gaps": sum(len(pair.during_ns) for pair in shown),
        "void_rounds": f"{len(pairs) - len(told)} of {len(pairs)}",
        "verdict": "; ".join(faults) or (VOID if is_void else ""),
    }
    return Row(name, ok=not faults and not is_void and rise_ms <= ALLOWED_MS, figures=figures)


def _worst_ms(gaps_ns: Iterable[Sequence[int]]) -> float:
    return round(max((gap for span in gaps_ns for gap in span), default=0) / 1e6, 2)
