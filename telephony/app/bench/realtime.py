"""`telephony bench realtime`: what the Realtime client costs, beside its floor and beside others.

First the cost of an event: our session on its socket, a bare socket that moves the same octets and,
where openai-agents is installed, its model and its session, one after the other in each round,
against one server over real WebSockets. Then very many sessions in one process, whose queues are
looked at ten times a second. Server and clients are processes of their own; with two or more cores
what is measured has the first for itself.
"""

import asyncio
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from importlib.metadata import PackageNotFoundError, version

from telephony.app.bench.cores import cores_apart, give_core
from telephony.app.bench.import_cost import ImportCost, import_cost
from telephony.app.bench.messages import (
    Connect,
    Cost,
    Done,
    Floor,
    MeasureAppends,
    MeasureDeltas,
    MeasureFloor,
    MeasureOwnAppend,
    Opened,
    OpenSessions,
    Sample,
    Samples,
    SetScript,
    StreamDeltas,
)
from telephony.app.bench.realtime_report import (
    ClientCosts,
    ObservedRealtime,
    ObservedSessions,
    RealtimeReport,
    Sdk,
    make_realtime_report,
)
from telephony.app.bench.usage import sample_usage, used_between
from telephony.app.bench.worker import Worker, start_worker, tell_progress
from telephony.errors import ConfigurationError, LocalError
from telephony.units import NS_PER_MS, NS_PER_SECOND

__all__ = ["run_bench_realtime"]

MAX_SESSIONS = 2000
MAX_SECONDS = 120.0
"""A client that reads nothing costs the server memory as long."""
SDK_PACKAGE, SDK_MODULE = "openai-agents", "agents.realtime"
BURSTS = SetScript(deltas=400, burst=20, gap_ms=5.0)
ALONE = SetScript(deltas=200, burst=1, gap_ms=1.0)
APPEND_BURSTS = 50
LEAST_ROUNDS = 2
IMPORT_RUNS = 3
ANSWER_SECONDS = 2.0
"""For a script, at the pace of the slowest client."""
OPENED_PER_SECOND = 50
SETTLE_SECONDS = 0.5
LOOK_MS = 103
"""No multiple of a slot: the looks walk through every phase of the clocks that move the audio."""


def run_bench_realtime(sessions: int, seconds: float) -> RealtimeReport:
    """Measure.

    Args:
        sessions: How many at once, from 1 to 2000.
        seconds: How long costs are measured, and then as long the sessions.

    Raises:
        ConfigurationError: An argument is out of range.
        LocalError: This system tells no process's use of the processor.
        TransportError: A part did not start, or ended before its time.
    """
    if not 1 <= sessions <= MAX_SESSIONS:
        raise ConfigurationError(f"--calls is {sessions}, wanted 1 to {MAX_SESSIONS}")
    if not 1 <= seconds <= MAX_SECONDS:
        raise ConfigurationError(f"--seconds is {seconds:g}, wanted 1 to {MAX_SECONDS:g}")
    imported = import_cost("telephony", IMPORT_RUNS)
    with cores_apart() as core:
        return make_realtime_report(
            asyncio.run(_Bench(sessions, seconds, core).run(imported, _sdk_version()))
        )


def _sdk_version() -> str | None:
    try:
        return version(SDK_PACKAGE)
    except PackageNotFoundError:
        tell_progress(
            f"{SDK_PACKAGE} is not installed here: nothing to compare with"
            f" (pip install {SDK_PACKAGE}, in an environment of its own)"
        )
        return None


