"""Takes hosted calls in: from the webhook, and from what a process before us left behind."""

import asyncio
import secrets
import traceback
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import structlog
from aiohttp.typedefs import Handler

from telephony.app.hosted.call import HeldCall
from telephony.app.hosted.calls_api import CallsApi
from telephony.app.hosted.journal import HostedCall
from telephony.app.hosted.journal_thread import JournalBusyError, JournalError, JournalThread
from telephony.app.hosted.parties import parties
from telephony.app.hosted.webhook import Webhook
from telephony.app.switchboard import Switchboard
from telephony.call import CallCommand, CallCommandBody, CallEvent, ReceiveHosted

__all__ = ["HostedServer", "Intake"]

RENEW_SECONDS: Final = 1.0
"""Between two looks at the journal: well within a lease."""
CLOSE_SECONDS: Final = 2.0
"""For requests that are under way at the end."""
CALL_ID_OCTETS: Final = 8

log = structlog.get_logger("telephony.hosted")


@dataclass(frozen=True, slots=True)
class HostedServer:
    """One provider.

    Attributes:
        realtime: Name of the server that the sessions of its calls are on.
        path: Where its webhooks come to.
        keys: Any of which signs them.
        api: Its calls API.
    """

    realtime: str
    path: str
    keys: tuple[bytes, ...]
    api: CallsApi


class Intake:
    """All hosted calls of an app, each taken on once, whoever its webhook came to.

    Args:
        servers: By name of their `[hosted.NAME]`.
        journal: Which calls there are.
        switchboard: Who decides about them.
        send: Hands a command to the engine.
    """

    def __init__(
        self,
        servers: Mapping[str, HostedServer],
        journal: JournalThread,
        switchboard: Switchboard,
        send: Callable[[CallCommand], None],
    ) -> None:
        """Write calls down from now on; take them on after `start`."""
        self._servers = servers
        self._journal = journal
        self._switchboard = switchboard
        self._send = send
        self._held: dict[str, HeldCall] = {}
        """By our own name of the call."""
        self._claiming: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._keeping: asyncio.Task[None] | None = None
        self._is_draining = self._is_stopped = False
        switchboard.watch(self.handle_event)

    def webhooks(self, count: Callable[[str, str], None]) -> dict[str, Handler]:
        """Give who takes the webhooks, by path.

        Args:
            count: Is told the server and what came of each.
        """
        return {
            server.path: Webhook(name, server.keys, self.receive, partial(count, name)).handle
            for name, server in self._servers.items()
        }

    async def receive(self, call: HostedCall) -> bool:
        """Write down a call that a webhook told of, and take it on; False where it was there.

        Raises:
            JournalError: It is not written; whoever told of it is to do so again.
        """
        if self._is_draining:
            raise JournalBusyError("the phone is being stopped")
        is_new = await self._journal.receive(call)
        if is_new and self._keeping is not None:
            self._spawn(self._take_on(call.hosted_id))
        return is_new

    def start(self) -> None:
        """Take calls on, now that there is an engine: first those that were left behind."""
        self._keeping = asyncio.ensure_future(self._keep())

    def handle_event(self, event: CallEvent) -> None:
        """Take one event of the engine."""
        held = self._held.get(event.call_id)
        if held is not None and not self._is_stopped:
            held.handle_row(event.payload)
            if held.is_over:
                self._spawn(self._end(event.call_id, held))

    def drain(self) -> None:
        """Take nothing on any more: providers tell of their calls again, or another process."""
        self._is_draining = True

    async def stop(self) -> None:
        """Let go of what has not ended by now: the engine is gone, the next process takes it on."""
        self._is_draining = self._is_stopped = True
        if self._keeping is not None:
            self._keeping.cancel()
            with suppress(asyncio.CancelledError):
                await self._keeping
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=CLOSE_SECONDS)
        for task in self._tasks:
            task.cancel()
        for server in self._servers.values():
            await server.api.close()
        await self._journal.close()

    async def _end(self, call_id: str, held: HeldCall) -> None:
        await held.end()
        self._held.pop(call_id, None)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._handle_done)
        return task

    def _handle_done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            trace = "".join(traceback.format_exception(error))
            log.error("a hosted call cannot go on", exception=trace, fault="ours")

    async def _keep(self) -> None:
        """Hold what is ours, and take on what is nobody's, until stopped."""
        is_failing = False
        while True:
            try:
                await self._look()
                is_failing = False
            except JournalError as failed:
                if not is_failing:  # a full disk would fill the log as well
                    log.error("hosted calls are not renewed", why=str(failed), fault="ours")
                is_failing = True
            await asyncio.sleep(RENEW_SECONDS)

    async def _look(self) -> None:
        held = {one.call.hosted_id: one for one in self._held.values()}
        ours = await self._journal.renew()
        for hosted_id, one in held.items():
            if hosted_id not in ours and not one.is_over:
                one.let_go()
        if self._is_draining:
            return
        nobodys = await self._journal.abandoned(self._servers)
        # Ours and not held: its webhook was written after we had given up waiting for that.
        for hosted_id in (*(ours - held.keys()), *nobodys):
            self._spawn(self._take_on(hosted_id))

    async def _take_on(self, hosted_id: str) -> None:
        """Claim a call, and have the engine make one of ours of it."""
        known = {one.call.hosted_id for one in self._held.values()} | self._claiming
        if hosted_id in known:
            return
        self._claiming.add(hosted_id)
        try:
            call = await self._journal.claim(hosted_id)
        except JournalError as failed:
            log.error("call not claimed", hosted_id=hosted_id, why=str(failed), fault="ours")
            return
        finally:
            self._claiming.discard(hosted_id)
        if call is not None and not self._is_draining:
            self._begin(call, self._servers[call.server])

    def _begin(self, call: HostedCall, server: HostedServer) -> None:
        call_id = "h" + secrets.token_hex(CALL_ID_OCTETS)
        command = partial(self._command, call_id)
        held = self._held[call_id] = HeldCall(
            call, call_id, server.realtime, server.api, self._journal, command, self._spawn
        )
        who = parties(call.headers)
        log.info("hosted call", call=call_id, hosted_id=call.hosted_id, state=call.state)
        self._switchboard.expect(call_id, held)
        command(
            ReceiveHosted(
                hosted_id=call.hosted_id,
                server=call.server,
                number=who.number,
                caller=who.caller,
                caller_name=who.caller_name,
                headers=call.headers,
            )
        )

    def _command(self, call_id: str, body: CallCommandBody) -> None:
        self._send(CallCommand(call_id=call_id, body=body))
