"""Table truncation: what the model is told was heard, against the packets that left.

For each case a caller is interrupted at seeded moments. The scripted model's audio is
position-coded, the caller is another process, its packets are captured by tcpdump and judged by
`tests/support/far_end.py`, which imports nothing of the product. A row holds when in every call the
truncation is right to the sample, floored to a millisecond; no more than the packet with the fade
leaves after the model was told; and what was not heard is removed.
"""

import asyncio
import random
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from tests.support import capture
from tests.support.caller import Step, make_calls
from tests.support.capture import Capture
from tests.support.far_end import Verdict, judge_call, read_streams
from tests.support.model_log import SessionRecord, read_log
from tests.support.model_server import ScriptedModel
from tests.support.position_code import ITEMS
from tests.support.product import Product
from tests.tables.row import Row

SPEECH = ("command", "speech {call}")
LISTEN_ON = ("wait", 300)
"""After the interruption, so that audio which still leaves is seen."""
TELEPHONE_EVENT_KEYS = "159"
AROSE = 0.8
"""The share of calls in which the case must really have come about."""
SHOWN_FAULTS = 3


@dataclass(frozen=True, slots=True)
class Case:
    """One row.

    Attributes:
        name: What happens.
        script: What the model does (`tests/support/model/script.py`).
        steps: What the caller does, at the moments that a random source gives.
        arose: Whether a judged call came to what the case is about.
    """

    name: str
    script: str
    steps: Callable[[random.Random], Sequence[Step]]
    arose: Callable[[Verdict], bool]


def _was_cut(verdict: Verdict) -> bool:
    """An item that had been heard in part was truncated."""
    return any(item.truncated_ms is not None and item.sent_samples for item in verdict.items)


def _was_removed_unheard(verdict: Verdict) -> bool:
    """Of two items the second was removed, or both were heard at least in part."""
    return len(verdict.items) == 2 and _was_cut(verdict)


def _was_begun_late(verdict: Verdict) -> bool:
    """Of two items the second was begun behind the cut, and removed."""
    return len(verdict.items) == 2 and verdict.items[1].is_deleted


def _was_not_begun(verdict: Verdict) -> bool:
    """Nothing, or less than a tenth of a second, had been heard."""
    return all(item.sent_samples < 800 for item in verdict.items)


def _was_over(verdict: Verdict) -> bool:
    """All had been heard."""
    return bool(verdict.items) and all(
        item.sent_samples == item.received_samples for item in verdict.items
    )


def _after_first_audio(low_ms: float, high_ms: float) -> Callable[[random.Random], list[Step]]:
    def steps(pick: random.Random) -> list[Step]:
        return [("item",), ("wait", pick.uniform(low_ms, high_ms)), SPEECH, LISTEN_ON]

    return steps


def _by_the_model(_pick: random.Random) -> list[Step]:
    """The model itself reports speech, before or just after its first audio."""
    return [("wait", 1300)]


def _during_hold(pick: random.Random) -> list[Step]:
    direction = pick.choice(("sendonly", "inactive"))
    held: list[Step] = [
        ("wait", pick.uniform(0, 1200)),
        ("hold", direction),
        ("wait", pick.uniform(50, 400)),
    ]
    return [("item",), *held, SPEECH, ("wait", 150), ("resume",), LISTEN_ON]


def _during_digits(pick: random.Random) -> list[Step]:
    press = ("command", f"tool {{call}} press_keys keys={TELEPHONE_EVENT_KEYS}")
    sending: list[Step] = [
        ("wait", pick.uniform(0, 1200)),
        press,
        ("event",),
        ("wait", pick.uniform(0, 250)),
    ]
    return [("item",), *sending, SPEECH, ("wait", 800)]


CASES = (
    Case("plain", "plain", _after_first_audio(0, 3000), _was_cut),
    Case("2 s stall", "stall", _after_first_audio(1200, 3000), _was_cut),
    Case("two items queued", "two-items", _after_first_audio(0, 2700), _was_removed_unheard),
    Case("begun behind the cut", "item-after-cut", _by_the_model, _was_begun_late),
    Case("before the first audio", "early-speech", _by_the_model, _was_not_begun),
    Case("after the last", "short", _after_first_audio(700, 1200), _was_over),
    Case("during hold", "plain", _during_hold, _was_cut),
    Case("during a digit send", "digits", _during_digits, _was_cut),
)


