"""Our model and the SDK's own on the same streams: what each sends and tells, and how they differ.

A stream is a story told to one side: the server says something, or the user does, and whatever
comes of it makes a group. The SDK's session, with its agents and tools, stands around both models.
Frames of a group are compared in order, `response.create` last: the SDK sends it from a task of its
own. Ids of events are left out, as only errors refer to them.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from typing import Any, Literal, cast

from agents import function_tool
from agents.realtime import RealtimeAgent, RealtimeModel, RealtimeRunner, RealtimeSession
from agents.realtime.model import RealtimeModelConfig, RealtimePlaybackTracker
from agents.realtime.model_inputs import RealtimeModelSendRawMessage
from pydantic import BaseModel
from websockets.frames import Frame, Opcode

from tests.support.realtime_rig import CREATED, Event, updated
from tests.support.websocket_peer import WebSocketPeer

__all__ = ["Allowed", "Difference", "Group", "Side", "compare", "numbered", "run_side"]

FENCE = "input_audio_buffer.clear"
TURNS = 25
"""Turns of the loop after which a task of the SDK's has sent what it had to."""
SECONDS = 20
SETTINGS = {
    "model_name": "gpt-realtime-2.1",
    "input_audio_format": "g711_ulaw",
    "output_audio_format": "g711_ulaw",
    "turn_detection": {"type": "server_vad", "interrupt_response": True},
}
ABSENT = "(absent)"
G711 = {"type": "audio/pcmu"}
GRANTED = {
    "type": "realtime",
    "audio": {
        "input": {"format": G711, "turn_detection": SETTINGS["turn_detection"]},
        "output": {"format": G711},
    },
}
"""What the server grants to either side."""


def numbered(*events: Event) -> list[Event]:
    """Give events the ids that the SDK demands of a server."""
    return [{"event_id": f"e{n}", **event} for n, event in enumerate(events)]


@dataclass
class Group:
    """What came of one thing that was said or done.

    Attributes:
        name: What that was.
        frames: What the model sent.
        events: What the session told, the model's own events among it.
    """

    name: str
    frames: list[Event] = field(default_factory=list[Event])
    events: list[Event] = field(default_factory=list[Event])


@dataclass(frozen=True)
class Difference:
    """One thing that only one side does, or that both do otherwise.

    Attributes:
        stream: Where.
        group: After what.
        kind: Whether it was sent or told.
        type: The frame's or the event's.
        path: The field that differs, "" where one side lacks the whole.
        ours: What ours has there.
        theirs: What the SDK's has there.
    """

    stream: str
    group: str
    kind: Literal["frame", "event"]
    type: str
    path: str
    ours: object
    theirs: object


@dataclass(frozen=True)
class Allowed:
    """A difference that is meant.

    Attributes:
        name: Short.
        reason: Why ours is as it is.
        kind: Of frames or events.
        types: Which of them.
        path: The field, "" for the whole.
        only: Which side has it where the other does not; "both" where they differ.
        streams: Where; everywhere if empty.
    """

    name: str
    reason: str
    kind: Literal["frame", "event"]
    types: frozenset[str]
    path: str = ""
    only: Literal["ours", "theirs", "both", "any"] = "ours"
    streams: frozenset[str] = frozenset()

    def covers(self, difference: Difference) -> bool:
        """Tell whether a difference is this one."""
        only = "both"
        if difference.theirs == ABSENT:
            only = "ours"
        elif difference.ours == ABSENT:
            only = "theirs"
        return (
            self.kind == difference.kind
            and difference.type in self.types
            and self.path == difference.path
            and self.only in ("any", only)
            and (not self.streams or difference.stream in self.streams)
        )


@function_tool
async def opening_hours() -> str:
    """Say when we are open."""
    return "We are open from nine to five."


@function_tool
async def address() -> str:
    """Say where we are."""
    return "Main street 1."


