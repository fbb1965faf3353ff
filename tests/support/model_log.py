"""Reads the log of the scripted model: what it sent in each call, and what it was told of that."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Row = dict[str, Any]


@dataclass(slots=True)
class SentItem:
    """One audio item of the model.

    Attributes:
        item_id: Its id.
        number: Its number in the position code.
        samples: The audio of it that the model sent, at 8,000 Hz.
        truncated_ms: What the client says was heard of it; None where it said nothing.
        is_deleted: Whether the client deleted it.
    """

    item_id: str
    number: int
    samples: int = 0
    truncated_ms: int | None = None
    is_deleted: bool = False


@dataclass(slots=True)
class SessionRecord:
    """What happened in one session of the model.

    Attributes:
        session: Its number.
        call: The number of the call it served; None where no coded audio told.
        items: Its audio items, in the order in which the model began them.
        speech_ns: When it first reported speech, wall time; None for never.
        removal_ns: When the first truncation, deletion or cancellation came in, wall time.
        cancellations: How many `response.cancel` came in.
        errors: Codes of the errors that it answered.
        events: How many events of each type the client sent.
        close_code: How the connection ended; None while it is open or was broken off.
    """

    session: int
    call: int | None = None
    items: list[SentItem] = field(default_factory=list[SentItem])
    speech_ns: int | None = None
    removal_ns: int | None = None
    cancellations: int = 0
    errors: list[str] = field(default_factory=list[str])
    events: dict[str, int] = field(default_factory=dict[str, int])
    close_code: int | None = None

    def item(self, item_id: str) -> SentItem | None:
        """Find an audio item by its id."""
        return next((item for item in self.items if item.item_id == item_id), None)


REMOVALS = frozenset({"conversation.item.truncate", "conversation.item.delete", "response.cancel"})


def read_log(path: Path) -> list[SessionRecord]:
    """Read every session of a log file."""
    with path.open() as lines:
        return summarize(json.loads(line) for line in lines)


def summarize(rows: Iterable[Row]) -> list[SessionRecord]:
    """Sum up the rows of a log by session."""
    sessions: dict[int, SessionRecord] = {}
    for row in rows:
        record = sessions.setdefault(row["session"], SessionRecord(row["session"]))
        record.call = row["call"] if row["call"] is not None else record.call
        _add(record, row)
    return list(sessions.values())


def _add(record: SessionRecord, row: Row) -> None:
    match row["kind"]:
        case "item_started":
            record.items.append(SentItem(row["item_id"], row["number"]))
        case "audio_sent":
            item = record.item(row["item_id"])
            if item is not None:
                item.samples += row["samples"]
        case "speech_started":
            record.speech_ns = record.speech_ns or row["wall_ns"]
        case "error_answered":
            record.errors.append(row["code"])
        case "closed":
            record.close_code = row["code"]
        case "client":
            _add_client_event(record, row)
        case _:
            return


def _add_client_event(record: SessionRecord, row: Row) -> None:
    kind, fields = row["event"], row["fields"]
    record.events[kind] = record.events.get(kind, 0) + 1
    if kind in REMOVALS and record.removal_ns is None:
        record.removal_ns = row["wall_ns"]
    record.cancellations += kind == "response.cancel"
    item = record.item(fields.get("item_id", ""))
    if item is None:
        return
    if kind == "conversation.item.truncate":
        item.truncated_ms = fields["audio_end_ms"]
    elif kind == "conversation.item.delete":
        item.is_deleted = True
