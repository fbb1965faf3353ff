"""Writes each call's event log to a file: one JSON object a line, `CALL_ID.jsonl`."""

from contextlib import suppress
from pathlib import Path
from typing import TextIO

import structlog

from telephony.call import CallEnded, CallEvent

__all__ = ["Journal"]

log = structlog.get_logger("telephony.journal")


class Journal:
    """One directory of event logs; a file is complete once its call has ended.

    Args:
        directory: Made if it is not there.
    """

    def __init__(self, directory: Path) -> None:
        """Make the directory, readable by us alone."""
        self._directory = directory
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._files: dict[str, TextIO | None] = {}
        """Of the calls that are up; None where a row could not be written, and no more will be."""

    def handle_event(self, event: CallEvent) -> None:
        """Write one row; a disk that takes none costs the call its journal and nothing else."""
        call_id = event.call_id
        try:
            self._write(event)
        except OSError as failed:
            log.error("journal not written", call=call_id, why=failed.strerror, fault="disk")
            self._close(call_id)
            self._files[call_id] = None
        if isinstance(event.payload, CallEnded):
            self._close(call_id)

    def _write(self, event: CallEvent) -> None:
        if event.call_id not in self._files:
            path = self._directory / f"{event.call_id}.jsonl"
            self._files[event.call_id] = path.open("w", encoding="utf-8", buffering=1)
        file = self._files[event.call_id]
        if file is not None:
            file.write(event.model_dump_json() + "\n")

    def _close(self, call_id: str) -> None:
        file = self._files.pop(call_id, None)
        if file is not None:
            with suppress(OSError):  # the rest of a row that could not be written is tried again
                file.close()

    def close(self) -> None:
        """Close the files of calls that have not ended."""
        for call_id in list(self._files):
            self._close(call_id)