class Side:
    """One model in a session of the SDK's, and its server.

    Attributes:
        is_tracked: Whether somebody plays the audio and tells how far; else each model estimates.
        groups: What came of each step so far.
        tracker: Of whoever plays the audio.
        session: The SDK's.
    """

    def __init__(self, model: RealtimeModel, *, is_tracked: bool = True) -> None:
        self.is_tracked = is_tracked
        self.groups: list[Group] = []
        self.tracker = RealtimePlaybackTracker()
        self._peer = WebSocketPeer()
        self._model = model
        self._told: list[Event] = []
        self._raw = 0
        self._is_over = asyncio.Event()
        billing = RealtimeAgent[Any](name="billing", instructions="Bill.")
        agent = RealtimeAgent[Any](
            name="reception",
            instructions="Receive.",
            tools=[opening_hours, address],
            handoffs=[billing],
        )
        self._runner = RealtimeRunner(agent, model=model)
        self.session: RealtimeSession = cast("Any", None)

    async def open(self) -> None:
        """Connect, and have the session granted as it was asked for."""
        config: dict[str, object] = {
            "url": self._peer.url,
            "api_key": "k",
            "initial_model_settings": SETTINGS,
        }
        if self.is_tracked:
            config["playback_tracker"] = self.tracker
        self.session = await self._runner.run(model_config=cast("RealtimeModelConfig", config))
        await asyncio.gather(self.session.enter(), self._peer.accept())
        self._listener = asyncio.create_task(self._listen())
        update: Event = json.loads((await self._peer.read(1))[0])
        self.groups.append(Group("connect", [_plain(update)]))
        created = {**CREATED, "session": {**GRANTED, **CREATED["session"]}}
        await self.says("granted", *numbered(created, updated(GRANTED)))

    async def says(self, name: str, *events: Event) -> None:
        """Have the server say something."""
        wanted = self._raw + len(events)
        await self._peer.send(*events)
        await self._until(lambda: self._raw >= wanted)
        await self._collect(name)

    async def says_badly(self, name: str, message: bytes) -> None:
        """Have the server say what nobody can take; a side that hangs up then, may."""
        await self._peer.send_raw(Frame(Opcode.TEXT, message).serialize(mask=False))
        goodbye = asyncio.create_task(self._hang_up_too())
        await self._until(lambda: any(event["type"] == "model.error" for event in self._told))
        goodbye.cancel()
        self.groups.append(Group(name, [], self._take_told()))

    async def _hang_up_too(self) -> None:
        await self._peer.read_frame(Opcode.CLOSE)
        self._peer.connection.close()

    async def does(self, name: str, act: Awaitable[None]) -> None:
        """Have the user do something."""
        await act
        await self._collect(name)

    async def hangs_up(self, code: int) -> None:
        """Have the server close the connection."""
        await self._peer.send_close(code, "")
        await self._hang_up_too()
        await self._is_over.wait()
        self.groups.append(Group("hung up", [], self._take_told()))

    async def close(self) -> None:
        """End it, whatever has become of it; what is in the history then, is a last group."""
        history = [_plain(item.model_dump()) for item in self._history()]
        self.groups.append(Group("history", [], [{"type": "history", "items": history}]))
        self._peer.connection.close()
        await self.session.close()
        self._listener.cancel()
        self._peer.close()

    def _history(self) -> list[Any]:
        return self.session._history  # pyright: ignore[reportPrivateUsage]

    async def _collect(self, name: str) -> None:
        """Take what came of a step, once the model has nothing more to send."""
        for _ in range(TURNS):
            await asyncio.sleep(0)
        await self._model.send_event(RealtimeModelSendRawMessage({"type": FENCE}))
        frames: list[Event] = []
        while True:
            event: Event = json.loads((await self._peer.read(1))[0])
            if event["type"] == FENCE:
                break
            if not self.is_tracked and "audio_end_ms" in event:
                event["audio_end_ms"] = "estimated"
            frames.append(_plain(event))
        frames.sort(key=lambda frame: frame["type"] == "response.create")
        self.groups.append(Group(name, frames, self._take_told()))

    def _take_told(self) -> list[Event]:
        told, self._told = self._told, []
        own = [event for event in told if event["type"].startswith("model.")]
        # Tools run in tasks of the session's: in which order it tells of them is not the model's.
        rest = [event for event in told if not event["type"].startswith("model.")]
        return own + sorted(rest, key=lambda event: str(event["type"]))

    async def _listen(self) -> None:
        try:
            async for event in self.session:
                told = _told_event(event)
                self._raw += told["type"] == "model.raw_server_event"
                self._told.append(told)
        except Exception as raised:  # what the model made of its connection's end
            self._told.append({"type": "raised", "error": type(raised).__name__})
        self._is_over.set()

    async def _until(self, is_so: Callable[[], bool]) -> None:
        while not is_so() and not self._is_over.is_set():  # noqa: ASYNC110 - the session sets no event
            await asyncio.sleep(0.001)


