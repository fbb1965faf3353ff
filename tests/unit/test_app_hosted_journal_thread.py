"""The journal beside the app's loop: in order, bounded, and quick enough for a webhook."""

import asyncio
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Collection, Coroutine
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from telephony.app.hosted import journal_thread
from telephony.app.hosted.journal import CallState, HostedCall, SqliteJournal
from telephony.app.hosted.journal_thread import (
    MAX_WAITING,
    JournalBusyError,
    JournalError,
    JournalThread,
)

CALLS = 200
MS_PER_S = 1000


def run(main: Callable[[], Coroutine[None, None, None]]) -> None:
    asyncio.run(asyncio.wait_for(main(), 60))


def call(number: int) -> HostedCall:
    return HostedCall(f"rtc_{number}", f"evt_{number}", "main", (("From", "<sip:200@h>"),))


@dataclass
class SlowJournal:
    """A journal whose disk waits for the test."""

    go: threading.Event = field(default_factory=threading.Event)
    written: list[str] = field(default_factory=list[str])
    fault: Exception | None = None

    def receive(self, call: HostedCall, now_s: float) -> bool:
        assert self.go.wait(30)
        if self.fault is not None:
            raise self.fault
        self.written.append(call.hosted_id)
        return now_s > 0

    def claim(self, hosted_id: str, now_s: float) -> HostedCall | None:
        del now_s
        return call(int(hosted_id.removeprefix("rtc_")))

    def move(self, hosted_id: str, state: CallState, now_s: float) -> bool:
        self.written.append(f"{hosted_id} {state}")
        return now_s > 0

    def abandoned(self, servers: Collection[str], now_s: float) -> list[str]:
        del servers, now_s
        return []

    def renew(self, now_s: float) -> frozenset[str]:
        del now_s
        return frozenset()

    def close(self) -> None:
        self.written.append("closed")


def test_a_journal_does_its_work_in_a_thread_of_its_own(tmp_path: Path) -> None:
    async def main() -> None:
        clock = [1_800_000_000.0]
        first = JournalThread(SqliteJournal(tmp_path / "j", "a"), lambda: clock[0])
        second = JournalThread(SqliteJournal(tmp_path / "j", "b"), lambda: clock[0])
        assert await first.receive(call(1))
        assert not await second.receive(call(1))
        claimed = await first.claim("rtc_1")
        assert claimed is not None
        assert claimed.state is CallState.CLAIMED
        assert await first.move("rtc_1", CallState.ACCEPTING)
        assert await first.renew() == {"rtc_1"}
        assert await second.abandoned(["main"]) == []
        clock[0] += 10
        assert await second.abandoned(["main"]) == ["rtc_1"]
        await first.close()
        await second.close()

    run(main)


def test_more_webhooks_than_can_wait_are_to_come_again_and_moves_are_not() -> None:
    async def main() -> None:
        slow = SlowJournal()
        journal = JournalThread(slow, lambda: 1.0)
        waiting = [asyncio.ensure_future(journal.receive(call(n))) for n in range(MAX_WAITING)]
        await asyncio.sleep(0)
        with pytest.raises(JournalBusyError, match=f"{MAX_WAITING} webhooks wait"):
            await journal.receive(call(MAX_WAITING))
        moving = asyncio.ensure_future(journal.move("rtc_0", CallState.OVER))
        await asyncio.sleep(0)
        slow.go.set()
        assert await asyncio.gather(*waiting) == [True] * MAX_WAITING
        assert await moving
        assert await journal.receive(call(MAX_WAITING))
        await journal.close()
        assert slow.written == [
            *(f"rtc_{n}" for n in range(MAX_WAITING)),
            "rtc_0 over",
            f"rtc_{MAX_WAITING}",
            "closed",
        ]

    run(main)


def test_a_disk_that_hangs_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal_thread, "RECEIVE_SECONDS", 0.02)

    async def main() -> None:
        slow = SlowJournal(fault=sqlite3.OperationalError("disk I/O error"))
        journal = JournalThread(slow, lambda: 1.0)
        with pytest.raises(JournalBusyError, match=r"took over 0\.02 s"):
            await journal.receive(call(1))
        slow.go.set()
        with pytest.raises(JournalError, match="hosted calls: disk I/O error"):
            await journal.receive(call(2))
        await journal.close()

    run(main)


def _quantile(seconds: list[float], share: float) -> float:
    return sorted(seconds)[int(len(seconds) * share)] * MS_PER_S


def _bare_commits(path: Path) -> list[float]:
    """Time what any commit costs on this disk: a short write, then fsync."""
    spent: list[float] = []
    with path.open("ab", buffering=0) as file:
        for _ in range(CALLS):
            began = time.perf_counter()
            file.write(bytes(4096))
            os.fsync(file.fileno())
            spent.append(time.perf_counter() - began)
    return spent


def test_a_webhook_is_written_within_200_ms(tmp_path: Path) -> None:
    async def main() -> None:
        journal = JournalThread(SqliteJournal(tmp_path / "j", "a"))
        spent: list[float] = []
        for number in range(CALLS):
            began = time.perf_counter()
            assert await journal.receive(call(number))
            spent.append(time.perf_counter() - began)
        await journal.close()
        bare = _bare_commits(tmp_path / "bare")
        floor = _quantile(bare, 0.99)
        print(
            f"journal p50 {_quantile(spent, 0.5):.2f} ms, p99 {_quantile(spent, 0.99):.2f} ms;"
            f" bare fsync p50 {_quantile(bare, 0.5):.2f} ms, p99 {floor:.2f} ms"
        )
        assert _quantile(spent, 0.99) < 200 + 10 * floor

    run(main)
