"""How much of the model's audio has been heard, and what an interruption does to its memory.

Whoever plays the audio knows, and may tell the SDK's playback tracker: then its state holds. Where
nobody tells, this is an estimate: the items play one behind the other, each from when it came or
from when the one before it ended, and never past what has come. On a phone call of ours nothing is
estimated: there the ledger knows each sample that was sent.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from agents.realtime.model import RealtimePlaybackTracker

from telephony.units import NS_PER_MS, Nanoseconds
from telephony.voice import AudioReceived, DeleteItem, TruncateItem, VoiceFormat

__all__ = ["Cut", "Part", "Playback"]

MAX_PARTS = 256
"""Parts of items kept in mind: an interruption concerns the last few."""


@dataclass(slots=True)
class Part:
    """The audio of one part of an item.

    Attributes:
        item_id: The item's.
        content_index: The part's.
        response_id: Of the response that speaks it.
        received_ms: How much came.
        is_finished: Whether no more will.
    """

    item_id: str
    content_index: int
    response_id: str
    received_ms: float = 0.0
    is_finished: bool = False


@dataclass(frozen=True, slots=True)
class Cut:
    """What an interruption is to the listeners and to the model.

    Attributes:
        parts: Of which no more is to be played, oldest first.
        commands: What makes the model's memory that of the listener, oldest item first.
    """

    parts: tuple[Part, ...] = ()
    commands: tuple[TruncateItem | DeleteItem, ...] = ()


class Playback:
    """The audio of one session.

    Attributes:
        audio_format: What it is in, as granted.
    """

    def __init__(self, tracker: RealtimePlaybackTracker | None) -> None:
        """Begin before any audio.

        Args:
            tracker: Of whoever plays the audio; None estimates.
        """
        self.audio_format = VoiceFormat.PCM
        self._tracker = tracker
        self._parts: dict[tuple[str, int], Part] = {}
        self._ends_ns = Nanoseconds(0)

    def take(self, audio: AudioReceived, now_ns: Nanoseconds) -> None:
        """Learn that some audio came."""
        key = audio.item_id, audio.content_index
        part = self._parts.setdefault(key, Part(*key, audio.response_id))
        samples = len(audio.audio) // self.audio_format.octets_per_sample
        lasts_ms = samples * 1000 / self.audio_format.rate_hz
        part.received_ms += lasts_ms
        begins_ns = max(self._ends_ns, now_ns)
        self._ends_ns = Nanoseconds(begins_ns + round(lasts_ms * NS_PER_MS))
        if len(self._parts) > MAX_PARTS:
            del self._parts[next(iter(self._parts))]

    def finish(self, item_id: str, content_index: int) -> None:
        """Learn that no more audio will come for a part."""
        part = self._parts.get((item_id, content_index))
        if part is not None:
            part.is_finished = True

    def interrupt(self, now_ns: Nanoseconds, response_id: str | None = None) -> Cut:
        """Stop what plays.

        Args:
            now_ns: The time.
            response_id: Leaves other responses alone; None stops everything.

        Returns:
            The parts that end, at least the last one that came (who plays it may be behind our
            estimate), and the commands for those that were not heard whole.
        """
        heard = dict(self._heard(now_ns))
        mine = [p for p in self._parts.values() if response_id in (None, p.response_id)]
        cut = [p for p in mine if self._is_open(p, heard)]
        commands = tuple(_commands(cut, heard))
        if response_id is None:
            self._parts.clear()
            self._ends_ns = now_ns
        else:
            for part in mine:
                del self._parts[part.item_id, part.content_index]
                unheard = part.received_ms - heard[part.item_id, part.content_index]
                self._ends_ns = Nanoseconds(self._ends_ns - round(unheard * NS_PER_MS))
        self._reset_tracker(None if response_id is None else mine)
        return Cut(tuple(mine if response_id is not None else cut or mine[-1:]), commands)

    def end(self) -> None:
        """Learn that the session is over."""
        self._parts.clear()
        self._reset_tracker(None)

    def _is_open(self, part: Part, heard: dict[tuple[str, int], float]) -> bool:
        """Tell whether some of a part has not been heard; nobody knows where a tracker is idle."""
        if self._tracker is not None and self._tracker.get_state()["current_item_id"] is None:
            return False
        return not part.is_finished or heard[part.item_id, part.content_index] < part.received_ms

    def _heard(self, now_ns: Nanoseconds) -> Iterator[tuple[tuple[str, int], float]]:
        """Give how much of each part was heard, in milliseconds."""
        if self._tracker is not None:
            yield from self._tracked(self._tracker)
            return
        waiting_ms = max(0, self._ends_ns - now_ns) / NS_PER_MS
        for key, part in reversed(self._parts.items()):
            unheard = min(part.received_ms, waiting_ms)
            waiting_ms -= unheard
            yield key, part.received_ms - unheard

    def _tracked(self, tracker: RealtimePlaybackTracker) -> Iterator[tuple[tuple[str, int], float]]:
        """Take what plays now from the tracker; what came before it was heard, what behind, not."""
        state = tracker.get_state()
        current = state["current_item_id"], state["current_item_content_index"] or 0
        is_behind = False
        for key, part in self._parts.items():
            if key == current:
                is_behind = True
                yield key, min(state["elapsed_ms"] or 0.0, part.received_ms)
            else:
                yield key, 0.0 if is_behind else part.received_ms

    def _reset_tracker(self, parts: list[Part] | None) -> None:
        """Tell the tracker that what it plays has ended: one of these parts, or any."""
        if self._tracker is None:
            return
        state = self._tracker.get_state()
        current = state["current_item_id"], state["current_item_content_index"] or 0
        if parts is None or current in [(p.item_id, p.content_index) for p in parts]:
            self._tracker.on_interrupted()


def _commands(
    cut: list[Part], heard: dict[tuple[str, int], float]
) -> Iterator[TruncateItem | DeleteItem]:
    """Cut each item to what was heard, floored; one of which that is nothing goes whole.

    An unheard part of an item that was heard otherwise is cut at 0: a deletion would take the rest.
    """
    begun = {item_id for (item_id, _), ms in heard.items() if ms > 0}
    gone: set[str] = set()
    for part in cut:
        if part.item_id in begun:
            ms = int(heard[part.item_id, part.content_index])
            yield TruncateItem(part.item_id, part.content_index, ms)
        elif part.item_id not in gone:
            gone.add(part.item_id)
            yield DeleteItem(part.item_id)
