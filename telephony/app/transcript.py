"""The transcript of a call, a view of its event log: what was heard, never what was only meant."""

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict

from telephony.call import CallEvent, ItemDeletedFromMemory, ItemTruncatedAt, SpeechTranscribed
from telephony.voice import heard_part

__all__ = ["Said", "transcript"]


class Said(BaseModel):
    """What one side said without a pause of its own."""

    model_config = ConfigDict(frozen=True)

    t_ns: int
    """When its text was known, since the call's first row."""
    role: str
    """"caller" or "agent"."""
    text: str
    is_cut: bool = False
    """Whether the caller interrupted it; then the text ends near where, with a mark."""
    heard_ms: int | None = None
    """How much of its audio left our socket, where it was cut."""


def transcript(events: Sequence[CallEvent]) -> list[Said]:
    """Put together who said what, in the order of the log.

    Where a text was cut is as much of it as the caller was sent of the item's audio, to the word
    before: words are not spoken evenly, so it may be off by one or two. An item of which nothing
    was heard is left out. It does not matter whether the cut or the text stands first in the log.
    """
    cuts: dict[str, ItemTruncatedAt] = {}
    unheard: set[str] = set()
    for event in events:
        match event.payload:
            case ItemTruncatedAt() as cut:
                cuts[cut.item_id] = cut
            case ItemDeletedFromMemory(item_id=item_id):
                unheard.add(item_id)
            case _:
                pass
    return [
        _said(event.t_ns, event.payload, cuts.get(event.payload.item_id))
        for event in events
        if isinstance(event.payload, SpeechTranscribed) and event.payload.item_id not in unheard
    ]


def _said(t_ns: int, spoken: SpeechTranscribed, cut: ItemTruncatedAt | None) -> Said:
    if cut is None:
        return Said(t_ns=t_ns, role=spoken.role, text=spoken.text)
    text = heard_part(spoken.text, cut.sent_samples, cut.received_samples)
    return Said(t_ns=t_ns, role=spoken.role, text=text, is_cut=True, heard_ms=cut.audio_end_ms)
