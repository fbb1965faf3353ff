"""What an interruption does to the model's memory: one pure function (design: decision 6).

A truncation uses what was *sent*: a packet that left will be heard. Nothing is subtracted for the
listener's delay, unless the agent asks for `truncate_at = "reacted"`.
"""

from collections.abc import Sequence
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
    """The items just flushed, oldest first, with their final counts."""
    rate_hz: int
    """Of the leg, and so of the counts."""
    epoch: int
    """The session that is open now; another session's items cannot be changed in it."""
    active_response_id: str | None
    """The response still under way, if any."""
    truncate_at: TruncateAt = "sent"
    reacted: Position | None = None
    """Where the caller was when they began to speak; None where that is not known."""


def interrupt(interruption: Interruption) -> list[VoiceCommand]:
    """Decide what the session must be told: cancel first, then the items, oldest first.

    An item of which something was sent is truncated there; one that came and was never sent is
    deleted; one of which nothing came dies with its response.
    """
    commands: list[VoiceCommand] = []
    if interruption.active_response_id is not None:
        commands.append(CancelResponse(interruption.active_response_id))
    is_after_reaction = False
    for item in interruption.cut:
        is_reacted = interruption.reacted is not None and interruption.reacted.key == item.key
        if item.key.epoch == interruption.epoch:
            commands += _cut(item, interruption, is_after_reaction=is_after_reaction)
        is_after_reaction = is_after_reaction or is_reacted
    return commands


def _cut(
    item: ItemAudio, interruption: Interruption, *, is_after_reaction: bool
) -> list[VoiceCommand]:
    if not item.received_samples:
        return []
    if not item.sent_samples:
        return [DeleteItem(item.key.item_id)]
    heard = min(item.sent_samples, item.received_samples)
    if interruption.truncate_at == "reacted" and interruption.reacted is not None:
        if is_after_reaction:
            heard = type(heard)(0)
        elif interruption.reacted.key == item.key:
            heard = min(heard, interruption.reacted.offset)
    return [
        TruncateItem(
            item.key.item_id,
            item.key.content_index,
            samples_to_ms_floor(heard, interruption.rate_hz),
        )
    ]
