"""Which hosted calls there are, on disk: neither a restart nor a second process loses one.

A call is written before its webhook is answered, and who looks after it holds a lease on it. A
process that dies lets go of its leases, and whoever finds such a call takes it on where it was.
"""

import json
import sqlite3
import time
from collections.abc import Collection
from contextlib import closing
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final, Protocol

__all__ = ["CallState", "HostedCall", "Journal", "SqliteJournal"]

LEASE_SECONDS: Final = 4.0
"""A process that has not renewed for so long is dead, or as good as that: its callers wait."""
KEEP_SECONDS: Final = 96 * 3600.0
"""For a call that is over: providers repeat a webhook for up to 72 hours."""
BUSY_SECONDS: Final = 2.0
"""For another process's transaction to end."""
AGAIN_SECONDS: Final = 0.01
"""Before the next try to set a file up."""


class CallState(StrEnum):
    """How far a hosted call has come."""

    RECEIVED = "received"
    CLAIMED = "claimed"
    ACCEPTING = "accepting"
    """Written before the request goes out: whoever finds it does not know what came of that."""
    ACCEPTED = "accepted"
    ATTACHED = "attached"
    OVER = "over"


@dataclass(frozen=True, slots=True)
class HostedCall:
    """One call that a provider holds.

    Attributes:
        hosted_id: The provider's name of it.
        webhook_id: Of the webhook that told of it.
        server: Name of the `[hosted.NAME]` it came by.
        headers: SIP header fields that the provider told of, in order: untrusted.
        state: How far it has come.
    """

    hosted_id: str
    webhook_id: str
    server: str
    headers: tuple[tuple[str, str], ...] = ()
    state: CallState = CallState.RECEIVED


class Journal(Protocol):
    """What keeps hosted calls; each method returns when what it changes is on disk."""

    def receive(self, call: HostedCall, now_s: float) -> bool:
        """Write a call that is new, as ours; False where it, or its webhook, was there already."""
        ...

    def claim(self, hosted_id: str, now_s: float) -> HostedCall | None:
        """Take on a call that is ours or nobody's; None where another holds it, or it is over."""
        ...

    def move(self, hosted_id: str, state: CallState, now_s: float) -> bool:
        """Say how far a call of ours has come; False where it is not ours any more."""
        ...

    def abandoned(self, servers: Collection[str], now_s: float) -> list[str]:
        """Name the calls by these servers that are not over and nobody's, the oldest first."""
        ...

    def renew(self, now_s: float) -> frozenset[str]:
        """Go on holding what is ours, and name it."""
        ...

    def close(self) -> None:
        """Let go of what is ours, and of the file."""
        ...


SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS hosted_call (
    hosted_id TEXT PRIMARY KEY,
    webhook_id TEXT NOT NULL UNIQUE,
    server TEXT NOT NULL,
    headers TEXT NOT NULL,
    state TEXT NOT NULL,
    owner TEXT NOT NULL,
    lease_until_s REAL NOT NULL,
    received_s REAL NOT NULL
)
"""
# Each second it is looked who holds what: never at the many that are over.
INDEXES: Final = (
    "CREATE INDEX IF NOT EXISTS held ON hosted_call (received_s) WHERE state != 'over'",
    "CREATE INDEX IF NOT EXISTS ended ON hosted_call (received_s) WHERE state = 'over'",
)
RECEIVE: Final = """
INSERT OR IGNORE INTO hosted_call
VALUES (:hosted_id, :webhook_id, :server, :headers, 'received', :owner, :now + :lease, :now)
"""
# A lease that ends later than any can was given by a clock that was set back since.
CLAIM: Final = """
UPDATE hosted_call
SET owner = :owner, lease_until_s = :now + :lease,
    state = CASE state WHEN 'received' THEN 'claimed' ELSE state END
WHERE hosted_id = :hosted_id AND state != 'over'
    AND (owner = :owner OR NOT lease_until_s BETWEEN :now AND :now + :lease)
"""
READ: Final = """
SELECT webhook_id, server, headers, state FROM hosted_call WHERE hosted_id = :hosted_id
"""
# What is known of a caller goes when the call is over; its ids stay, for webhooks that repeat.
MOVE: Final = """
UPDATE hosted_call
SET state = :state, lease_until_s = :now + :lease,
    headers = CASE :state WHEN 'over' THEN '[]' ELSE headers END
