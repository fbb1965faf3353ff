"""Keeps keys and audio out of what a server says: its words go into rows and logs."""

import re
from collections.abc import Iterable
from dataclasses import replace

from telephony.voice import (
    ResponseFinished,
    SessionClosed,
    UnknownEventReceived,
    VoiceErrorReceived,
    VoiceEvent,
)

__all__ = ["HIDDEN", "Redaction"]

HIDDEN = "[hidden]"
SHORTEST_SECRET = 8
"""Characters: what is shorter, such as the word Bearer, is hidden nowhere."""
LONG_RUN = re.compile(r"[A-Za-z0-9+/_=-]{64,}")
"""Audio in base64, or a key that is none of ours; no id is as long."""
WORDED = (VoiceErrorReceived, SessionClosed, ResponseFinished, UnknownEventReceived)
"""What has words of the server's own; all else passes untouched, audio foremost."""


class Redaction:
    """What is hidden in one session.

    Args:
        secrets: Values of headers, such as `Bearer KEY`; each of their words counts, too.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        """Hide these, and whatever looks like audio."""
        words = {word for secret in secrets for word in secret.split()}
        found = sorted(filter(lambda word: len(word) >= SHORTEST_SECRET, words), key=len)
        self._secret = re.compile("|".join(map(re.escape, reversed(found)))) if found else None

    def text(self, words: str) -> str:
        """Give words without what is to be hidden in them."""
        if self._secret is not None:
            words = self._secret.sub(HIDDEN, words)
        return LONG_RUN.sub(HIDDEN, words)

    def event(self, event: VoiceEvent) -> VoiceEvent:
        """Give an event without what is to be hidden in the server's words about it."""
        if not isinstance(event, WORDED):
            return event
        match event:
            case VoiceErrorReceived(code=code, message=message):
                return replace(event, code=self.text(code), message=self.text(message))
            case SessionClosed(reason=reason) | ResponseFinished(reason=reason):
                return replace(event, reason=self.text(reason))
            case _:
                return replace(event, type=self.text(event.type))
