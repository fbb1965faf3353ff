"""The journal of hosted calls: what a restart and a second process find."""

import sqlite3
import stat
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from threading import Timer

import pytest

from telephony.app.hosted import journal as journal_module
from telephony.app.hosted.journal import (
    ABANDONED,
    FORGET,
    KEEP_SECONDS,
    LEASE_SECONDS,
    OURS,
    RENEW,
    CallState,
    HostedCall,
    SqliteJournal,
)

NOW_S = 1_800_000_000.0
LATER_S = NOW_S + LEASE_SECONDS + 0.1
CALL = HostedCall("rtc_1", "evt_1", "main", (("From", "<sip:200@h>"), ("X-Tag", "ä")))
MAIN = ("main",)


Open = Callable[[str], SqliteJournal]
"""Opens the journal for a process of this name."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "calls.sqlite3"


@pytest.fixture
def opened(path: Path) -> Iterator[Open]:
    with ExitStack() as stack:

        def open_as(owner: str) -> SqliteJournal:
            journal = SqliteJournal(path, owner)
            stack.callback(journal.close)
            return journal

        yield open_as


def test_a_call_is_new_once(opened: Open) -> None:
    journal = opened("a")
    assert journal.receive(CALL, NOW_S)
    assert not journal.receive(CALL, NOW_S)
    same_webhook = HostedCall("rtc_2", "evt_1", "main")
    same_call = HostedCall("rtc_1", "evt_2", "main")
    assert not journal.receive(same_webhook, NOW_S)
    assert not journal.receive(same_call, NOW_S)
    assert journal.receive(HostedCall("rtc_2", "evt_2", "main"), NOW_S)


def test_its_owner_takes_it_on_as_it_was_told(opened: Open) -> None:
    journal = opened("a")
    journal.receive(CALL, NOW_S)
    claimed = journal.claim("rtc_1", NOW_S)
    assert claimed == HostedCall("rtc_1", "evt_1", "main", CALL.headers, CallState.CLAIMED)
    assert journal.claim("rtc_none", NOW_S) is None


def test_another_process_waits_for_the_lease_to_end_and_then_one_gets_the_call(
    opened: Open,
) -> None:
    ours, second, third = (opened(owner) for owner in "abc")
    ours.receive(CALL, NOW_S)
    ours.claim("rtc_1", NOW_S)
    ours.move("rtc_1", CallState.ACCEPTING, NOW_S)
    assert second.abandoned(MAIN, NOW_S + LEASE_SECONDS) == []
    assert second.claim("rtc_1", NOW_S + LEASE_SECONDS) is None
    assert second.abandoned(MAIN, LATER_S) == third.abandoned(MAIN, LATER_S) == ["rtc_1"]
    claimed = second.claim("rtc_1", LATER_S)
    assert claimed is not None
    assert claimed.state is CallState.ACCEPTING
    assert third.claim("rtc_1", LATER_S) is None
    assert not ours.move("rtc_1", CallState.ACCEPTED, LATER_S)
    assert ours.renew(LATER_S) == frozenset()
    assert second.move("rtc_1", CallState.ACCEPTED, LATER_S)


def test_a_lease_that_is_renewed_does_not_end(opened: Open) -> None:
    ours, second = opened("a"), opened("b")
    ours.receive(CALL, NOW_S)
    for step in range(1, 6):
        assert ours.renew(NOW_S + 3 * step) == {"rtc_1"}
        assert second.abandoned(MAIN, NOW_S + 3 * step + LEASE_SECONDS) == []


def test_a_lease_of_a_clock_that_was_set_back_holds_nobody_off(opened: Open) -> None:
    before, after = opened("a"), opened("b")
    before.receive(CALL, NOW_S + 3600)
    assert after.abandoned(MAIN, NOW_S) == ["rtc_1"]
    assert after.claim("rtc_1", NOW_S) is not None


def test_calls_by_other_servers_are_left_alone(opened: Open) -> None:
    journal = opened("a")
    for number, server in enumerate(("main", "other", "main")):
        journal.receive(HostedCall(f"rtc_{number}", f"evt_{number}", server), NOW_S + number)
    second = opened("b")
    assert second.abandoned(MAIN, LATER_S + 5) == ["rtc_0", "rtc_2"]


def test_a_call_that_is_over_stays_over_and_tells_nothing_of_its_caller(path: Path) -> None:
    journal = SqliteJournal(path, "a")
    journal.receive(CALL, NOW_S)
    assert journal.move("rtc_1", CallState.OVER, NOW_S)
    assert not journal.move("rtc_1", CallState.ATTACHED, NOW_S)
    assert journal.claim("rtc_1", LATER_S) is None
    assert journal.abandoned(MAIN, LATER_S) == []
    assert not journal.receive(CALL, LATER_S)
    journal.close()
    assert b"sip:200@h" not in path.read_bytes()


def test_a_call_is_forgotten_once_no_webhook_of_it_can_come(opened: Open) -> None:
    journal = opened("a")
    journal.receive(CALL, NOW_S)
    journal.receive(HostedCall("rtc_2", "evt_2", "main"), NOW_S)
    journal.move("rtc_1", CallState.OVER, NOW_S)
    journal.renew(NOW_S + KEEP_SECONDS)
    assert not journal.receive(CALL, NOW_S)
    journal.renew(NOW_S + KEEP_SECONDS + 1)
    assert journal.receive(CALL, NOW_S)
    assert not journal.receive(HostedCall("rtc_2", "evt_2", "main"), NOW_S)


def test_who_ends_in_order_lets_go_of_his_calls_at_once(path: Path, opened: Open) -> None:
    first = SqliteJournal(path, "a")
    first.receive(CALL, NOW_S)
    second = opened("b")
    assert second.abandoned(MAIN, NOW_S) == []
    first.close()
    assert second.abandoned(MAIN, NOW_S) == ["rtc_1"]


def test_it_survives_its_process(path: Path, opened: Open) -> None:
    first = SqliteJournal(path, "a")
    first.receive(CALL, NOW_S)
    first.close()
    again = opened("b")
    assert again.abandoned(MAIN, LATER_S) == ["rtc_1"]


def test_it_is_ours_alone_and_synced_before_a_method_returns(path: Path, opened: Open) -> None:
    opened("a").receive(CALL, NOW_S)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    plain = sqlite3.connect(path)
    assert plain.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    plain.close()


def test_a_process_that_starts_while_another_sets_the_file_up_waits(
    path: Path, opened: Open
) -> None:
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN IMMEDIATE")
        done = Timer(0.1, other.execute, ("COMMIT",))
        done.start()
        assert opened("a").receive(CALL, NOW_S)
        done.join()


def test_a_file_that_is_never_free_is_given_up(
    path: Path, opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_module, "BUSY_SECONDS", 0.05)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            opened("a")


@pytest.mark.parametrize("statement", [OURS, RENEW, ABANDONED, FORGET])
def test_a_look_each_second_reads_no_call_that_is_over(
    path: Path, opened: Open, statement: str
) -> None:
    opened("a")
    times = {"owner": "a", "now": NOW_S, "lease": LEASE_SECONDS, "keep": KEEP_SECONDS}
    with closing(sqlite3.connect(path)) as database:
        plan = database.execute(f"EXPLAIN QUERY PLAN {statement}", times).fetchall()
    index = "ended (received_s<?)" if statement is FORGET else "held"
    assert [step[3].partition("INDEX ")[2] for step in plan] == [index]


def test_a_file_that_is_no_journal_is_refused(path: Path, opened: Open) -> None:
    path.write_text("version = 1\n" * 100)
    with pytest.raises(sqlite3.DatabaseError):
        opened("a")