def _told_event(event: Any) -> Event:
    """Give what a session told, as plain data under a type of its own."""
    if event.type != "raw_model_event":
        kept = {name: getattr(event, name, None) for name in ("item_id", "output")}
        return {"type": event.type, **{name: v for name, v in kept.items() if v is not None}}
    data = event.data
    if data.type == "other":
        return {"type": "model.other", "data": type(data.data).__name__}
    fields = vars(cast("object", data))
    plain = {name: _plain(value) for name, value in fields.items() if value is not None}
    return {**plain, "type": f"model.{data.type}"}


def _plain(value: Any) -> Any:
    """Give a value as JSON has it, without ids of events and what is not there."""
    if isinstance(value, BaseModel):
        value = value.model_dump()
    if isinstance(value, Mapping):
        items = cast("Mapping[str, Any]", value).items()
        return {k: _plain(v) for k, v in items if k != "event_id" and not _is_nothing(k, v)}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in cast("list[Any]", value)]
    if isinstance(value, bytes):
        return value.hex()
    if value is None or isinstance(value, str | int | float | bool):
        return value
    if isinstance(value, Exception):
        return type(value).__name__
    return _plain(vars(value))


def _is_nothing(name: str, value: object) -> bool:
    """Tell whether a field says nothing: null does where a client writes it, and nowhere else."""
    return value is None and name not in ("turn_detection", "noise_reduction", "transcription")


Story = Callable[[Side], Awaitable[None]]


def run_side(model: RealtimeModel, story: Story, *, is_tracked: bool = True) -> list[Group]:
    """Tell a story to a model."""

    async def told() -> list[Group]:
        side = Side(model, is_tracked=is_tracked)
        async with asyncio.timeout(SECONDS):
            await side.open()
            try:
                await story(side)
            finally:
                await side.close()
        return side.groups

    return asyncio.run(told())


def compare(stream: str, ours: list[Group], theirs: list[Group]) -> Iterator[Difference]:
    """Give every difference between what two sides made of a story."""
    for one, other in zip(ours, theirs, strict=True):
        yield from _differences(stream, one.name, "frame", one.frames, other.frames)
        yield from _differences(stream, one.name, "event", one.events, other.events)


def _differences(
    stream: str,
    group: str,
    kind: Literal["frame", "event"],
    ours: list[Event],
    theirs: list[Event],
) -> Iterator[Difference]:
    if ours != theirs and _sorted(ours) == _sorted(theirs):
        yield Difference(stream, group, kind, "order", "", _names(ours), _names(theirs))
        return
    names = [_place(event) for event in ours], [_place(event) for event in theirs]
    for tag, i1, i2, j1, j2 in SequenceMatcher(None, *names, autojunk=False).get_opcodes():
        if tag == "equal":
            for mine, its in zip(ours[i1:i2], theirs[j1:j2], strict=True):
                for path, a, b in _fields(mine, its, ""):
                    yield Difference(stream, group, kind, _name(mine), path, a, b)
            continue
        for mine in ours[i1:i2]:
            yield Difference(stream, group, kind, _name(mine), "", mine, ABSENT)
        for its in theirs[j1:j2]:
            yield Difference(stream, group, kind, _name(its), "", ABSENT, its)


def _sorted(events: list[Event]) -> list[str]:
    return sorted(json.dumps(event, sort_keys=True) for event in events)


def _names(events: list[Event]) -> list[str]:
    return [str(event["type"]) for event in events]


def _name(event: Event) -> str:
    """Name an event, and that of ours which the SDK has no word for."""
    kind = str(event["type"])
    return f"{kind}:{event['data']}" if kind == "model.other" else kind


def _place(event: Event) -> str:
    """Say what an event is about, so that one side's is held against the other's of the same."""
    where = event.get("item_id", "") if "interrupted" in event["type"] else ""
    return f"{_name(event)} {where}"


def _fields(ours: Any, theirs: Any, path: str) -> Iterator[tuple[str, object, object]]:
    """Give the paths of fields that differ, and what each side has there."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        mine, its = cast("Event", ours), cast("Event", theirs)
        for name in dict.fromkeys([*mine, *its]):
            where = f"{path}.{name}".strip(".")
            yield from _fields(mine.get(name, ABSENT), its.get(name, ABSENT), where)
    elif ours != theirs:
        yield path, ours, theirs