def run(moments: int = 200, at_once: int = 24, seed: int = 1, only: str = "") -> list[Row]:
    """Run every case.

    Args:
        moments: Calls of each case.
        at_once: Calls up at the same time.
        seed: Decides the moments.
        only: Names of cases, separated by commas; empty runs all.
    """
    wanted = only.split(",") if only else [case.name for case in CASES]
    missing = capture.missing_reason()
    if missing is not None:
        return [Row("capture", ok=False, figures={"fault": missing})]
    if moments * len(CASES) > ITEMS:
        raise ValueError(f"the position code tells {ITEMS} calls apart, not {moments} of each case")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="truncation")))
        model = stack.enter_context(ScriptedModel("plain", folder / "model.jsonl", seed=seed))
        product = stack.enter_context(
            Product(folder, model.url, phone="tests.support.phones:keypad")
        )
        return [
            _Trial(case, range(index * moments, (index + 1) * moments), model, product).row(
                folder, at_once, random.Random(f"{seed}/{case.name}")
            )
            for index, case in enumerate(CASES)
            if case.name in wanted
        ]


@dataclass(frozen=True, slots=True)
class _Trial:
    """One case with the numbers of its calls."""

    case: Case
    calls: range
    model: ScriptedModel
    product: Product

    def row(self, folder: Path, at_once: int, pick: random.Random) -> Row:
        """Make the calls and judge them."""
        self.model.command(f"script {self.case.script}")
        plans = [self._plan(call, pick) for call in self.calls]
        with Capture(folder / f"{self.calls[0]}.pcap", self.product.sent_audio()) as taken:
            control_port = self.model.control_port
            making = make_calls(
                self.product.uri(), plans, control_port=control_port, at_once=at_once
            )
            reports = asyncio.run(making)
        faults = [
            f"call {call}: {reports[call]['fault'] if call in reports else 'not made'}"
            for call in self.calls
            if call not in reports or reports[call]["fault"]
        ]
        ports = {call: int(report["port"]) for call, report in reports.items()}
        return self._judged(taken.path, ports, faults)

    def _plan(self, call: int, pick: random.Random) -> dict[str, object]:
        steps = [
            [part.format(call=call) if isinstance(part, str) else part for part in step]
            for step in self.case.steps(pick)
        ]
        return {"call": call, "steps": steps}

    def _judged(self, taken: Path, ports: dict[int, int], faults: list[str]) -> Row:
        records = {
            record.call: record
            for record in read_log(self.model.log_path)
            if record.call in self.calls
        }
        streams = read_streams(taken, ports.values())
        verdicts: list[Verdict] = []
        for call in self.calls:
            if call not in records or call not in ports:
                faults.append(f"call {call}: the model never heard it")
                continue
            verdict = judge_call(streams[ports[call]], records[call])
            faults += [f"call {call}: {fault}" for fault in verdict.faults]
            verdicts.append(verdict)
        arose = sum(self.case.arose(verdict) for verdict in verdicts)
        if arose < AROSE * len(self.calls):
            faults.append(f"the case arose in {arose} calls only")
        return Row(self.case.name, not faults, self._figures(verdicts, records, arose, faults))

    def _figures(
        self,
        verdicts: Sequence[Verdict],
        records: dict[int | None, SessionRecord],
        arose: int,
        faults: Sequence[str],
    ) -> dict[str, object]:
        errors = (verdict.worst_error_samples for verdict in verdicts)
        items = [item for verdict in verdicts for item in verdict.items]
        refused = Counter(code for record in records.values() for code in record.errors)
        return {
            "moments": len(self.calls),
            "arose": arose,
            "worst_error_samples": max(errors, key=abs, default=0),
            "worst_packets_after": max((verdict.packets_after for verdict in verdicts), default=0),
            "truncated": sum(item.truncated_ms is not None for item in items),
            "deleted": sum(item.is_deleted for item in items),
            "errors_answered": " ".join(f"{code}:{count}" for code, count in refused.items()),
            "faults": "; ".join(faults[:SHOWN_FAULTS])
            + (f"; and {len(faults) - SHOWN_FAULTS} more" if len(faults) > SHOWN_FAULTS else ""),
        }
