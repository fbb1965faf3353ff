"""Table isolation: one call's tool blocks or computes for 2 s, and the others' audio goes on.

Calls are up whose packets are captured by tcpdump with the kernel's own time; one more call has
its tools called in turn, with quiet times between. For each tool the p99 of the time between two
packets of the other calls stands beside the same without a tool, and beside the wake floor of the
same moments: how late a process wakes that does nothing else. A row holds when the p99 with the
tool is no more than 2 ms above the one without, but for what the floor itself rose. Each figure is
the median over the rounds, for other people's work comes and goes within one. Where the floor's p99
is over 2 ms the machine was too busy to tell: the row is void, and says so.
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
        trial = _Trial(product, model, floor, rounds)
        return trial.rows(folder / "calls.pcap", calls)


@dataclass(frozen=True, slots=True)
class _Trial:
    product: Product
    model: ScriptedModel
    floor: WakeFloor
    rounds: int
    quiet: Window = field(default_factory=Window)
    windows: dict[str, Window] = field(default_factory=lambda: {tool: Window() for tool in TOOLS})

    def rows(self, path: Path, calls: int) -> list[Row]:
        """Keep calls up, call the tools meanwhile, and judge the packets."""
        seconds = SETTLE_SECONDS + self.rounds * (len(TOOLS) + 1) * (BLOCKED_SECONDS + REST_SECONDS)
        waits: list[Step] = [("wait", STEP_MS)] * (round(seconds * 1000) // STEP_MS)
        steps: list[Step] = [("item",), *waits, ("wait", round(seconds * 1000) % STEP_MS)]
        plans = [{"call": number, "steps": steps} for number in range(calls)]
        reports: dict[int, dict[str, object]] = {}

        def keep_up() -> None:
            reports.update(asyncio.run(make_calls(self.product.uri(), plans, at_once=calls)))

        others = threading.Thread(target=keep_up)
        with Capture(path, self.product.sent_audio()):
            others.start()
            with ListeningCall(self.product.uri(), calls) as call:
                time.sleep(SETTLE_SECONDS)
                for _ in range(self.rounds):
                    self._watch(self.quiet, lambda: None)
                    for tool, window in self.windows.items():
                        self._watch(window, partial(self._call_tool, call.number, tool))
                outputs = self._outputs(call.number)
            others.join()
        ports = [int(str(one["port"])) for one in reports.values() if not one["fault"]]
        streams = list(read_streams(path, ports).values())
        return [self._row(tool, streams, calls, outputs) for tool in TOOLS]

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

    def _row(
        self, tool: str, streams: list[list[RtpPacket]], calls: int, outputs: list[str]
    ) -> Row:
        window = self.windows[tool]
        without, during = self.quiet.gaps_ns(streams), window.gaps_ns(streams)
        without_ms = median(map(percentile_99, without)) / 1e6
        during_ms = median(map(percentile_99, during)) / 1e6
        floors = median(self.quiet.floor_ms), median(window.floor_ms)
        ran = sum(RESULTS[tool] in output for output in outputs)
        faults = [
            *([f"{calls - len(streams)} calls failed"] if len(streams) < calls else []),
            *([f"the tool ran {ran} times"] if ran != self.rounds else []),
        ]
        is_void = max(floors) > VOID_MS
        holds = holds_against(without_ms, during_ms, *floors)
        figures: dict[str, object] = {
            "gap_p99_without_ms": round(without_ms, 2),
            "gap_p99_with_ms": round(during_ms, 2),
            "gap_worst_without_ms": _worst_ms(without),
            "gap_worst_with_ms": _worst_ms(during),
            "floor_p99_without_ms": round(floors[0], 2),
            "floor_p99_with_ms": round(floors[1], 2),
            "gaps": sum(map(len, during)),
            "verdict": "; ".join(faults) or ("void: a busy machine" if is_void else ""),
        }
        return Row(TOOLS[tool], ok=not faults and (is_void or holds), figures=figures)


def _worst_ms(gaps_ns: Iterable[Sequence[int]]) -> float:
    return round(max((gap for span in gaps_ns for gap in span), default=0) / 1e6, 2)


def holds_against(
    without_ms: float, during_ms: float, floor_without_ms: float, floor_during_ms: float
) -> bool:
    """Tell whether the p99 is as without the tool, but for what the machine itself got later."""
    noise_ms = max(0.0, floor_during_ms - floor_without_ms)
    return 0 < during_ms <= without_ms + ALLOWED_MS + noise_ms