WHERE hosted_id = :hosted_id AND owner = :owner AND state != 'over'
"""
ABANDONED: Final = """
SELECT hosted_id, server FROM hosted_call
WHERE state != 'over' AND NOT lease_until_s BETWEEN :now AND :now + :lease
ORDER BY received_s
"""
RENEW: Final = """
UPDATE hosted_call SET lease_until_s = :now + :lease WHERE owner = :owner AND state != 'over'
"""
RELEASE: Final = "UPDATE hosted_call SET lease_until_s = 0 WHERE owner = :owner AND state != 'over'"
OURS: Final = "SELECT hosted_id FROM hosted_call WHERE owner = :owner AND state != 'over'"
FORGET: Final = "DELETE FROM hosted_call WHERE state = 'over' AND received_s < :now - :keep"


class SqliteJournal:
    """A journal in a SQLite file, which processes of one machine may share.

    Args:
        path: Of the file, made if it is not there, readable by us alone.
        owner: Names this process among all that there ever were.

    Raises:
        OSError: The file cannot be made.
        sqlite3.Error: It is no database of ours.
    """

    def __init__(self, path: Path, owner: str) -> None:
        """Open it; every method may raise `sqlite3.Error`. Use it in one thread at a time."""
        path.touch(mode=0o600)
        self._owner = owner
        self._database = sqlite3.connect(
            path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )
        try:
            self._prepare()
        except sqlite3.Error:
            self._database.close()
            raise

    def _prepare(self) -> None:
        """Set the file up; of processes that do so at once SQLite tells all but one to come again.

        It does not wait by itself where a file's mode changes, which takes it for a deadlock.
        """
        pragmas = "PRAGMA journal_mode = WAL", "PRAGMA synchronous = FULL"
        until = time.monotonic() + BUSY_SECONDS
        for statement in (*pragmas, SCHEMA, *INDEXES):
            while True:
                try:
                    self._database.execute(statement)
                    break
                except sqlite3.OperationalError as failed:
                    is_busy = failed.sqlite_errorcode == sqlite3.SQLITE_BUSY
                    if not is_busy or time.monotonic() > until:
                        raise
                    time.sleep(AGAIN_SECONDS)

    def receive(self, call: HostedCall, now_s: float) -> bool:
        """Write a call that is new."""
        done = self._execute(
            RECEIVE,
            now_s,
            hosted_id=call.hosted_id,
            webhook_id=call.webhook_id,
            server=call.server,
            headers=json.dumps(call.headers),
        )
        return done.rowcount == 1

    def claim(self, hosted_id: str, now_s: float) -> HostedCall | None:
        """Take a call on, in one statement: of two processes that try, one succeeds."""
        if self._execute(CLAIM, now_s, hosted_id=hosted_id).rowcount != 1:
            return None
        ((webhook_id, server, headers, state),) = self._execute(READ, now_s, hosted_id=hosted_id)
        pairs = tuple((str(name), str(value)) for name, value in json.loads(headers))
        return HostedCall(hosted_id, webhook_id, server, pairs, CallState(state))

    def move(self, hosted_id: str, state: CallState, now_s: float) -> bool:
        """Say how far a call has come."""
        return self._execute(MOVE, now_s, hosted_id=hosted_id, state=state).rowcount == 1

    def abandoned(self, servers: Collection[str], now_s: float) -> list[str]:
        """Name the calls that nobody holds."""
        rows = self._execute(ABANDONED, now_s)
        return [str(hosted_id) for hosted_id, server in rows if server in servers]

    def renew(self, now_s: float) -> frozenset[str]:
        """Go on holding what is ours, and forget what has long been over."""
        ours = frozenset(str(hosted_id) for (hosted_id,) in self._execute(OURS, now_s))
        if ours:
            self._execute(RENEW, now_s)
        self._execute(FORGET, now_s)
        return ours

    def close(self) -> None:
        """Let go of what is ours, for whoever comes next, and of the file."""
        with closing(self._database):
            self._execute(RELEASE, 0)

    def _execute(self, statement: str, now_s: float, **values: str) -> sqlite3.Cursor:
        times = {"now": now_s, "lease": LEASE_SECONDS, "keep": KEEP_SECONDS}
        return self._database.execute(statement, {**times, "owner": self._owner, **values})
