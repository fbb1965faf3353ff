"""Rows that say how the agent's words go on; written only where the plan asks to be followed."""

from typing import Literal

from telephony.call.body import MessageBody

__all__ = ["AudioEnded", "ItemNoted", "PlayoutAdvanced", "ResponseBegan", "WordsAdded"]


class ResponseBegan(MessageBody):
    """The model began a response."""

    type: Literal["agent.response_began"] = "agent.response_began"
    response_id: str


class WordsAdded(MessageBody):
    """More of what the agent means to say, ahead of what the caller has heard."""

    type: Literal["agent.words_added"] = "agent.words_added"
    response_id: str
    item_id: str
    content_index: int
    text: str
    """What follows on the rows before it."""


class AudioEnded(MessageBody):
    """The model sent the last audio of a part of an item; the caller may still be listening."""

    type: Literal["agent.audio_ended"] = "agent.audio_ended"
    response_id: str
    item_id: str
    content_index: int


class PlayoutAdvanced(MessageBody):
    """The caller was sent more of a part of an item."""

    type: Literal["playout.advanced"] = "playout.advanced"
    item_id: str
    content_index: int
    sent_ms: int
    """From the part's beginning, floored: silence, underrun, hold and digits do not count."""


class ItemNoted(MessageBody):
    """A message of the conversation, as the server now holds it."""

    type: Literal["item.noted"] = "item.noted"
    item_id: str
    role: str
    """`user`, `assistant` or `system`."""
    status: str
    """`in_progress`, `completed` or `incomplete`."""
    previous_item_id: str | None = None
    texts: tuple[str, ...] = ()
    """Of each part that has any, written or spoken: what was meant, not what was heard."""
