"""`telephony serve`: the process that serves until it is told to stop, or a part of it dies."""

import asyncio
import os
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Protocol

import structlog

from telephony.app.advice import forgotten_words
from telephony.app.configured import configure, default_config, load_settings
from telephony.app.phone import Phone
from telephony.app.served import Ready, Served
from telephony.engine.log import configure_log

__all__ = ["ServeOptions", "Serving", "serve", "serve_phone", "stop_on_signals"]

NICENESS = 10
"""Of the app beside the engine it has started: a tool that computes is put off for a packet."""
EXIT_SECONDS = 8.0
"""From the signal to the end, whatever user code does: the engine has 2 s to hang up and 4 s to
end, the embedded server 1 s; a container's runtime kills after 10 s."""

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


class Serving(Protocol):
    """What serves, once it was started."""

    @property
    def ready(self) -> Ready:
        """Where calls are taken."""
        ...

    async def child_ended(self) -> str:
        """Wait until a child ends by itself, and give its name."""
        ...


async def serve(
    app: AbstractAsyncContextManager[Serving],
    on_ready: Callable[[Ready], None],
    stop: asyncio.Event,
) -> int:
    """Serve until `stop` is set or a child dies.

    Returns:
        The exit status: 0, or 1 if a child died; whoever runs this starts it anew.
    """
    async with app as served:
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


def stop_on_signals(stop: asyncio.Event, exit_seconds: float = EXIT_SECONDS) -> None:
    """Have SIGTERM and SIGINT set an event of the running loop, and end the process soon after.

    A tool may block the loop, refuse to be cancelled, or leave a thread that Python waits for at
    its exit: then the process ends all the same, with status 1, and its children with it.
    """
    loop = asyncio.get_running_loop()

    def handle(_number: int, _frame: FrameType | None) -> None:
        with suppress(RuntimeError):  # the loop has closed: we are ending
            loop.call_soon_threadsafe(stop.set)
        limit = threading.Timer(exit_seconds, _end)
        limit.daemon = True
        limit.start()

    # Not the loop's own handlers: those wait for whatever blocks the loop.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, handle)


def _end() -> None:
    log.error("ended without waiting for user code that hangs", fault="user code")
    os._exit(1)


def serve_phone(phone: Phone | None, options: ServeOptions) -> None:
    """Be the process `telephony serve`, until SIGTERM or SIGINT, and at most 8 s longer.

    Raises:
        ConfigurationError: A setting is wrong.
        TransportError: An address is in use, or a part did not start.
        SystemExit: A child died.
    """
    configure_log()
    path = options.config or default_config()
    settings = load_settings(path, phone, options.overrides())
    configured = configure(settings, phone, options.operator)
    for warning in forgotten_words(configured):
        log.warning(warning, fault="configuration")
    app = Served(configured)
    status = asyncio.run(_serve_until_signalled(app, as_json=options.as_json))
    if status:
        raise SystemExit(status)


async def _serve_until_signalled(
    app: AbstractAsyncContextManager[Serving], *, as_json: bool
) -> int:
    stop = asyncio.Event()
    stop_on_signals(stop)

    def say(ready: Ready) -> None:
        os.nice(NICENESS)  # from here on user code runs, in threads and processes that inherit it
        sys.stdout.write(ready.line(as_json=as_json) + "\n")
        sys.stdout.flush()

    return await serve(app, say, stop)
