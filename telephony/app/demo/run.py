"""Plays the demo: the real product on one side, scripted people in another process on the other.

The product is all that `telephony serve` starts with no configuration: its engine process, its
embedded server, its agent. Nothing in it knows that it is a demo.
"""

import asyncio
import json
import tempfile
from collections.abc import Callable
from pathlib import Path

from telephony.app.children import Child
from telephony.app.configured import configure
from telephony.app.demo.judge import judge, weigh
from telephony.app.demo.observed import Observations, ObservedMove
from telephony.app.demo.outputs import write_files
from telephony.app.demo.report import DemoReport
from telephony.app.served import Served
from telephony.call import CallEvent
from telephony.config import load
from telephony.errors import TransportError

__all__ = ["OnMove", "play_demo"]

PLAY_SECONDS = 90.0
"""For the whole script; it takes 25 s."""

OnMove = Callable[[ObservedMove], None]


async def play_demo(folder: Path, on_move: OnMove) -> DemoReport:
    """Play it once, judge it, and write the files.

    Args:
        folder: For the files.
        on_move: Is shown each move of the far end as it happens.

    Raises:
        TransportError: A part did not start, or the far end died.
    """
    with tempfile.TemporaryDirectory(prefix="telephony-demo-") as scratch:
        path = Path(scratch) / "observed.json"
        rows, operator = await _play(path, on_move)
        observed = Observations.model_validate_json(path.read_bytes())
    evidence = weigh(rows, observed, operator)
    steps, truncations = judge(evidence)
    files = write_files(evidence, steps, truncations, folder)
    return DemoReport(steps, truncations, files, observed.failure)


async def _play(path: Path, on_move: OnMove) -> tuple[list[CallEvent], str]:
    """Give the product's event log, and where the operator is; what was observed is in the file."""
    far_end = Child("far end", "telephony.app.demo.far_end")
    rows: list[CallEvent] = []
    try:
        operator = str((await far_end.start(str(path)))["operator"])
        settings = load(None, {}, {"sip.listen": ["127.0.0.1:0"], "http.listen": "127.0.0.1:0"})
        async with Served(configure(settings, None, operator)) as served:
            served.switchboard.watch(rows.append)
            agent = served.ready.sip.replace("sip:", "sip:reception@")
            far_end.tell(json.dumps({"call": agent}))
            async with asyncio.timeout(PLAY_SECONDS):
                await _watch(far_end, on_move)
    except TimeoutError:
        raise TransportError(f"the demo was not over in {PLAY_SECONDS:g} s") from None
    finally:
        await far_end.stop()
    return rows, operator


async def _watch(far_end: Child, on_move: OnMove) -> None:
    while (said := await far_end.hear()) is not None:
        if "done" in said:
            return
        on_move(ObservedMove.model_validate(said))
    raise TransportError("the far end ended before the demo did; its reason is in the log")
