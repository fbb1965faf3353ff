"""How an engine does: its own message, for it belongs to no call and is no row of any log."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

__all__ = ["EngineReport"]


class EngineReport(BaseModel):
    """What an engine counted so far, and how punctual it was since its last report."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal[1] = 1
    engine_id: str
    calls: int
    """Calls that it holds now."""
    clock_late_ns: int
    """The worst lateness of a slot of the media clock since the last report."""
    counters: dict[str, int]
    """By what is counted; each only grows."""
