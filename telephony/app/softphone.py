"""A telephone for programs: an engine in this process that places and takes calls by script.

The link to the engine is a queue: the same messages as `telephony serve` exchanges with its engine,
without another process. What is said in a call can be listened to through a tap.
"""

import asyncio
import secrets
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import TypeVar

from telephony.app.addresses import host_in_uri
from telephony.call import (
    CallCommand,
    CallCommandBody,
    CallEnded,
    CallEvent,
    CallIncoming,
    EngineMessage,
    PlaceCall,
)
from telephony.call.events import CallEventBody
from telephony.engine.engine import Engine
from telephony.engine.link import QueueLink
from telephony.engine.prompts import load_prompts
from telephony.engine.settings import EngineSettings
from telephony.engine.tap import MediaTap
from telephony.errors import TransportError

__all__ = ["CallOverError", "PhoneCall", "Softphone"]

CALL_ID_OCTETS = 9

Payload = TypeVar("Payload")


class CallOverError(TransportError):
    """The call ended before what was waited for came."""


class PhoneCall:
    """One call of a softphone: its rows so far, and a way to wait for the next.

    Args:
        call_id: Of the call.
        command: Hands a command to the engine.
    """

    def __init__(self, call_id: str, command: Callable[[CallCommand], None]) -> None:
        """Wait for the first row."""
        self.call_id = call_id
        self.rows: list[CallEvent] = []
        self._command = command
        self._taken: dict[type[object], int] = {}
        self._waiting: list[asyncio.Future[None]] = []

    @property
    def ended(self) -> CallEnded | None:
        """How it ended; None while it goes on."""
        last = self.rows[-1].payload if self.rows else None
        return last if isinstance(last, CallEnded) else None

    def handle_event(self, event: CallEvent) -> None:
        """Take one row."""
        self.rows.append(event)
        waiting, self._waiting = self._waiting, []
        for future in waiting:
            if not future.done():
                future.set_result(None)

    def command(self, body: CallCommandBody) -> None:
        """Ask something of the call."""
        self._command(CallCommand(call_id=self.call_id, body=body))

    async def next(self, kind: type[Payload]) -> Payload:
        """Wait for the next row of a kind that this call was not asked for yet.

        Raises:
            CallOverError: The call ended without one.
        """
        while True:
            for index in range(self._taken.get(kind, 0), len(self.rows)):
                payload: CallEventBody = self.rows[index].payload
                if isinstance(payload, kind):
                    self._taken[kind] = index + 1
                    return payload
            if (ended := self.ended) is not None:
                raise CallOverError(f"no {kind.__name__}: the call ended, {ended.cause}")
            future = asyncio.get_running_loop().create_future()
            self._waiting.append(future)
            await future


class Softphone:
    """An engine of our own; `async with` starts and ends it.

    Args:
        settings: The engine's.
        make_tap: Gives a call, by its id, a tap on its audio.
    """

    def __init__(
        self,
        settings: EngineSettings,
        make_tap: Callable[[str], MediaTap | None] = lambda _call_id: None,
    ) -> None:
        """Open nothing yet."""
        self._settings = settings
        self._make_tap = make_tap
        self._link = QueueLink(self._handle_message)
        self._calls: dict[str, PhoneCall] = {}
        self._incoming: asyncio.Queue[PhoneCall] = asyncio.Queue()
        self._watchers: list[Callable[[CallEvent], None]] = []
        self._stack = AsyncExitStack()
        self._address = ("", 0)

    async def __aenter__(self) -> "Softphone":
        """Bind, and take calls.

        Raises:
            TransportError: An address is in use, or not ours.
        """
        engine = Engine(self._settings, self._link, load_prompts(), self._make_tap)
        addresses = await engine.start()
        self._address = addresses[0].host, addresses[0].port
        serving = asyncio.ensure_future(engine.serve())
        self._stack.push_async_callback(self._stop, engine, serving)
        return self

    async def __aexit__(self, *_: object) -> None:
        """Hang up, and close."""
        await self._stack.aclose()

    async def _stop(self, engine: Engine, serving: asyncio.Future[None]) -> None:
        self._link.close()
        await serving
        await engine.stop()

    def uri(self, user: str) -> str:
        """Give the URI by which others on this network reach us."""
        host, port = self._address
        return f"sip:{user}@{host_in_uri(host)}:{port}"

    def watch(self, watcher: Callable[[CallEvent], None]) -> None:
        """Show every row of every call to `watcher`."""
        self._watchers.append(watcher)

    def send(self, command: CallCommand) -> None:
        """Hand a command to the engine."""
        self._link.command(command)

    def place(self, body: PlaceCall) -> PhoneCall:
        """Call someone."""
        call = self.new_call()
        call.command(body)
        return call

    def new_call(self) -> PhoneCall:
        """Name a call that someone else will place."""
        return self._adopt(self._settings.engine_id + secrets.token_hex(CALL_ID_OCTETS))

    async def incoming(self) -> PhoneCall:
        """Wait for the next call that comes in."""
        return await self._incoming.get()

    def _adopt(self, call_id: str) -> PhoneCall:
        call = self._calls[call_id] = PhoneCall(call_id, self.send)
        return call

    def _handle_message(self, message: EngineMessage) -> None:
        if isinstance(message, CallEvent):
            self._handle_event(message)

    def _handle_event(self, event: CallEvent) -> None:
        call = self._calls.get(event.call_id) or self._adopt(event.call_id)
        for watcher in self._watchers:
            watcher(event)
        call.handle_event(event)
        if isinstance(event.payload, CallIncoming):
            self._incoming.put_nowait(call)
        elif isinstance(event.payload, CallEnded):
            del self._calls[event.call_id]
