"""A model of ours under the SDK's interface, over a real loopback WebSocket."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

from agents.realtime.config import RealtimeSessionModelSettings
from agents.realtime.model import RealtimeModelConfig, RealtimeModelListener
from agents.realtime.model_events import RealtimeModelEvent, RealtimeModelRawServerEvent
from agents.realtime.model_inputs import RealtimeModelSendRawMessage

from telephony.app.agents_sdk import PhoneRealtimeModel
from tests.support.realtime_rig import CREATED, Event, Rig, updated
from tests.support.websocket_peer import WebSocketPeer

__all__ = ["TELEPHONE", "Ear", "Sdk"]

FENCE = "input_audio_buffer.clear"
TELEPHONE = {"input_audio_format": "g711_ulaw", "output_audio_format": "g711_ulaw"}
"""Settings under which an octet is an eighth of a millisecond."""

Kind = TypeVar("Kind")


async def nothing(event: RealtimeModelEvent) -> None:
    """Does nothing with an event."""
    del event


@dataclass(eq=False)
class Ear(RealtimeModelListener):
    """A listener that keeps what it is told.

    Attributes:
        told: The events so far.
        first: Done with each event before it counts as told.
    """

    told: list[RealtimeModelEvent] = field(default_factory=list[RealtimeModelEvent])
    first: Callable[[RealtimeModelEvent], Awaitable[None]] = nothing

    async def on_event(self, event: RealtimeModelEvent) -> None:
        await self.first(event)
        self.told.append(event)

    def of(self, kind: type[Kind]) -> list[Kind]:
        """Give the events of a kind that were told so far."""
        return [event for event in self.told if isinstance(event, kind)]

    def names(self) -> list[str]:
        """Name the events so far, but the copies of messages."""
        return [event.type for event in self.told if event.type != "raw_server_event"]


class Sdk:
    """A model, its server, and somebody who listens."""

    def __init__(self, rig: Rig, model: PhoneRealtimeModel | None = None) -> None:
        self.rig = rig
        self.peer = rig.peer
        self.model = model or PhoneRealtimeModel()
        self.ear = Ear()
        self.model.add_listener(self.ear)

    def options(self, **more: Any) -> RealtimeModelConfig:
        """Give the options of a connection to the server."""
        return cast("RealtimeModelConfig", {"url": self.peer.url, "api_key": "k", **more})

    async def open(self, wanted: dict[str, Any] | None = None, **more: Any) -> Event:
        """Connect, have the session granted as asked, and give its `session.update`."""
        settings = cast("RealtimeSessionModelSettings", wanted or {})
        options = self.options(initial_model_settings=settings, **more)
        await asyncio.gather(self.model.connect(options), self.peer.accept())
        update: Event = json.loads((await self.peer.read(1))[0])
        await self.says(CREATED, updated(update["session"]))
        return update

    async def says(self, *events: Event) -> None:
        """Have the server say something, and our listener have heard it."""
        wanted = len(self.ear.of(RealtimeModelRawServerEvent)) + len(events)
        await self.peer.send(*events)
        await self.until(lambda: len(self.ear.of(RealtimeModelRawServerEvent)) >= wanted)
        await asyncio.sleep(0)

    async def sent(self) -> list[Event]:
        """Give all that the model has sent since the last look."""
        await self.model.send_event(RealtimeModelSendRawMessage({"type": FENCE}))
        return await sent_before_fence(self.peer)

    async def close(self) -> None:
        """Close the model, and have the server say goodbye."""
        await asyncio.gather(self.model.close(), self.peer.finish())
        self.peer.close()

    async def until(self, is_so: Callable[[], bool]) -> None:
        """Let the loop run until something is so."""
        await self.rig.until(is_so)


async def sent_before_fence(peer: WebSocketPeer) -> list[Event]:
    """Read what a client has sent up to the fence."""
    found: list[Event] = []
    while True:
        event = json.loads((await peer.read(1))[0])
        if event["type"] == FENCE:
            return found
        found.append(event)
