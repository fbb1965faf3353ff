"""Processes that take hosted calls in: a provider, a journal, and an engine that a test plays."""

import asyncio
import json
import sqlite3
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from aiohttp import web

from telephony import Agent
from telephony.app.hosted.calls_api import CallsApi
from telephony.app.hosted.intake import HostedServer, Intake
from telephony.app.hosted.journal import CallState, HostedCall, SqliteJournal
from telephony.app.hosted.journal_thread import JournalThread
from telephony.app.phone import OnIncoming
from telephony.app.plans import Plans, VoiceServer
from telephony.app.switchboard import Switchboard
from telephony.app.tool_runtime import ToolRuntime
from telephony.call import (
    CallCommand,
    CallCommandBody,
    CallEventBody,
    CallIncoming,
    EventLog,
    ReceiveHosted,
)
from telephony.units import Nanoseconds

HEADERS = (
    ("From", '"Ann" <sip:+15550100@h>;tag=1'),
    ("To", "<sip:4711@h>"),
    ("X-Account", "77"),
)
CALL = HostedCall("rtc_1", "evt_1", "shop", HEADERS)
RECEPTION = Agent("reception", "Help", greeting="Hello", voice="marin")
ELSEWHERE = Agent("elsewhere", realtime="other")

T = TypeVar("T", bound=CallCommandBody)


@dataclass
class Provider:
    """Holds one call, and notes what it is asked for."""

    statuses: dict[str, list[int]] = field(default_factory=dict[str, list[int]])
    seen: list[tuple[str, Any]] = field(default_factory=list[tuple[str, Any]])
    is_accepted: bool = False
    delays: dict[str, asyncio.Event] = field(default_factory=dict[str, asyncio.Event])

    @property
    def acts(self) -> list[str]:
        return [act for act, _ in self.seen]

    async def handle(self, request: web.Request) -> web.StreamResponse:
        act = request.path.rpartition("/")[2]
        body = await request.read()
        self.seen.append((act, json.loads(body) if body else None))
        if act in self.delays:
            await self.delays[act].wait()
        left = self.statuses.get(act, [])
        status = left.pop(0) if left else 200
        self.is_accepted |= act == "accept" and status == 200
        return web.Response(status=status)

    async def attach(self, request: web.Request) -> web.StreamResponse:
        self.seen.append(("attach", request.query["call_id"]))
        if not self.is_accepted:
            return web.Response(status=404)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.receive()
        return socket


@dataclass
class App:
    """One process's half: the intake, its switchboard, and the commands to the engine."""

    intake: Intake
    switchboard: Switchboard
    commands: asyncio.Queue[CallCommand]
    logs: dict[str, EventLog] = field(default_factory=dict[str, EventLog])
    is_stopped: bool = False

    async def next(self, kind: type[T]) -> tuple[str, T]:
        command = await asyncio.wait_for(self.commands.get(), 30)
        assert isinstance(command.body, kind), command.body
        return command.call_id, command.body

    def tell(self, call_id: str, payload: CallEventBody) -> None:
        log = self.logs.setdefault(call_id, EventLog(call_id, Nanoseconds(0), 0.0))
        self.switchboard.handle_event(log.row(payload, Nanoseconds(0)))

    async def stop(self) -> None:
        if not self.is_stopped:
            self.is_stopped = True
            await self.intake.stop()

    async def received(self) -> tuple[str, ReceiveHosted]:
        """Do as the engine does when it is told of a call."""
        call_id, told = await self.next(ReceiveHosted)
        self.tell(
            call_id,
            CallIncoming(
                way="hosted",
                number=told.number,
                to=told.number,
                caller=told.caller,
                caller_name=told.caller_name,
                source=told.server,
                hosted_id=told.hosted_id,
                headers=told.headers,
            ),
        )
        return call_id, told


@dataclass
class Bench:
    """A provider, and processes that share a journal."""

    folder: Path
    provider: Provider
    address: str
    clock: list[float] = field(default_factory=lambda: [1_800_000_000.0])

    @asynccontextmanager
    async def app(
        self,
        hook: OnIncoming | None = None,
        owner: str = "a",
        agent: Agent = RECEPTION,
        journal: SqliteJournal | None = None,
    ) -> AsyncGenerator[App]:
        commands: asyncio.Queue[CallCommand] = asyncio.Queue()
        switchboard = Switchboard(
            [("4711", agent)],
            {"reception": RECEPTION},
            Plans(
                {"other": VoiceServer("ws://other"), "main": VoiceServer(f"ws://{self.address}")}
            ),
            ToolRuntime(),
            commands.put_nowait,
            hook,
        )
        api = CallsApi(
            f"http://{self.address}/calls", (), lambda one: f"ws://{self.address}/?call_id={one}"
        )
        servers = {"shop": HostedServer("main", "/hook", (b"key",), api)}
        thread = JournalThread(
            journal or SqliteJournal(self.folder / "j", owner), lambda: self.clock[0]
        )
        intake = Intake(servers, thread, switchboard, commands.put_nowait)
        app = App(intake, switchboard, commands)
        try:
            yield app
        finally:
            await app.stop()

    async def written(self, state: str) -> None:
        """Wait until the call is written down so."""
        with closing(sqlite3.connect(self.folder / "j")) as database:
            select = "SELECT state FROM hosted_call"
            await until(lambda: database.execute(select).fetchall() == [(state,)])

    async def leave_behind(self, *states: CallState) -> None:
        """Be a process that dies with the call in its last state."""
        journal = SqliteJournal(self.folder / "j", "dead")
        now_s = self.clock[0]
        journal.receive(CALL, now_s)
        journal.claim(CALL.hosted_id, now_s)
        for state in states:
            journal.move(CALL.hosted_id, state, now_s)
        journal.close()


@asynccontextmanager
async def benched(folder: Path) -> AsyncGenerator[Bench]:
    provider = Provider()
    app = web.Application()
    app.router.add_post("/calls/rtc_1/{act}", provider.handle)
    app.router.add_get("/", provider.attach)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    yield Bench(folder, provider, f"{host}:{port}")
    await runner.cleanup()


def run(main: Callable[[], Coroutine[None, None, None]]) -> None:
    asyncio.run(asyncio.wait_for(main(), 60))


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not is_so():  # noqa: ASYNC110 - the subject tells nobody
            await asyncio.sleep(0.005)
