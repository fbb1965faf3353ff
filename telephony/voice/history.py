"""What was said in a call and which tools were used: what another session can be told of it.

Bounded: the oldest falls first, and a tool's call never without its output. What is not known to
the word is marked as an estimate: the caller's speech without a transcript, and what was heard of
words that were cut.
"""

from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from telephony.voice.events import (
    AgentTranscribed,
    AudioFinished,
    AudioReceived,
    CallerTranscribed,
    ItemUpdated,
    ResponseFinished,
    ResponseStatus,
    SpeechStarted,
    SpeechStopped,
    ToolCalled,
    VoiceEvent,
)

__all__ = ["CUT_MARK", "History", "ItemPlace", "PastItem", "PastTool", "PastWords", "heard_part"]

MAX_ITEMS = 200
"""An hour of lively talk; a model's memory holds less."""
MAX_OCTETS = 64 * 1024
"""Of all texts together, in UTF-8: far more words than fit into the memory of any session."""
CUT_MARK = "…"
MS_PER_SECOND = 1000


def heard_part(text: str, sent: int, received: int) -> str:
    """Give the words that were spoken whole, by the share of the audio that was sent.

    Words are not spoken evenly, so it may be off by one or two.

    Args:
        text: Of the whole item.
        sent: Samples of its audio that left our socket.
        received: Samples of it that came.
    """
    if sent >= received:
        return f"{text} {CUT_MARK}"
    words, _, _ = text[: len(text) * sent // received + 1].rpartition(" ")
    return f"{words} {CUT_MARK}".lstrip()


class ItemPlace(NamedTuple):
    """Names one item across the sessions of a call."""

    epoch: int
    item_id: str
    content_index: int = 0


@dataclass(frozen=True, slots=True)
class PastWords:
    """What one side said."""

    name: str
    """Ours, for the item that stands for it in another session."""
    role: Literal["caller", "agent"]
    text: str
    is_estimated: bool = False
    place: ItemPlace | None = None
    """Whose words they are, where a session's item held them."""


@dataclass(frozen=True, slots=True)
class PastTool:
    """A tool that the model called."""

    name: str
    """Ours, for the item that stands for it in another session."""
    call_id: str
    function: str
    arguments: str
    """JSON text as the model wrote it."""
    output: str | None
    """None while the tool is at work."""

    @property
    def output_name(self) -> str:
        """Ours, for the item that holds the output."""
        return f"{self.name}_output"


PastItem = PastWords | PastTool


@dataclass(slots=True, eq=False)
class _Turn:
    name: str
    role: Literal["caller", "agent"]
    text: str = ""
    is_final: bool = False
    """Whether `text` is all that was said; before that it grows."""
    awaits_audio: bool = False
    """Whether audio of it came, and not all: a server may write ahead of what it says."""
    began_ms: int | None = None
    spoken_ms: int | None = None
    """Of the caller: how long; None while he speaks."""
    cut: tuple[int, int] | None = None
    """Samples sent and samples received, where the words were cut."""

    def shown(self) -> tuple[str, bool]:
        """Give the words, and whether they are an estimate; none where nothing is to be told."""
        if self.role == "agent":
            text = self.text or ("" if self.is_final else "[spoke]")
            if self.cut is None:
                return text, not self.is_final or self.awaits_audio
            return (heard_part(text, *self.cut) if self.cut[0] else ""), True
        if self.text or self.is_final or self.spoken_ms is None:
            return self.text, False
        return f"[caller spoke, {self.spoken_ms / MS_PER_SECOND:.1f} s]", True


@dataclass(slots=True, eq=False)
class _Call:
    name: str
    function: str
    arguments: str
    output: str | None = None


@dataclass(slots=True)
class History:
    """What was said in one call so far, over all of its sessions."""

    _items: dict[ItemPlace | str, _Turn | _Call] = field(
        default_factory=dict["ItemPlace | str", "_Turn | _Call"]
    )
    """Oldest first; tools by their call's id, notes by their own name."""
    _octets: int = 0
    _names: int = 0

    def handle_event(self, epoch: int, event: VoiceEvent) -> None:
        """Take an event of a session, by the session's number in the call."""
        match event:
            case AudioReceived() | AudioFinished() | ResponseFinished():
                self._handle_audio(epoch, event)
            case AgentTranscribed(item_id=item_id, content_index=index):
                turn = self._turn(ItemPlace(epoch, item_id, index), "agent")
                self._say(turn, event.text, is_final=event.is_final)
            case SpeechStarted(item_id=item_id):
                turn = self._turn(ItemPlace(epoch, item_id), "caller")
                turn.began_ms = event.audio_start_ms
            case SpeechStopped(item_id=item_id):
                turn = self._turn(ItemPlace(epoch, item_id), "caller")
                began_ms = event.audio_end_ms if turn.began_ms is None else turn.began_ms
                turn.spoken_ms = max(0, event.audio_end_ms - began_ms)
            case CallerTranscribed(item_id=item_id, is_final=True):
                turn = self._turn(ItemPlace(epoch, item_id), "caller")
                self._say(turn, event.text, is_final=True)
            case ToolCalled(call_id=call_id):
                self._add_call(call_id, _Call(self._name(), event.name, event.arguments))
                self._grow(len(event.arguments.encode()))
            case ItemUpdated(item_id=item_id, texts=texts):
                known = self._items.get(ItemPlace(epoch, item_id))
                if isinstance(known, _Turn) and known.role == "agent" and not known.text and texts:
                    self._say(known, " ".join(texts), is_final=True)
            case _:
                pass

    def _handle_audio(
        self, epoch: int, event: AudioReceived | AudioFinished | ResponseFinished
    ) -> None:
        match event:
            case AudioReceived(item_id=item_id, content_index=index):
                self._turn(ItemPlace(epoch, item_id, index), "agent").awaits_audio = True
            case AudioFinished(item_id=item_id, content_index=index):
                self._end_audio(ItemPlace(epoch, item_id, index))
            case ResponseFinished(status=ResponseStatus.COMPLETED):
                for place in self._items:
                    if isinstance(place, ItemPlace) and place.epoch == epoch:
                        self._end_audio(place)
            case ResponseFinished():
                pass

    def _end_audio(self, place: ItemPlace) -> None:
        turn = self._items.get(place)
        if isinstance(turn, _Turn):
            turn.awaits_audio = False

    def add_text(self, text: str) -> None:
        """Add what the caller told by other means than speech, such as `[keys 12#]`."""
        name = self._name()
        turn = _Turn(name, "caller")
        self._add(name, turn)
        self._say(turn, text, is_final=True)

    def add_output(self, call_id: str, output: str) -> None:
        """Add what a tool said; of a call that is not known, or was answered, nothing is."""
        call = self._items.get(call_id)
        if isinstance(call, _Call) and call.output is None:
            call.output = output
            self._grow(len(output.encode()))

    def handle_cut(self, place: ItemPlace, sent: int, received: int) -> None:
        """Learn how much of an agent's words the caller was sent, of how much, in samples."""
        self._turn(place, "agent").cut = (sent, received)

    def forget(self, place: ItemPlace) -> None:
        """Forget one side's words: they are told in another way."""
        turn = self._items.pop(place, None)
        if isinstance(turn, _Turn):
            self._octets -= len(turn.text.encode())

    def has_words(self, place: ItemPlace) -> bool:
        """Tell whether what was said there is known to the word."""
        turn = self._items.get(place)
        return isinstance(turn, _Turn) and turn.is_final

    def items(self) -> tuple[PastItem, ...]:
        """Give all that can be told, oldest first; what the caller is saying now is not in it."""
        found: list[PastItem] = []
        for key, item in self._items.items():
            if isinstance(item, _Call):
                assert isinstance(key, str)
                found.append(PastTool(item.name, key, item.function, item.arguments, item.output))
                continue
            text, is_estimated = item.shown()
            if text:
                place = key if isinstance(key, ItemPlace) else None
                found.append(PastWords(item.name, item.role, text, is_estimated, place))
        return tuple(found)

    def _name(self) -> str:
        self._names += 1
        return f"past_{self._names}"

    def _turn(self, place: ItemPlace, role: Literal["caller", "agent"]) -> _Turn:
        turn = self._items.get(place)
        if not isinstance(turn, _Turn):
            turn = _Turn(self._name(), role)
            self._add(place, turn)
        return turn

    def _say(self, turn: _Turn, text: str, *, is_final: bool) -> None:
        if turn.is_final and not is_final:
            return
        before = 0 if not is_final else len(turn.text.encode())
        turn.text = text if is_final else turn.text + text
        turn.is_final = is_final
        self._grow(len(text.encode()) - before)

    def _add_call(self, call_id: str, call: _Call) -> None:
        """Add a tool's call; one that had this id in a session before goes by our name for it."""
        before = self._items.get(call_id)
        if before is not None:
            self._items = {
                before.name if item is before else key: item for key, item in self._items.items()
            }
        self._add(call_id, call)

    def _add(self, key: ItemPlace | str, item: _Turn | _Call) -> None:
        self._items[key] = item
        self._grow(0)

    def _grow(self, octets: int) -> None:
        """Count some more, and let the oldest fall; a tool at work is the last to go."""
        self._octets += octets
        while self._items and (len(self._items) > MAX_ITEMS or self._octets > MAX_OCTETS):
            ended = (key for key, item in self._items.items() if not _is_at_work(item))
            oldest = next(ended, None) or next(iter(self._items))
            item = self._items.pop(oldest)
            texts = (item.text,) if isinstance(item, _Turn) else (item.arguments, item.output or "")
            self._octets -= sum(len(text.encode()) for text in texts)


def _is_at_work(item: _Turn | _Call) -> bool:
    return isinstance(item, _Call) and item.output is None
