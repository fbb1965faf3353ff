"""A scripted caller in a process of its own: many calls, each a list of steps.

    python -m tests.support.caller --target sip:agent@127.0.0.1:5060 --control 4711 < plan.jsonl

Each line of its standard input is a call, `{"call": 17, "steps": [["item"], ["wait", 300], ...]}`;
it ends when all are over, with one JSON line for each call as it ends. It is no part of the product
and imports nothing of it. The steps:

    ["item"]               wait for the first audio of an item of the model
    ["event"]              wait for the first telephone event
    ["wait", MS]           wait
    ["hold", DIRECTION]    re-INVITE, `sendonly` or `inactive`
    ["resume"]             re-INVITE, `sendrecv`
    ["press", DIGITS]      send telephone events
    ["command", LINE]      give the scripted model a command; it must be obeyed
    ["hung-up"]            wait for the far end to hang up

Then it hangs up, unless the far end did.
"""

import argparse
import asyncio
import json
import re
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from tests.support.child import ROOT, child_environment
from tests.support.patience import PATIENCE_SECONDS
from tests.support.ports import LOOPBACK
from tests.support.rtp_caller import PACKET_SECONDS, Direction, RtpCaller
from tests.support.sip_dialog import CallError, Dialog, SipSocket

Step = Sequence[str | float]

PHASES = 4
"""Calls send in turn, every 5 ms a quarter of them."""
SPACING_SECONDS = 0.02
"""Between the beginnings of two calls."""


class Control:
    """The way to the scripted model: one line out, one line back."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._turn = asyncio.Lock()

    async def command(self, line: str) -> None:
        """Give a command; it must be obeyed."""
        async with self._turn:
            self._writer.write(line.encode() + b"\n")
            answer = json.loads(await self._reader.readline())
        if not answer["ok"]:
            raise CallError(f"the model did not obey: {line}")


class Call:
    """One call and its steps."""

    def __init__(self, number: int, target: str, sip: SipSocket, control: Control | None) -> None:
        self.rtp = RtpCaller(number)
        self.dialog = Dialog(sip, target, f"caller{number}", self.rtp.sdp)
        self._control = control

    async def run(self, steps: Iterable[Step]) -> None:
        """Call, do the steps, hang up."""
        loop = asyncio.get_running_loop()
        await loop.create_datagram_endpoint(lambda: self.rtp, local_addr=(LOOPBACK, 0))
        await self._invite()
        for step in steps:
            await asyncio.wait_for(self._do(*step), PATIENCE_SECONDS)
        await self.dialog.bye()

    async def _do(self, name: str | float, *arguments: str | float) -> None:
        match [name, *arguments]:
            case ["wait", float() | int() as ms]:
                await asyncio.sleep(ms / 1000)
            case ["item"]:
                await self.rtp.heard_item.wait()
            case ["event"]:
                await self.rtp.heard_event.wait()
            case ["hold", str() as direction]:
                self.rtp.direction = Direction(direction)
                await self._invite()
            case ["resume"]:
                self.rtp.direction = Direction.SENDRECV
                await self._invite()
            case ["press", str() as digits]:
                self.rtp.press(digits)
            case ["command", str() as line] if self._control is not None:
                await self._control.command(line)
            case ["hung-up"]:
                await self.dialog.is_ended.wait()
            case _:
                raise CallError(f"no such step: {[name, *arguments]}")

    async def _invite(self) -> None:
        await self.dialog.invite()
        host = re.search(r"^c=IN IP4 (\S+)", self.dialog.remote_sdp, re.MULTILINE)
        port = re.search(r"^m=audio (\d+) ", self.dialog.remote_sdp, re.MULTILINE)
        if host is None or port is None or port[1] == "0":
            raise CallError(f"no audio in the answer: {self.dialog.remote_sdp!r}")
        self.rtp.send_to((host[1], int(port[1])))


class Switchboard:
    """Runs all calls, so many at once."""

    def __init__(self, target: str, sip: SipSocket, control: Control | None, at_once: int) -> None:
        self._target = target
        self._sip = sip
        self._control = control
        self._places = asyncio.Semaphore(at_once)
        self._phases: list[set[RtpCaller]] = [set() for _ in range(PHASES)]
        self._used: list[RtpCaller] = []
        """Kept open to the end, so that no two calls of a capture have one port."""

    async def run(self, plans: Sequence[dict[str, Any]]) -> None:
        """Make every call, and print what became of it."""
        ticking = asyncio.create_task(self._tick())
        async with asyncio.TaskGroup() as calls:
            for plan in plans:
                await self._places.acquire()
                calls.create_task(self._make(plan))
                await asyncio.sleep(SPACING_SECONDS)
        ticking.cancel()
        for rtp in self._used:
            rtp.close()

    async def _make(self, plan: dict[str, Any]) -> None:
        number = int(plan["call"])
        call = Call(number, self._target, self._sip, self._control)
        phase = self._phases[number % PHASES]
        phase.add(call.rtp)
        fault = ""
        try:
            await call.run(plan["steps"])
        except TimeoutError:
            fault = "a step took too long"
        except (CallError, OSError) as error:
            fault = str(error)
        finally:
            phase.discard(call.rtp)
            self._used.append(call.rtp)
            self._places.release()
        report = {"call": number, "port": call.rtp.port, "received": call.rtp.received}
        print(json.dumps(report | {"fault": fault}), flush=True)

    async def _tick(self) -> None:
        slot_seconds = PACKET_SECONDS / PHASES
        due = time.monotonic()
        for slot in range(sys.maxsize):
            for rtp in tuple(self._phases[slot % PHASES]):
                rtp.tick()
            due += slot_seconds
            await asyncio.sleep(max(0.0, due - time.monotonic()))


async def make_calls(
    target: str, plans: Sequence[dict[str, Any]], *, control_port: int = 0, at_once: int = 20
) -> dict[int, dict[str, Any]]:
    """Make calls in a process of their own, and give what became of each by its number."""
    arguments = ["-m", "tests.support.caller", "--target", target, "--at-once", str(at_once)]
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *arguments,
        *("--control", str(control_port)),
        cwd=ROOT,
        env=child_environment(),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    lines = "".join(json.dumps(plan) + "\n" for plan in plans)
    printed, _ = await process.communicate(lines.encode())
    reports = [json.loads(line) for line in printed.splitlines()]
    return {report["call"]: report for report in reports}


async def _run(options: argparse.Namespace) -> None:
    plans = [json.loads(line) for line in options.plan.open()]
    loop = asyncio.get_running_loop()
    _, sip = await loop.create_datagram_endpoint(SipSocket, local_addr=(LOOPBACK, 0))
    control = None
    if options.control:
        control = Control(*await asyncio.open_connection(LOOPBACK, options.control))
    await Switchboard(options.target, sip, control, options.at_once).run(plans)
    sip.close()


def main() -> None:
    """Make the calls of the standard input."""
    parser = argparse.ArgumentParser(prog="tests.support.caller", description=__doc__)
    parser.add_argument("--target", required=True)
    parser.add_argument("--control", type=int, default=0, help="control port of the model")
    parser.add_argument("--at-once", type=int, default=20)
    parser.add_argument("--plan", type=Path, default=Path("/dev/stdin"))
    asyncio.run(_run(parser.parse_args()))


if __name__ == "__main__":
    main()
