"""What the caller of a call that this server holds is played: responses, one behind the other.

Source: the Realtime API reference (GA), `output_audio_buffer.*`: told where the server and not the
client plays the model's audio. A caller who speaks up is played nothing more; what he did not hear
of an item is cut off it by the server itself.
"""

from collections import deque
from dataclasses import dataclass
from typing import Literal

from telephony.local.items import Entry
from telephony.local.outbox import Outbox
from telephony.realtime import events
from telephony.units import NS_PER_SECOND, Nanoseconds, samples_to_ns

__all__ = ["CallerPlayout"]


@dataclass(slots=True)
class _Stretch:
    """The audio of one response, as it lies in time."""

    response_id: str
    entry: Entry
    begin_ns: int
    end_ns: int
    is_begun: bool = False


class CallerPlayout:
    """Plays in real time and tells of it; it keeps time only, no audio.

    Attributes:
        played_ms: How much the caller has been played so far.
    """

    def __init__(self, outbox: Outbox) -> None:
        """Begin silent.

        Args:
            outbox: Where events go.
        """
        self._outbox = outbox
        self._stretches: deque[_Stretch] = deque()
        self._played_ns = 0

    @property
    def played_ms(self) -> int:
        """How much of finished or cut stretches the caller was played, floored."""
        return self._played_ns // (NS_PER_SECOND // 1_000)

    def add(self, response_id: str, entry: Entry, samples: int, now_ns: Nanoseconds) -> None:
        """Queue some of a response's audio.

        Args:
            response_id: The response.
            entry: The item whose first part the audio is.
            samples: At the rate of that part.
            now_ns: The time.
        """
        last = self._stretches[-1] if self._stretches else None
        if last is None or last.response_id != response_id:
            begin_ns = now_ns if last is None else max(now_ns, last.end_ns)
            last = _Stretch(response_id, entry, begin_ns, begin_ns)
            self._stretches.append(last)
        last.end_ns += samples_to_ns(samples, entry.parts[0].rate_hz)
        self.handle_timer(now_ns)

    def handle_timer(self, now_ns: Nanoseconds) -> None:
        """Tell what has begun and what has been played to its end."""
        while self._stretches and self._stretches[0].begin_ns <= now_ns:
            stretch = self._stretches[0]
            if not stretch.is_begun:
                stretch.is_begun = True
                self._tell("output_audio_buffer.started", stretch)
            if now_ns < stretch.end_ns:
                return
            self._stretches.popleft()
            self._played_ns += stretch.end_ns - stretch.begin_ns
            self._tell("output_audio_buffer.stopped", stretch)

    def next_deadline(self) -> Nanoseconds | None:
        """Say when `handle_timer` wants to be called."""
        if not self._stretches:
            return None
        stretch = self._stretches[0]
        return Nanoseconds(stretch.end_ns if stretch.is_begun else stretch.begin_ns)

    def clear(self, now_ns: Nanoseconds) -> None:
        """Play nothing more of what is queued, and cut the items to what was played of them."""
        stretches, self._stretches = self._stretches, deque()
        for stretch in stretches:
            self._tell("output_audio_buffer.cleared", stretch)
            heard_ns = max(0, now_ns - stretch.begin_ns)
            self._played_ns += heard_ns
            part = stretch.entry.parts[0]
            part.samples = heard_ns * part.rate_hz // NS_PER_SECOND
            part.text = None
            truncated = events.ItemTruncatedEvent(
                item_id=stretch.entry.item_id, content_index=0, audio_end_ms=part.audio_ms
            )
            self._outbox.send(truncated)

    def _tell(
        self,
        kind: Literal[
            "output_audio_buffer.started",
            "output_audio_buffer.stopped",
            "output_audio_buffer.cleared",
        ],
        stretch: _Stretch,
    ) -> None:
        self._outbox.send(events.OutputBufferEvent(type=kind, response_id=stretch.response_id))
