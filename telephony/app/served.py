"""The app with its children: the embedded server, the engine and the web server, started and ended.

The app is this process: it holds the agents, runs the tools and decides. Audio and SIP are the
engine's, a process of its own, so nothing that happens here delays a packet.
"""

import asyncio
import json
import os
import secrets
import sqlite3
import tempfile
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import structlog

from telephony.app.addresses import host_in_uri
from telephony.app.children import Child, embedded_server
from telephony.app.configured import LOCAL, Configured, engine_settings
from telephony.app.engine_server import EngineServer
from telephony.app.health import Health, Phase
from telephony.app.hosted.intake import Intake
from telephony.app.hosted.journal import SqliteJournal
from telephony.app.hosted.journal_thread import JournalThread
from telephony.app.hosted.servers import hosted_servers
from telephony.app.http import HttpServer
from telephony.app.journal import Journal
from telephony.app.metrics import Metrics
from telephony.app.plans import Plans
from telephony.app.switchboard import Switchboard
from telephony.app.tool_runtime import ToolRuntime
from telephony.app.trouble_log import log_trouble
from telephony.call import EngineMessage, EngineReport
from telephony.errors import TransportError

__all__ = ["Ready", "Served"]

OWNER_OCTETS = 8
RESTART_SECONDS = 10.0
"""An embedded server that dies again so soon is not helped by one more start."""

log = structlog.get_logger("telephony.serve")


@dataclass(frozen=True, slots=True)
class Ready:
    """Where calls are taken."""

    sip: str
    http: str

    def line(self, *, as_json: bool) -> str:
        """Say it, in the one line that `serve` prints."""
        if as_json:
            return json.dumps({"ready": True, "sip": self.sip, "http": self.http})
        return f"ready {self.sip} {self.http}"


