"""The rows of an interruption: what the agent's memory was cut to."""

from telephony.call.events import CallEventBody, ItemDeletedFromMemory, ItemTruncatedAt
from telephony.media import Interrupted, ItemKey
from telephony.voice import DeleteItem, TruncateItem, VoiceCommand

__all__ = ["row_of_cut"]


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
