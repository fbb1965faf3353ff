"""`telephony bench calls`: how much of a core one call takes, and how evenly it sounds under load.

The system under test is what `telephony serve` runs: the app in this process, the engine in its
own. Around it, each in a process of its own: the callers (SIP and RTP over loopback), the voice
model's server, and the wake floor. With two or more cores the engine has the first for itself.
"""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack

from telephony.agent import Agent
from telephony.app.bench.cores import cores_apart, give_core
from telephony.app.bench.messages import (
    CloseCalls,
    Closed,
    Dial,
    Dialled,
    Done,
    Echo,
    Echoed,
    Floor,
    MarkersHeard,
    Measure,
    Measured,
    MeasureFloor,
    ModelCounts,
    Quiet,
    ReportMarkers,
    ReportModel,
)
from telephony.app.bench.model_session import BURST_SECONDS
from telephony.app.bench.report import BenchReport, Observed, make_report
from telephony.app.bench.usage import sample_usage, used_between
from telephony.app.bench.worker import Worker, start_worker, tell_progress
from telephony.app.configured import Configured, configure
from telephony.app.phone import Answer, IncomingCall, Phone
from telephony.app.served import Served
from telephony.call import CallEvent, TroubleNoted
from telephony.config import load
from telephony.errors import ConfigurationError, LocalError

__all__ = ["SESSIONS", "run_bench_calls"]

SESSIONS = ("pcmu", "pcma", "pcm")
MAX_CALLS = 2000
"""Twice as many ports must be free for RTP."""
MAX_SECONDS = 600.0
CALLS_PER_SECOND = 25.0
"""Set-ups are not what is measured here, and must not pile up."""
SETTLE_SECONDS = 2.0
"""From the last answer to the window: the greeting's set-up work is over by then."""
DRAIN_SECONDS = BURST_SECONDS + 1.0
"""For the playout of what was sent in advance, before echoes are measured."""
ECHO_SECONDS = 3.0
TROUBLES_KEPT = 20

Progress = Callable[[str], None]


def run_bench_calls(calls: int, session: str, seconds: float) -> BenchReport:
    """Measure.

    Args:
        calls: How many at once, from 1 to 2000.
        session: The voice session's audio: "pcmu", "pcma" or "pcm".
        seconds: Length of the window in which the engine is measured.

    Raises:
        ConfigurationError: An argument is out of range.
        LocalError: This system tells no process's use of the processor.
        TransportError: A part did not start, or ended before its time.
    """
    if not 1 <= calls <= MAX_CALLS:
        raise ConfigurationError(f"--calls is {calls}, wanted 1 to {MAX_CALLS}")
    if session not in SESSIONS:
        raise ConfigurationError(f"--session is {session!r}, wanted one of {', '.join(SESSIONS)}")
    if not 1 <= seconds <= MAX_SECONDS:
        raise ConfigurationError(f"--seconds is {seconds:g}, wanted 1 to {MAX_SECONDS:g}")
    with cores_apart() as engine_core:
        bench = _Bench(calls, session, seconds, engine_core, tell_progress)
        return make_report(asyncio.run(bench.run()))


def _configured(url: str, session: str, calls: int) -> Configured:
    """Make the settings of a phone that answers everything with the benchmark's model."""
    phone = Phone()
    agent = Agent("bench", "Speak.")
    phone.answer("*", agent)

    @phone.on_incoming
    async def tell_number(call: IncomingCall) -> Answer:
        return Answer(agent, {"call": call.number})

    overrides: dict[str, object] = {
        "sip.listen": ["udp:127.0.0.1:0"],
        "http.listen": "127.0.0.1:0",
        "limits.calls": calls,
        "realtime.bench": {"url": url, "format": session},
    }
    return configure(load(None, {}, overrides), phone, None)


class _Bench:
    """One run."""

    def __init__(
        self, calls: int, session: str, seconds: float, engine_core: int | None, say: Progress
    ) -> None:
        self._calls = calls
        self._session = session
        self._seconds = seconds
        self._engine_core = engine_core
        self._say = say
        self._troubles: dict[str, int] = {}

    async def run(self) -> Observed:
        """Start all parts, measure, and end them."""
        async with AsyncExitStack() as stack:
            model, callers, floor = await asyncio.gather(
                start_worker(stack, "model server", "telephony.app.bench.model"),
                start_worker(stack, "callers", "telephony.app.bench.callers"),
                start_worker(stack, "wake floor", "telephony.app.bench.wake_floor"),
            )
            configured = _configured(str(model.ready["url"]), self._session, self._calls)
            served = await stack.enter_async_context(Served(configured))
            served.switchboard.watch(self._note_trouble)
            give_core(served.engine_pid, self._engine_core)
            return await self._measure(served, callers, model, floor)

    def _note_trouble(self, event: CallEvent) -> None:
        if isinstance(event.payload, TroubleNoted):
            code = event.payload.code
            if code in self._troubles or len(self._troubles) < TROUBLES_KEPT:
                self._troubles[code] = self._troubles.get(code, 0) + 1

    async def _measure(
        self, served: Served, callers: Worker, model: Worker, floor: Worker
    ) -> Observed:
        base = sample_usage(served.engine_pid)
        dialled = await self._dial(served, callers)
        self._say(f"{dialled.up} calls up, {dialled.failed} failed")
        if not dialled.up:
            raise LocalError(f"no call came up: {'; '.join(dialled.why) or 'no answer'}")
        await asyncio.sleep(SETTLE_SECONDS)
        self._say(f"measuring for {self._seconds:g} s")
        await model.ask(ReportModel(), ModelCounts)
        before = sample_usage(served.engine_pid)
        measuring = asyncio.gather(
            callers.ask(Measure(seconds=self._seconds), Measured, self._seconds),
            floor.ask(MeasureFloor(seconds=self._seconds), Floor, self._seconds),
        )
        await asyncio.sleep(self._seconds)
        after = sample_usage(served.engine_pid)
        counts = await model.ask(ReportModel(), ModelCounts)
        measured, waking = await measuring
        self._say("measuring echoes")
        await model.ask(Quiet(), Done)
        await asyncio.sleep(DRAIN_SECONDS)
        echoed = await callers.ask(Echo(seconds=ECHO_SECONDS), Echoed, ECHO_SECONDS)
        heard = await model.ask(ReportMarkers(), MarkersHeard)
        closed = await callers.ask(CloseCalls(), Closed)
        return Observed(
            calls=self._calls,
            session=self._session,
            dialled=dialled,
            engine=used_between(base, before, after),
            measured=measured,
            model=counts,
            floor=waking,
            markers=echoed.markers,
            heard=heard.markers,
            troubles=tuple(f"{code} ({count})" for code, count in self._troubles.items()),
            is_pinned=self._engine_core is not None,
            calls_left=closed.left,
        )

    async def _dial(self, served: Served, callers: Worker) -> Dialled:
        self._say(f"placing {self._calls} calls")
        host, _, port = served.ready.sip.removeprefix("sip:").rpartition(":")
        dial = Dial(
            target=(host, int(port)),
            calls=self._calls,
            law="PCMA" if self._session == "pcma" else "PCMU",
            calls_per_second=CALLS_PER_SECOND,
        )
        return await callers.ask(dial, Dialled, self._calls / CALLS_PER_SECOND)
