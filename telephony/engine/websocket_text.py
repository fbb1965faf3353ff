"""Frames a client's text messages by hand: the caller's audio, 50 frames a second and call.

Source: RFC 6455 section 5.2 (the frame) and 5.3 (the mask).
"""

import os
from collections.abc import Callable, Iterator
from struct import Struct

from websockets.frames import apply_mask  # type: ignore[attr-defined] # the C one, if built

__all__ = ["TextFrames"]

FINAL_TEXT = 0x81
MASKED = 0x80
LENGTH_16, LENGTH_64 = 126, 127
"""In place of a length: it follows, in so many bits, big-endian."""
_HEAD_16, _HEAD_64 = Struct("!BBH4s"), Struct("!BBQ4s")
_MASK = Struct("4s")
MAX_LENGTH_16 = 0xFFFF
BLOCK_OCTETS = 512
"""Of the kernel's randomness at once: 2.5 s of a call, for the price of one system call."""


def _masks(random_octets: Callable[[int], bytes]) -> Iterator[bytes]:
    """Draw masks without end, each used once."""
    while True:
        for (mask,) in _MASK.iter_unpack(random_octets(BLOCK_OCTETS)):
            yield mask


class TextFrames:
    """The frames of one connection, each with a fresh mask that nobody can foresee.

    Args:
        random_octets: Gives so many octets from a strong source.
    """

    __slots__ = ("_next_mask",)

    def __init__(self, random_octets: Callable[[int], bytes] = os.urandom) -> None:
        """Draw nothing yet."""
        self._next_mask = _masks(random_octets).__next__

    def frame(self, message: bytes) -> bytes:
        """Give a whole frame for a message in UTF-8."""
        mask, length = self._next_mask(), len(message)
        if LENGTH_16 <= length <= MAX_LENGTH_16:
            head = _HEAD_16.pack(FINAL_TEXT, MASKED | LENGTH_16, length, mask)
        elif length < LENGTH_16:
            head = bytes((FINAL_TEXT, MASKED | length)) + mask
        else:
            head = _HEAD_64.pack(FINAL_TEXT, MASKED | LENGTH_64, length, mask)
        return head + apply_mask(message, mask)
