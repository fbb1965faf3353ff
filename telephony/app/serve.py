"""`telephony serve`: the embedded server, the engine and the web server, started, watched, ended.

The app is this process: it holds the agents, runs the tools and decides. Audio and SIP are the
engine's, a process of its own, so nothing that happens here delays a packet.
"""

import asyncio
import json
import os
import signal
import sys
import tempfile
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

import structlog

from telephony.app.children import Child, embedded_server
from telephony.app.configured import (
    Configured,
    configure,
    default_config,
    engine_settings,
    load_settings,
)
from telephony.app.engine_server import EngineServer
from telephony.app.http import HttpServer
from telephony.app.journal import Journal
from telephony.app.metrics import Metrics
from telephony.app.phone import Phone
from telephony.app.switchboard import Switchboard
from telephony.app.tool_runtime import ToolRuntime
from telephony.app.trouble_log import log_trouble
from telephony.call import EngineMessage, EngineReport
from telephony.engine.log import configure_log
from telephony.errors import TransportError

__all__ = ["Ready", "ServeOptions", "Served", "serve", "serve_phone"]

NICENESS = 10
"""Of the app beside the engine it has started: a tool that computes is put off for a packet."""

log = structlog.get_logger("telephony.serve")


@dataclass(frozen=True, slots=True)
class ServeOptions:
    """What the command line says; None leaves it to the file and the defaults."""

    config: Path | None = None
    sip: str | None = None
    http: str | None = None
    rtp: str | None = None
    operator: str | None = None
    as_json: bool = False

    def overrides(self) -> dict[str, object]:
        """Give the settings that these options replace."""
        chosen: dict[str, object] = {}
        if self.sip is not None:
            chosen["sip.listen"] = [self.sip]
        if self.rtp is not None:
            chosen["sip.rtp_ports"] = self.rtp
        if self.http is not None:
            chosen["http.listen"] = self.http
        return chosen


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
        self._link: EngineServer | None = None
        self._switchboard: Switchboard | None = None
        self._metrics = Metrics()
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
        await self._stack.aclose()

    async def _start(self, stack: AsyncExitStack) -> None:
        configured = self._configured
        embedded_url = None
        if configured.needs_embedded_server:
            embedded = self._embedded = embedded_server()
            stack.push_async_callback(embedded.stop)
            embedded_url = str((await embedded.start())["url"])
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="telephony-")))
        metrics = self._metrics
        tools = ToolRuntime(metrics.count_tool_failure)
        stack.callback(tools.close)
        metrics.show_tool_threads(lambda: tools.threads_taken)
        link = self._link = EngineServer(folder / "engine.sock", self._handle_message)
        self._switchboard = Switchboard(
            configured.lines,
            configured.agents,
            configured.plans(embedded_url, os.environ),
            tools,
            link.send,
            configured.hook,
            configured.may_transfer,
        )
        self._switchboard.watch(metrics.handle_event)
        self._switchboard.watch(log_trouble)
        directory = configured.settings.record.directory
        if directory is not None:
            journal = Journal(directory)
            stack.callback(journal.close)
            self._switchboard.watch(journal.handle_event)
        await link.start()
        stack.push_async_callback(link.stop)
        sip = await self._start_engine(stack, folder / "engine.sock")
        http = await self._start_http(stack, metrics)
        self.ready = Ready(sip, http)

    async def _start_engine(self, stack: AsyncExitStack, socket: Path) -> str:
        self._engine = Child("engine", "telephony.engine", str(socket))
        stack.push_async_callback(self._engine.stop)
        settings = engine_settings(self._configured.settings)
        said = await self._engine.start(settings.model_dump_json())
        _, host, port = said["sip"][0]
        return f"sip:[{host}]:{port}" if ":" in host else f"sip:{host}:{port}"

    async def _start_http(self, stack: AsyncExitStack, metrics: Metrics) -> str:
        server = HttpServer(self.switchboard, metrics.registry)
        stack.push_async_callback(server.stop)
        listen = self._configured.settings.http.listen_address
        try:
            host, port = await server.start(listen.host, listen.port)
        except OSError as failed:
            where = f"{listen.host}:{listen.port}"
            raise TransportError(f"cannot serve HTTP on {where}: {failed.strerror}") from failed
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    def _handle_message(self, message: EngineMessage) -> None:
        if isinstance(message, EngineReport):
            self._metrics.handle_report(message)
        else:
            self.switchboard.handle_event(message)

    async def child_ended(self) -> str:
        """Wait until a child ends by itself, which none should, and give its name."""
        children = [one for one in (self._engine, self._embedded) if one is not None]
        endings = {asyncio.ensure_future(one.wait()): one.name for one in children}
        try:
            ended, _ = await asyncio.wait(endings, return_when=asyncio.FIRST_COMPLETED)
            return endings[ended.pop()]
        finally:
            for ending in endings:
                ending.cancel()


async def serve(
    configured: Configured, on_ready: Callable[[Ready], None], stop: asyncio.Event
) -> int:
    """Serve until `stop` is set or a child dies.

    Returns:
        The exit status: 0, or 1 if a child died; whoever runs this starts it anew.
    """
    async with Served(configured) as served:
        on_ready(served.ready)
        ended = asyncio.ensure_future(served.child_ended())
        stopped = asyncio.ensure_future(stop.wait())
        await asyncio.wait({ended, stopped}, return_when=asyncio.FIRST_COMPLETED)
        died = ended.result() if ended.done() and not stop.is_set() else None
        for task in (ended, stopped):
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        if died is not None:
            log.error("a part of the product died; all calls end", part=died, fault="ours")
    return int(died is not None)


def serve_phone(phone: Phone | None, options: ServeOptions) -> None:
    """Be the process `telephony serve`, until SIGTERM or SIGINT.

    Raises:
        ConfigurationError: A setting is wrong.
        TransportError: An address is in use, or a part did not start.
        SystemExit: A child died.
    """
    configure_log()
    path = options.config or default_config()
    settings = load_settings(path, phone, options.overrides())
    configured = configure(settings, phone, options.operator)
    status = asyncio.run(_serve_until_signalled(configured, as_json=options.as_json))
    if status:
        raise SystemExit(status)


async def _serve_until_signalled(configured: Configured, *, as_json: bool) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)

    def say(ready: Ready) -> None:
        os.nice(NICENESS)  # from here on user code runs, in threads and processes that inherit it
        sys.stdout.write(ready.line(as_json=as_json) + "\n")
        sys.stdout.flush()

    return await serve(configured, say, stop)
