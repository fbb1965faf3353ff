"""The ways to a call's sessions: each event with its number, audio to the one in charge only."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

from telephony.call import VoicePlan
from telephony.engine.engine_voice import EngineVoice
from telephony.engine.voice_link import VoiceLink
from telephony.errors import ConfigurationError
from telephony.voice import (
    ClearAudio,
    Respond,
    SessionClosed,
    SessionGranted,
    VoiceCommand,
    VoiceEvent,
    VoiceFormat,
)

PLAN = VoicePlan(url="ws://192.0.2.1/", agent="reception")
GRANTED = SessionGranted(VoiceFormat.PCMU, VoiceFormat.PCMU)
CLOSED = SessionClosed(is_clean=True, code=1000, reason="")


class Link:
    """A way to a session, which notes what it is handed."""

    waiting_appends = 5

    def __init__(self, on_event: Callable[[VoiceEvent], None]) -> None:
        self.on_event = on_event
        self.audio = bytearray()
        self.told: list[VoiceCommand] = []
        self.is_closing = False
        self.drops = 0

    def append(self, audio: bytes) -> int:
        self.audio += audio
        return self.drops

    def tell(self, command: VoiceCommand) -> None:
        self.told.append(command)

    def counters(self) -> dict[str, int]:
        return {"voice_messages": len(self.told)}

    def close(self) -> None:
        self.is_closing = True


class Sessions:
    """A call's voice half, with every link that it made."""

    def __init__(self) -> None:
        self.links: list[Link] = []
        self.events: list[tuple[int, VoiceEvent]] = []
        self.voice = EngineVoice(self._make, self._take)

    def _take(self, epoch: int, event: VoiceEvent) -> None:
        self.events.append((epoch, event))

    def _make(self, plan: VoicePlan, on_event: Callable[[VoiceEvent], None]) -> VoiceLink:
        if not plan.url:
            raise ConfigurationError("no url")
        self.links.append(Link(on_event))
        return cast(VoiceLink, self.links[-1])

    def two(self) -> tuple[Link, Link]:
        """Open two, of which the first is in charge."""
        self.voice.open(PLAN, 0)
        self.voice.use(0)
        self.voice.open(PLAN, 1)
        first, second = self.links
        return first, second


def test_each_event_comes_with_the_number_of_its_session() -> None:
    sessions = Sessions()
    first, second = sessions.two()
    second.on_event(GRANTED)
    first.on_event(GRANTED)
    assert sessions.events == [(1, GRANTED), (0, GRANTED)]


def test_audio_goes_to_the_session_in_charge_and_commands_to_the_one_they_name() -> None:
    sessions = Sessions()
    first, second = sessions.two()
    sessions.voice.append(b"a", None)
    sessions.voice.tell(Respond(), 1)
    sessions.voice.use(1)
    sessions.voice.append(b"b", None)
    sessions.voice.tell(ClearAudio(), 0)
    assert (bytes(first.audio), bytes(second.audio)) == (b"a", b"b")
    assert (first.told, second.told) == ([ClearAudio()], [Respond()])
    sessions.voice.close(0)
    assert (first.is_closing, second.is_closing) == (True, False)


def test_a_session_that_is_over_takes_nothing_and_its_counts_are_kept() -> None:
    sessions = Sessions()
    first, second = sessions.two()
    sessions.voice.tell(Respond(), 0)
    sessions.voice.tell(Respond(), 1)
    first.on_event(CLOSED)
    sessions.voice.tell(Respond(), 0)
    sessions.voice.append(b"a", None)
    sessions.voice.close(0)
    assert (len(first.told), bytes(first.audio), first.is_closing) == (1, b"", False)
    first.on_event(CLOSED)
    second.on_event(CLOSED)
    assert sessions.voice.counters() == {"voice_messages": 2}


def test_appends_that_were_dropped_leave_the_legs_uplink() -> None:
    sessions = Sessions()
    first, _ = sessions.two()
    dropped: list[tuple[int, int]] = []

    def note(appends: int, waiting: int) -> None:
        dropped.append((appends, waiting))

    port = cast(Any, SimpleNamespace(handle_backlog_dropped=note))
    sessions.voice.append(b"a", port)
    first.drops = 2
    sessions.voice.append(b"a", port)
    assert dropped == [(2, 5)]


def test_a_session_that_cannot_even_be_tried_is_told_as_closed() -> None:
    sessions = Sessions()
    sessions.voice.open(PLAN.model_copy(update={"url": ""}), 0)
    sessions.voice.use(0)
    sessions.voice.append(b"a", None)
    assert sessions.events == [(0, SessionClosed(is_clean=False, code=1006, reason="no url"))]


def test_after_the_end_nothing_is_told() -> None:
    sessions = Sessions()
    first, _ = sessions.two()
    sessions.voice.let_go()
    first.on_event(CLOSED)
    sessions.voice.append(b"a", None)
    assert not sessions.events
    assert not first.audio
