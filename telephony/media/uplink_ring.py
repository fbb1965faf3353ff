"""What the caller said last, kept so that another session can be given it first.

It lies between a leg's uplink and the agent, in the leg's own format: G.711 takes 8 kB a second, so
the bound of 15 s is 120 kB; while nobody speaks it is 2 s, 16 kB. A leg whose queue is PCM16 keeps
as many octets and fewer seconds: a call's whole memory is to stay under 0.5 MB.
"""

from collections.abc import Callable

from telephony_codecs import AudioFormat

__all__ = ["UplinkRing"]

TURN_OCTETS = 120_000
"""15 s of G.711 since the caller began to speak, or since a session was lost."""
PAUSE_MS = 2_000
"""Kept while nobody speaks: a server tells of speech some tenths of a second after it began."""
HEARD_MS = 3_000
"""Kept beyond that once somebody hears the caller again: words that were begun while nobody did
are not lost should that be the shorter session."""
SLACK = 5 / 4
"""How far the ring may grow past its bound before the oldest is cut off, all at once."""


class UplinkRing:
    """The end of one leg's uplink.

    Args:
        audio_format: The leg's.

    Attributes:
        onward: Takes what passes through.
    """

    __slots__ = (
        "_end",
        "_format",
        "_is_held",
        "_is_turn",
        "_kept",
        "_limit",
        "_lost_samples",
        "onward",
    )

    def __init__(self, audio_format: AudioFormat) -> None:
        """Keep what comes from now on."""
        self.onward: Callable[[bytes], None] = _discard
        self._lost_samples = 0
        self._format = audio_format
        self._kept = bytearray()
        self._is_turn = self._is_held = False
        self._end: int | None = None  # of the turn, where it is over: octets kept up to there
        self._limit = 0.0
        self._bound()

    def take(self, octets: bytes) -> None:
        """Take the caller's audio, and pass it on: the hot path."""
        kept = self._kept
        kept += octets
        if len(kept) > self._limit:
            self._trim()
        self.onward(octets)

    @property
    def is_turn(self) -> bool:
        """Whether words of the caller are in it that were not answered yet."""
        return self._is_turn

    @property
    def kept_samples(self) -> int:
        """How much is kept."""
        return self._format.samples(len(self._kept))

    def start_turn(self, samples_back: int) -> None:
        """Learn that the caller began to speak, so many samples before the last one taken."""
        self._drop(len(self._kept) - self._format.octets(samples_back))
        self._is_turn, self._end = True, None
        self._bound()

    def end_turn(self, samples_back: int) -> None:
        """Learn that he has stopped, so many samples before the last one taken."""
        if self._is_turn:
            self._end = max(0, len(self._kept) - self._format.octets(samples_back))

    def settle(self) -> None:
        """Learn that what he said last was answered: it needs to be kept no more."""
        if self._end is not None:
            self._kept.clear()
            self._is_turn, self._end = False, None
            self._bound()

    def hold(self) -> None:
        """Keep all that comes, within the bound of a turn: nobody hears it meanwhile."""
        self._is_held = True
        self._bound()

    def release(self) -> None:
        """Be heard again; what was kept stays until there was time to find words in it."""
        self._is_held = False
        if not self._is_turn:
            longer = len(self._kept) + self._format.octets_of_ms(HEARD_MS)
            self._limit = min(longer, SLACK * TURN_OCTETS)

    def kept(self, *, behind_turn: bool = False) -> bytes:
        """Give what is kept, oldest first; with `behind_turn` only what followed the last turn."""
        start = self._end if behind_turn and self._end is not None else 0
        return bytes(self._kept[start:])

    def take_lost(self) -> int:
        """Give how many samples of turns were lost since the last look, for want of room."""
        lost, self._lost_samples = self._lost_samples, 0
        return lost

    def _bound(self) -> None:
        is_long = self._is_turn or self._is_held
        self._limit = SLACK * (TURN_OCTETS if is_long else self._pause_octets())

    def _pause_octets(self) -> int:
        return min(TURN_OCTETS, self._format.octets_of_ms(PAUSE_MS))

    def _trim(self) -> None:
        self._bound()
        bound = round(self._limit / SLACK)
        over = self._format.octets(self._format.samples(len(self._kept) - bound))
        if self._is_turn or self._is_held:
            self._lost_samples += self._format.samples(over)
        self._drop(over)

    def _drop(self, octets: int) -> None:
        if octets > 0:
            del self._kept[:octets]
            if self._end is not None:
                self._end = max(0, self._end - octets)


def _discard(octets: bytes) -> None:
    """Take audio that nobody wants yet."""
    del octets
