"""What of a call's agent outlives its sessions, and what the next one is told of it."""

from dataclasses import dataclass, replace

from telephony.call.agent_turn import AgentTurn
from telephony.call.progress import Progress
from telephony.media import ItemAudio, ItemKey, RtpPort, UplinkRing
from telephony.voice import (
    AddText,
    DeleteItem,
    History,
    ItemPlace,
    PastItem,
    PastWords,
    Restore,
    VoiceCommand,
    heard_part,
)

__all__ = ["NOTHING", "Carried", "Continuity"]

GO_ON = AddText(
    "Your last words were cut off by a fault of the line. Go on where they stopped, without another"
    " greeting.",
    role="system",
)
ROOT = "root"
"""What the first item of a conversation follows."""


@dataclass(frozen=True, slots=True)
class Carried:
    """What another session is told."""

    commands: tuple[VoiceCommand, ...]
    items: tuple[PastItem, ...]
    audio: bytes
    """The caller's last, in the leg's format."""
    hears_turn: bool
    """Whether it holds words that are still to be answered."""

    @property
    def estimated(self) -> tuple[int, ...]:
        """Which items are not known to the word."""
        return tuple(
            index
            for index, item in enumerate(self.items)
            if isinstance(item, PastWords) and item.is_estimated
        )


NOTHING = Carried((), (), b"", hears_turn=False)
"""For a session that was there all the time."""


class Continuity:
    """The lasting part of one call's agent.

    Args:
        turn: When the agent is to speak.
        progress: Tells how its words go on.

    Attributes:
        turn: The same.
        progress: The same.
        history: What was said, over all sessions.
        ring: The caller's last audio, once there is a leg.
        port: The leg's, once there is one.
        held: What a session is still to be told that lives on, and to which there is no way now.
    """

    def __init__(self, turn: AgentTurn, progress: Progress) -> None:
        """Begin before anything was said."""
        self.turn = turn
        self.progress = progress
        self.history = History()
        self.ring: UplinkRing | None = None
        self.port: RtpPort | None = None
        self.held: list[VoiceCommand] = []
        self._turn_place: ItemPlace | None = None
        self._carried: list[PastItem] = []

    def join(self, port: RtpPort) -> None:
        """Connect the leg's audio."""
        self.port = port
        self.ring = UplinkRing(port.audio_format)
        port.uplink.sink = self.ring.take
        self.turn.join(port)
        self.progress.join(port)

    def start_turn(self, place: ItemPlace, samples_back: int) -> None:
        """Learn that the caller began to speak, so many samples ago."""
        self._turn_place = place
        if self.ring is not None:
            self.ring.start_turn(samples_back)

    def end_turn(self, samples_back: int) -> None:
        """Learn that he has stopped, so many samples ago."""
        if self.ring is not None:
            self.ring.end_turn(samples_back)

    def settle(self) -> None:
        """Learn that what he said was answered."""
        if self.ring is not None:
            self.ring.settle()

    def carry(self) -> Carried:
        """Give what the next session is told: what was said, and his last words as audio.

        Words that he ended, and that are known as text, are told as text.
        """
        audio, hears_turn, place, ring = b"", False, self._turn_place, self.ring
        if ring is not None:
            is_text = place is not None and self.history.has_words(place)
            audio, hears_turn = ring.kept(behind_turn=is_text), ring.is_turn and not is_text
            if hears_turn and place is not None:
                self.history.forget(place)
            ring.release()
        items = self.history.items()
        self._carried = list(items)
        go_on = (GO_ON,) if self.turn.was_cut_off else ()
        told = (Restore(items),) if items else ()
        return Carried((*told, *go_on), items, audio, hears_turn)

    def handle_cut(self, item: ItemAudio, epoch: int) -> tuple[VoiceCommand, ...]:
        """Learn that words of the agent were cut; give what the session in charge must be told.

        Args:
            item: With its final counts.
            epoch: Of the session in charge. Its own items it cuts by itself; words of an older one
                it has as text, which is replaced by as much of it as was heard.
        """
        sent = min(item.sent_samples, item.received_samples)
        place = ItemPlace(*item.key)
        self.history.handle_cut(place, sent, item.received_samples)
        if item.key.epoch == epoch:
            return ()
        found = (
            (index, past)
            for index, past in enumerate(self._carried)
            if isinstance(past, PastWords) and past.place == place
        )
        index, past = next(found, (0, None))
        if past is None:
            return ()
        after = last_name(self._carried[index - 1]) if index else ROOT
        if not sent:
            del self._carried[index]
            return (DeleteItem(past.name),)
        text = heard_part(past.text, sent, item.received_samples)
        shorter = replace(past, name=f"{past.name}_cut", text=text, is_estimated=True)
        self._carried[index] = shorter
        return (DeleteItem(past.name), Restore((shorter,), after=after))

    def handle_unheard(self, key: ItemKey) -> None:
        """Learn that nothing of an item was or will be heard."""
        self.history.handle_cut(ItemPlace(*key), 0, 1)


def last_name(past: PastItem) -> str:
    """Name the item that the next one follows: a tool's call has two."""
    if isinstance(past, PastWords) or past.output is None:
        return past.name
    return past.output_name