class Served:
    """One app with its children; `async with` starts and ends it.

    Args:
        configured: What it runs with.
    """

    def __init__(self, configured: Configured) -> None:
        """Start nothing yet."""
        self._configured = configured
        self._stack = AsyncExitStack()
        self._engine = Child("engine", "telephony.engine")
        self._embedded: Child | None = None
        self._embedded_url = ""
        self._plans: Plans | None = None
        self._switchboard: Switchboard | None = None
        self._intake: Intake | None = None
        self._metrics = Metrics()
        self._health = Health()
        self.ready = Ready("", "")

    @property
    def switchboard(self) -> Switchboard:
        """The calls."""
        assert self._switchboard is not None
        return self._switchboard

    @property
    def engine_pid(self) -> int:
        """The process id of the engine."""
        return self._engine.pid

    async def __aenter__(self) -> "Served":
        """Start all parts; whatever was started is ended if one fails.

        Raises:
            TransportError: An address is in use, or a child did not start.
        """
        async with AsyncExitStack() as stack:
            await self._start(stack)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Hang up, and end all parts."""
        self._health.phase = Phase.DRAINING
        if self._intake is not None:
            self._intake.drain()
        await self._stack.aclose()

    async def _start(self, stack: AsyncExitStack) -> None:
        configured = self._configured
        embedded_url = None
        if configured.needs_embedded_server:
            embedded = self._embedded = embedded_server()
            stack.push_async_callback(embedded.stop)
            embedded_url = self._embedded_url = str((await embedded.start())["url"])
            self._health.watch(embedded)
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="telephony-")))
        link = EngineServer(folder / "engine.sock", self._handle_message)
        self._switchboard = self._make_switchboard(stack, link, embedded_url)
        intake = self._intake = self._make_intake(link) if configured.settings.hosted else None
        http = await self._start_http(stack)
        stack.callback(lambda: self.switchboard.close(time.time()))
        if intake is not None:
            stack.push_async_callback(intake.stop)
        await link.start()
        stack.push_async_callback(link.stop)
        sip = await self._start_engine(stack, folder / "engine.sock")
        if intake is not None:
            intake.start()
        self.ready = Ready(sip, http)
        self._health.phase = Phase.SERVING

    def _make_switchboard(
        self, stack: AsyncExitStack, link: EngineServer, embedded_url: str | None
    ) -> Switchboard:
        configured, metrics = self._configured, self._metrics
        plans = self._plans = configured.plans(embedded_url, os.environ)
        tools = ToolRuntime(metrics.count_tool_failure)
        stack.callback(tools.close)
        metrics.show_tool_threads(lambda: tools.threads_taken)
        switchboard = Switchboard(
            configured.lines,
            configured.agents,
            plans,
            tools,
            link.send,
            configured.hook,
            configured.may_transfer,
        )
        switchboard.watch(metrics.handle_event)
        switchboard.watch(log_trouble)
        directory = configured.settings.record.directory
        if directory is not None:
            journal = Journal(directory)
            stack.callback(journal.close)
            switchboard.watch(journal.handle_event)
        return switchboard

    def _make_intake(self, link: EngineServer) -> Intake:
        """Make what takes hosted calls in.

        Raises:
            TransportError: The file for them cannot be used.
        """
        settings, voice = self._configured.settings, self._configured.voice_servers(os.environ)
        path = settings.store.path
        try:
            journal = SqliteJournal(path, secrets.token_hex(OWNER_OCTETS))
        except (OSError, sqlite3.Error) as failed:
            why = failed.strerror if isinstance(failed, OSError) else failed
            raise TransportError(f"cannot keep hosted calls in {path}: {why}") from failed
        servers = hosted_servers(settings, voice, os.environ)
        return Intake(servers, JournalThread(journal), self.switchboard, link.send)

    async def _start_engine(self, stack: AsyncExitStack, socket: Path) -> str:
        self._engine = Child("engine", "telephony.engine", str(socket))
        stack.push_async_callback(self._engine.stop)
        settings = engine_settings(self._configured.settings)
        said = await self._engine.start(settings.model_dump_json())
        self._health.watch(self._engine)
        _, host, port = said["sip"][0]
        return f"sip:{host_in_uri(host)}:{port}"

    async def _start_http(self, stack: AsyncExitStack) -> str:
        settings = self._configured.settings.http
        token = settings.token.read(os.environ) if settings.token is not None else None
        webhooks = self._intake.webhooks(self._metrics.count_webhook) if self._intake else {}
        registry = self._metrics.registry
        server = HttpServer(self.switchboard, registry, self._health, token, webhooks)
        stack.push_async_callback(server.stop)
        listen = settings.listen_address
        try:
            host, port = await server.start(listen.host, listen.port)
        except OSError as failed:
            where = f"{listen.host}:{listen.port}"
            raise TransportError(f"cannot serve HTTP on {where}: {failed.strerror}") from failed
        return f"http://{host_in_uri(host)}:{port}"

    def _handle_message(self, message: EngineMessage) -> None:
        if isinstance(message, EngineReport):
            self._metrics.handle_report(message)
            self._health.handle_report()
        else:
            self.switchboard.handle_event(message)

    async def child_ended(self) -> str:
        """Wait until a child ends by itself for good, which none should, and give its name.

        The embedded server is started again: the engine outlives it, and tells its callers.
        """
        endings = {asyncio.ensure_future(self._engine.wait()): self._engine.name}
        if self._embedded is not None:
            keeping = asyncio.ensure_future(self._keep_up(self._embedded))
            endings[keeping] = self._embedded.name
        try:
            ended, _ = await asyncio.wait(endings, return_when=asyncio.FIRST_COMPLETED)
            return endings[ended.pop()]
        finally:
            for ending in endings:
                ending.cancel()
            await asyncio.gather(*endings, return_exceptions=True)

    async def _keep_up(self, embedded: Child) -> int:
        """Start the embedded server whenever it dies, until that does not help."""
        assert self._plans is not None
        started_s = -RESTART_SECONDS
        while True:
            status = await embedded.wait()
            if time.monotonic() - started_s < RESTART_SECONDS:
                return status
            log.error("the embedded server died; it is started again", status=status, fault="ours")
            self._health.phase = Phase.RESTARTING
            try:
                said = await self._start_again(embedded)
            except TransportError as failed:
                log.error("no second embedded server", cause=str(failed), fault="ours")
                return status
            self._embedded_url = str(said["url"])
            self._plans.move(LOCAL, self._embedded_url)
            self._health.phase = Phase.SERVING
            started_s = time.monotonic()

    async def _start_again(self, embedded: Child) -> dict[str, Any]:
        """Start it where it was, as calls that lost it look for it there; else where it can be."""
        try:
            return await embedded.start("", "--listen", urlsplit(self._embedded_url).netloc)
        except TransportError as failed:
            log.warning("the embedded server has to move", cause=str(failed), fault="ours")
            return await embedded.start()
