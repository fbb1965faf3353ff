"""Writes each call's event log to a file: one JSON object a line, `CALL_ID.jsonl`."""

from pathlib import Path
from typing import TextIO

from telephony.call import CallEnded, CallEvent

__all__ = ["Journal"]


class Journal:
    """One directory of event logs; a file is complete once its call has ended.

    Args:
        directory: Made if it is not there.
    """

    def __init__(self, directory: Path) -> None:
        """Make the directory, readable by us alone."""
        self._directory = directory
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._files: dict[str, TextIO] = {}

    def handle_event(self, event: CallEvent) -> None:
        """Write one row."""
        file = self._files.get(event.call_id)
        if file is None:
            path = self._directory / f"{event.call_id}.jsonl"
            file = self._files[event.call_id] = path.open("w", encoding="utf-8", buffering=1)
        file.write(event.model_dump_json() + "\n")
        if isinstance(event.payload, CallEnded):
            self._files.pop(event.call_id).close()

    def close(self) -> None:
        """Close the files of calls that have not ended."""
        for file in self._files.values():
            file.close()
        self._files.clear()
