"""What the app may ask of the agent while it has the call: to stop, to read, to answer."""

from typing import Literal

from telephony.call.body import MessageBody
from telephony.voice import Picture

__all__ = ["AddWords", "InterruptAgent"]


class InterruptAgent(MessageBody):
    """Stop the agent's words, as the caller's speech would; what is over already stays as it is."""

    type: Literal["interrupt"] = "interrupt"
    response_id: str | None = None
    """Only this response's; None whatever is under way."""
    stops: Literal["all", "response", "playout"] = "all"
    """`response` ends what the model says and lets the caller hear what has come of it; `playout`
    ends what the caller hears and lets the model go on."""


class AddWords(MessageBody):
    """Tell the agent something in writing; words that come before its greeting, that answers."""

    type: Literal["words"] = "words"
    text: str = ""
    """Empty, with no picture, adds nothing."""
    pictures: tuple[Picture, ...] = ()
    respond: bool = True
    """Whether the agent shall speak on it, once it has said what it is saying."""
