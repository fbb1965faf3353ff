"""A thread of its own for the journal: the app's loop never waits for a disk."""

import asyncio
import sqlite3
import time
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final, ParamSpec, TypeVar

from telephony.app.hosted.journal import CallState, HostedCall, Journal
from telephony.errors import TransportError

__all__ = ["JournalBusyError", "JournalError", "JournalThread"]

MAX_WAITING: Final = 64
"""Webhooks that wait for the disk; one more is to be sent again."""
RECEIVE_SECONDS: Final = 2.0
"""For a webhook to be written; a provider that waits longer sends it again."""

P = ParamSpec("P")
T = TypeVar("T")


class JournalError(TransportError):
    """The disk, or another process, keeps the journal from being written: nobody's call fails."""


class JournalBusyError(JournalError):
    """More is waiting to be written than can be in time."""


class JournalThread:
    """Runs the methods of a journal, one at a time, in the order they were called.

    Args:
        journal: Used by this alone from now on.
        wall: Gives the Unix time, in seconds: processes that share a file share its leases.
    """

    def __init__(self, journal: Journal, wall: Callable[[], float] = time.time) -> None:
        """Start no thread before the first call."""
        self._journal = journal
        self._wall = wall
        self._thread = ThreadPoolExecutor(1, "hosted-journal")
        self._waiting = 0

    async def receive(self, call: HostedCall) -> bool:
        """Write a call that is new; False where it, or its webhook, was there already.

        Raises:
            JournalBusyError: Too many wait, or it took too long; it may be written all the same.
            JournalError: It cannot be written.
        """
        if self._waiting >= MAX_WAITING:
            raise JournalBusyError(f"{self._waiting} webhooks wait for the journal")
        self._waiting += 1
        writing = asyncio.ensure_future(self._run(self._journal.receive, call, self._wall()))
        writing.add_done_callback(self._written)
        try:
            return await asyncio.wait_for(asyncio.shield(writing), RECEIVE_SECONDS)
        except TimeoutError:
            raise JournalBusyError(f"the journal took over {RECEIVE_SECONDS:g} s") from None

    def _written(self, writing: "asyncio.Future[bool]") -> None:
        self._waiting -= 1
        if not writing.cancelled():
            writing.exception()  # seen: whoever waited in vain was told that

    async def claim(self, hosted_id: str) -> HostedCall | None:
        """Take on a call; None where another process holds it, or it is over."""
        return await self._run(self._journal.claim, hosted_id, self._wall())

    async def move(self, hosted_id: str, state: CallState) -> bool:
        """Say how far a call of ours has come; False where it is not ours any more."""
        return await self._run(self._journal.move, hosted_id, state, self._wall())

    async def abandoned(self, servers: Collection[str]) -> list[str]:
        """Name the calls that nobody looks after."""
        return await self._run(self._journal.abandoned, servers, self._wall())

    async def renew(self) -> frozenset[str]:
        """Go on holding what is ours, and name it."""
        return await self._run(self._journal.renew, self._wall())

    async def close(self) -> None:
        """Write what waits, and close."""
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._thread, self._journal.close)
        self._thread.shutdown()

    async def _run(self, method: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._thread, partial(method, *args, **kwargs))
        except sqlite3.Error as failed:
            raise JournalError(f"the journal of hosted calls: {failed}") from failed
