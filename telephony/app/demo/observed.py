"""What the demo's far end observed, as its process hands it over: times in Unix seconds."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from telephony.call import CallEvent

__all__ = ["HeardCall", "HeardChunk", "Observations", "ObservedMove", "ObservedRow", "PcmTrack"]


class _Observed(BaseModel):
    model_config = ConfigDict(
        frozen=True, extra="forbid", ser_json_bytes="base64", val_json_bytes="base64"
    )


class ObservedMove(_Observed):
    """Something that one of the people did or noticed."""

    move: str
    wall: float


class ObservedRow(_Observed):
    """A row of the event log of one of their telephones."""

    who: Literal["caller", "operator"]
    row: CallEvent


class HeardChunk(_Observed):
    """One packet's audio: where it stands in what was heard, and when it arrived."""

    offset: int
    octets: int
    wall: float


class PcmTrack(_Observed):
    """One direction of a call."""

    started: float
    pcm16: bytes
    """8,000 Hz."""


class HeardCall(_Observed):
    """One call of one of the telephones."""

    who: Literal["caller", "operator"]
    call_id: str
    heard: bytes
    """All that the far end sent, in the leg's format."""
    chunks: tuple[HeardChunk, ...]
    """Where the packets of `heard` begin and end."""
    sent: PcmTrack | None
    received: PcmTrack | None


class Observations(_Observed):
    """All of it."""

    failure: str | None = None
    """What was waited for in vain; None where the whole script was played."""
    moves: tuple[ObservedMove, ...] = ()
    rows: tuple[ObservedRow, ...] = ()
    calls: tuple[HeardCall, ...] = Field(default=(), repr=False)
