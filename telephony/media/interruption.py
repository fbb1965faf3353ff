"""What an interruption does to the model's memory: one pure function (design: decision 6).

A truncation uses what was *sent*: a packet that left will be heard. Nothing is subtracted for the
listener's delay, unless the agent asks for `truncate_at = "reacted"`.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from telephony.media.ledger import Position
from telephony.media.playout import ItemAudio
from telephony.units import samples_to_ms_floor
from telephony.voice import CancelResponse, DeleteItem, TruncateItem, VoiceCommand

__all__ = ["Interruption", "TruncateAt", "interrupt"]

TruncateAt = Literal["sent", "reacted"]
"""Cut the memory at what left our socket, or at what the caller heard when they began to speak."""


@dataclass(frozen=True, slots=True)
class Interruption:
    """What is known at the flush."""

    cut: Sequence[ItemAudio]
    """The items just flushed, oldest first, with their final counts. An item of which nothing came,
    a function call among them, never was in the queue: it is not here, and is left alone."""
    rate_hz: int
    """Of the leg, and so of the counts."""
    epoch: int
    """The session that is open now; another session's items cannot be changed in it."""
    active_response_id: str | None
    """The response still under way, if any."""
    begun: Collection[str] = ()
    """Ids of this session's items of which some part was sent, a part that is over among them."""
    reacted: Position | None = None
    """Where the caller was when they began to speak, to cut there; None to cut at what was sent."""


def interrupt(interruption: Interruption) -> list[VoiceCommand]:
    """Decide what the session must be told: cancel first, then the items, oldest first.

    A part of which something was sent is truncated there. An item of which nothing was sent is
    deleted; where another part of it was, the unsent part is truncated at 0 instead, as a deletion
    would take from the memory what the caller heard.
    """
    begun = set(interruption.begun)
    begun.update(
        item.key.item_id
        for item in interruption.cut
        if item.sent_samples and item.key.epoch == interruption.epoch
    )
    commands: list[VoiceCommand] = []
    if interruption.active_response_id is not None:
        commands.append(CancelResponse(interruption.active_response_id))
    for item, heard in _heard(interruption):
        if item.key.epoch != interruption.epoch:
            continue
        if item.key.item_id not in begun:
            deletion = DeleteItem(item.key.item_id)
            if deletion not in commands:
                commands.append(deletion)
            continue
        heard_ms = samples_to_ms_floor(heard, interruption.rate_hz)
        commands.append(TruncateItem(item.key.item_id, item.key.content_index, heard_ms))
    return commands


def _heard(interruption: Interruption) -> Iterator[tuple[ItemAudio, int]]:
    """Give each item with the samples that count as heard.

    Where the caller reacted to an item, those behind it count as unheard; where it is not among the
    cut ones, it came before them all.
    """
    reacted = interruption.reacted
    keys = [item.key for item in interruption.cut]
    last = keys.index(reacted.key) if reacted is not None and reacted.key in keys else -1
    for index, item in enumerate(interruption.cut):
        sent = min(item.sent_samples, item.received_samples)
        if reacted is None or index < last:
            yield item, sent
        else:
            yield item, min(sent, reacted.offset) if index == last else 0