class _Bench:
    """One run."""

    def __init__(self, sessions: int, seconds: float, core: int | None) -> None:
        self._sessions = sessions
        self._seconds = seconds
        self._core = core

    async def run(self, imported: ImportCost, sdk_version: str | None) -> ObservedRealtime:
        """Measure the one after the other."""
        costs, own_append_us = await self._costs(has_sdk=sdk_version is not None)
        sdk = None
        if sdk_version is not None:
            sdk = Sdk(
                sdk_version, costs["sdk_model"], costs["sdk_session"], import_cost(SDK_MODULE)
            )
        return ObservedRealtime(
            ours=costs["ours"],
            floor=costs["floor"],
            own_append_us=own_append_us,
            sdk=sdk,
            imported=imported,
            sessions=await self._many(),
            is_pinned=self._core is not None,
        )

    async def _costs(self, *, has_sdk: bool) -> tuple[dict[str, ClientCosts], float]:
        """Measure every client in turn, round by round, and give the least of each figure.

        Returns:
            The clients' by name, and what of our append is spent before the socket.
        """
        async with AsyncExitStack() as stack:
            server = await start_worker(stack, "stream server", "telephony.app.bench.stream_server")
            ours = await self._start_client(stack, server, "our client", "our_clients")
            clients = {"floor": ours, "ours": ours}
            if has_sdk:
                sdk = await self._start_client(stack, server, "SDK's client", "sdk_clients")
                clients |= {"sdk_model": sdk, "sdk_session": sdk}
            tell_progress(f"measuring events for {self._seconds:g} s: {', '.join(clients)}")
            rounds: list[dict[str, ClientCosts]] = []
            own_us: list[float] = []
            until = time.monotonic() + self._seconds
            while len(rounds) < LEAST_ROUNDS or time.monotonic() < until:
                rounds.append(
                    {
                        name: await self._measure(server, worker, name)
                        for name, worker in clients.items()
                    }
                )
                own = await ours.ask(MeasureOwnAppend(bursts=APPEND_BURSTS), Cost)
                own_us.append(own.us)
        return {name: _least([one[name] for one in rounds]) for name in clients}, min(own_us)

    async def _start_client(
        self, stack: AsyncExitStack, server: Worker, name: str, module: str
    ) -> Worker:
        worker = await start_worker(stack, name, f"telephony.app.bench.{module}")
        give_core(worker.pid, self._core)
        await worker.ask(Connect(url=str(server.ready["url"])), Done)
        return worker

    async def _measure(self, server: Worker, worker: Worker, client: str) -> ClientCosts:
        costs: list[float] = []
        for script in (BURSTS, ALONE):
            await server.ask(script, Done)
            measure = MeasureDeltas(client=client, deltas=script.deltas)
            costs.append((await worker.ask(measure, Cost, ANSWER_SECONDS)).us)
        appends = MeasureAppends(client=client, bursts=APPEND_BURSTS)
        costs.append((await worker.ask(appends, Cost)).us)
        return ClientCosts(*costs)

    async def _many(self) -> ObservedSessions:
        """Hold very many sessions for some time, and look at their queues."""
        async with AsyncExitStack() as stack:
            server, holder, floor = await asyncio.gather(
                start_worker(stack, "stream server", "telephony.app.bench.stream_server"),
                start_worker(stack, "sessions", "telephony.app.bench.stream_sessions"),
                start_worker(stack, "wake floor", "telephony.app.bench.wake_floor"),
            )
            give_core(holder.pid, self._core)
            base = sample_usage(holder.pid)
            tell_progress(f"opening {self._sessions} sessions")
            asked = OpenSessions(url=str(server.ready["url"]), sessions=self._sessions)
            opened = await holder.ask(asked, Opened, self._sessions / OPENED_PER_SECOND)
            if not opened.up:
                raise LocalError(f"no session opened: {'; '.join(opened.why) or 'no answer'}")
            await server.ask(StreamDeltas(), Done)
            await asyncio.sleep(SETTLE_SECONDS)
            tell_progress(f"measuring {opened.up} sessions for {self._seconds:g} s")
            look = Sample(
                start_ns=time.monotonic_ns() + LOOK_MS * NS_PER_MS,
                every_ms=LOOK_MS,
                samples=round(self._seconds * NS_PER_SECOND / NS_PER_MS / LOOK_MS) + 1,
            )
            await asyncio.sleep(LOOK_MS * NS_PER_MS / NS_PER_SECOND)
            before = sample_usage(holder.pid)
            here, there, waking = await asyncio.gather(
                holder.ask(look, Samples, self._seconds),
                server.ask(look, Samples, self._seconds),
                floor.ask(MeasureFloor(seconds=self._seconds), Floor, self._seconds),
            )
            use = used_between(base, before, sample_usage(holder.pid))
        return ObservedSessions(self._sessions, opened, here, there, use, waking)


def _least(rounds: Sequence[ClientCosts]) -> ClientCosts:
    """Give the least of each figure: whatever else the machine did can only have added to it."""
    return ClientCosts(
        delta_us=min(one.delta_us for one in rounds),
        delta_alone_us=min(one.delta_alone_us for one in rounds),
        append_us=min(one.append_us for one in rounds),
    )
