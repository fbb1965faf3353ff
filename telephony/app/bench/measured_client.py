"""What all clients that `bench realtime` compares have in common, so that figures compare.

Processor time is that of the whole process, user and system: waiting costs nothing, waking does.
"""

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping

from pydantic import BaseModel

from telephony.app.bench.command_pipe import answer_commands, say
from telephony.app.bench.messages import (
    Command,
    Connect,
    Cost,
    Done,
    MeasureAppends,
    MeasureDeltas,
)

__all__ = [
    "AUDIO",
    "BURST",
    "NS_PER_US",
    "DeltaMeter",
    "MeasuredClient",
    "MeasuredClients",
    "serve_clients",
]

AUDIO = bytes(range(160))
"""20 ms of G.711."""
BURST = 20
"""Appends at once: few enough for the kernel to take them all. Between bursts the server is left
time to read, so no write waits."""
DRAIN_SECONDS = 0.002
NS_PER_US = 1000


class DeltaMeter:
    """Takes the processor's time from the first delta of an answer to its last."""

    def __init__(self) -> None:
        """Expect nothing."""
        self._deltas = self._left = self._started_ns = self._spent_ns = 0
        self._is_over = asyncio.Event()

    def expect(self, deltas: int) -> None:
        """Begin anew with an answer of so many deltas, at least 2."""
        self._deltas = self._left = deltas
        self._is_over.clear()

    def note(self) -> None:
        """Learn of a delta that the client has handed to its user."""
        if self._left == self._deltas:
            self._started_ns = time.process_time_ns()
        self._left -= 1
        if not self._left:
            self._spent_ns = time.process_time_ns() - self._started_ns
            self._is_over.set()

    @property
    def is_waiting(self) -> bool:
        """Whether no delta of the answer has come yet."""
        return self._left == self._deltas

    def note_rest(self) -> None:
        """Learn that all other deltas came, too."""
        self._left = 1
        self.note()

    async def us_per_delta(self) -> float:
        """Wait for the last delta, and give the microseconds of one."""
        await self._is_over.wait()
        return self._spent_ns / (self._deltas - 1) / NS_PER_US


class MeasuredClient(ABC):
    """A client with one connection.

    Attributes:
        meter: Is to be told of each delta.
    """

    def __init__(self) -> None:
        """Begin without a connection."""
        self.meter = DeltaMeter()

    @abstractmethod
    async def connect(self, url: str) -> None:
        """Connect, and have G.711 granted."""

    @abstractmethod
    async def ask(self) -> None:
        """Ask for a response, once the last one is over."""

    @abstractmethod
    async def append_burst(self) -> None:
        """Append `AUDIO` as often as `BURST` says."""

    @abstractmethod
    async def close(self) -> None:
        """Hang up, if it is connected."""

    async def delta_us(self, deltas: int) -> float:
        """Ask for an answer, and give the processor time of each of its deltas."""
        self.meter.expect(deltas)
        await self.ask()
        return await self.meter.us_per_delta()

    async def append_us(self, bursts: int) -> float:
        """Give the processor time of an append, of the best burst of all."""
        best_ns = 1 << 62
        for _ in range(bursts):
            started_ns = time.process_time_ns()
            await self.append_burst()
            best_ns = min(best_ns, time.process_time_ns() - started_ns)
            await asyncio.sleep(DRAIN_SECONDS)
        return best_ns / BURST / NS_PER_US


class MeasuredClients:
    """The clients of one process, by name."""

    def __init__(self, clients: Mapping[str, MeasuredClient]) -> None:
        """Connect none."""
        self._clients = clients

    async def carry_out(self, command: Command) -> BaseModel:
        """Do what the benchmark asks."""
        match command:
            case Connect():
                for client in self._clients.values():
                    await client.connect(command.url)
                return Done()
            case MeasureDeltas():
                return Cost(us=await self._clients[command.client].delta_us(command.deltas))
            case MeasureAppends():
                return Cost(us=await self._clients[command.client].append_us(command.bursts))
            case _:
                raise ValueError(f"clients have no command {command.do!r}")

    async def close(self) -> None:
        """Hang up."""
        for client in self._clients.values():
            await client.close()


async def serve_clients(make: Callable[[], MeasuredClients]) -> None:
    """Make the clients of a process, say that they are there, and measure as told."""
    clients = make()
    say(Done())
    await answer_commands(clients.carry_out)
    await clients.close()
