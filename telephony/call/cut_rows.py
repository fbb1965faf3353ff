"""The rows of an interruption: what the agent's memory was cut to."""

from telephony.call.events import CallEventBody, ItemDeletedFromMemory, ItemTruncatedAt
from telephony.media import Interrupted, ItemAudio, ItemKey
from telephony.units import samples_to_ms_floor
from telephony.voice import DeleteItem, TruncateItem, VoiceCommand

__all__ = ["row_of_cut", "row_of_old_cut"]


def row_of_cut(
    command: VoiceCommand, interrupted: Interrupted, rate_hz: int
) -> CallEventBody | None:
    """Give the row of what an interruption did to one item; None for any other command.

    Args:
        command: One of `interrupted.commands`.
        interrupted: What was cut.
        rate_hz: Of the counts in it: the leg's.
    """
    match command:
        case TruncateItem(item_id=item_id, content_index=index, audio_end_ms=audio_end_ms):
            key = ItemKey(interrupted.epoch, item_id, index)
            item = next(item for item in interrupted.cut if item.key == key)
            return ItemTruncatedAt(
                item_id=item_id,
                content_index=index,
                audio_end_ms=audio_end_ms,
                sent_samples=item.sent_samples,
                received_samples=item.received_samples,
                rate_hz=rate_hz,
            )
        case DeleteItem(item_id=item_id):
            received = sum(
                item.received_samples
                for item in interrupted.cut
                if (item.key.epoch, item.key.item_id) == (interrupted.epoch, item_id)
            )
            return ItemDeletedFromMemory(item_id=item_id, received_samples=received)
        case _:
            return None


def row_of_old_cut(item: ItemAudio, rate_hz: int) -> CallEventBody:
    """Give the row of a cut in words of a session that is gone.

    Args:
        item: With its final counts.
        rate_hz: Of the counts.
    """
    sent = min(item.sent_samples, item.received_samples)
    if not sent:
        return ItemDeletedFromMemory(
            item_id=item.key.item_id, received_samples=item.received_samples
        )
    return ItemTruncatedAt(
        item_id=item.key.item_id,
        content_index=item.key.content_index,
        audio_end_ms=samples_to_ms_floor(sent, rate_hz),
        sent_samples=sent,
        received_samples=item.received_samples,
        rate_hz=rate_hz,
        estimated=True,
    )
