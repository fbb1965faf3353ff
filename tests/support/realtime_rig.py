"""Our end of a Realtime session over a real loopback WebSocket, and its server driven by hand.

The test gives the client commands of the voice port and the server's frames; it sees what the
client sent and which voice events came out. `Talk` puts the call's half behind it: the
conversation, its playout and its ledger, on a clock that moves a packet at a time. Nothing here
sleeps for a while in the hope that something has happened by then: a frame counts as handled when
the session has counted it, and "nothing more was sent" is what stands before a fence.
"""

import asyncio
import base64
import json
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any, TypeVar

from websockets.frames import Frame, Opcode
from websockets.http11 import Request

from telephony.call import CallEventBody, Prompts, VoicePlan
from telephony.call.agent_turn import AgentTurn
from telephony.call.continuity import Continuity
from telephony.call.conversation import Conversation, Outlets
from telephony.call.progress import Progress
from telephony.engine.clock import monotonic_ns
from telephony.engine.realtime_socket import RealtimeSocket, SocketSettings
from telephony.engine.voice_link import VoiceLink
from telephony.media import RtpPort
from telephony.realtime import RealtimeSession
from telephony.units import NS_PER_MS, Nanoseconds
from telephony.voice import (
    ClearAudio,
    Close,
    Configure,
    SessionClosed,
    SessionSettings,
    VoiceCommand,
    VoiceEvent,
)
from tests.support.media import port
from tests.support.websocket_peer import WebSocketPeer

__all__ = [
    "CREATED",
    "Rig",
    "Talk",
    "audio_done",
    "delta",
    "error",
    "response_created",
    "response_done",
    "run",
    "settings",
    "speech_started",
    "types",
    "updated",
]

WAIT_SECONDS = 10.0
"""For a whole story: only one that fails ever waits for so long."""
FENCE = "input_audio_buffer.clear"
PACKET_MS = 20
PROMPTS = Prompts(apology=b"\x11" * 800, filler=b"\x22" * 480)

Event = dict[str, Any]
Kind = TypeVar("Kind")

CREATED: Event = {"type": "session.created", "session": {"id": "sess_1", "expires_at": 1_800_000}}


def updated(session: Mapping[str, object]) -> Event:
    """The answer to a `session.update`."""
    return {"type": "session.updated", "session": dict(session)}


def response_created(response_id: str = "r1") -> Event:
    return {"type": "response.created", "response": {"id": response_id, "status": "in_progress"}}


def response_done(response_id: str = "r1", status: str = "completed", **fields: object) -> Event:
    return {"type": "response.done", "response": {"id": response_id, "status": status, **fields}}


def delta(
    audio: bytes | str, item_id: str = "i1", response_id: str = "r1", **fields: object
) -> Event:
    """Some audio of an item; text goes as it is in place of base64."""
    text = audio if isinstance(audio, str) else base64.b64encode(audio).decode()
    place = {"response_id": response_id, "item_id": item_id, "content_index": 0, **fields}
    return {"type": "response.output_audio.delta", **place, "delta": text}


def audio_done(item_id: str = "i1", response_id: str = "r1") -> Event:
    place = {"response_id": response_id, "item_id": item_id, "content_index": 0}
    return {"type": "response.output_audio.done", **place}


def speech_started(audio_start_ms: int = 0, item_id: str = "u1") -> Event:
    kind = "input_audio_buffer.speech_started"
    return {"type": kind, "item_id": item_id, "audio_start_ms": audio_start_ms}


def error(code: str, message: str = "no", **fields: object) -> Event:
    return {"type": "error", "error": {"code": code, "message": message, **fields}}


def settings(**fields: Any) -> SessionSettings:
    """Settings by name: also such as the product may not have yet."""
    return SessionSettings(**fields)


def types(events: list[Event]) -> list[str]:
    return [str(event["type"]) for event in events]


def run(story: "Callable[[Rig], Coroutine[Any, Any, None]]") -> None:
    """Tell a story with a new rig; whatever the event loop had to report fails it, too."""

    async def told() -> None:
        rig = Rig()
        reported: list[Mapping[str, Any]] = []
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _loop, context: reported.append(context))
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                await story(rig)
        finally:
            async with asyncio.timeout(WAIT_SECONDS):
                await rig.close()
        assert not reported, reported

    asyncio.run(told())


@dataclass
class Rig:
    """A session, its socket, and the server.

    Attributes:
        peer: The server.
        told: The voice events so far.
        on_event: Takes each of them, too.
    """

    peer: WebSocketPeer = field(default_factory=WebSocketPeer)
    told: list[VoiceEvent] = field(default_factory=list[VoiceEvent])
    on_event: Callable[[VoiceEvent], None] = lambda _event: None

    def __post_init__(self) -> None:
        ids = count(1)
        self._token = lambda: str(next(ids))
        self._links: list[tuple[VoiceLink, asyncio.Event]] = []
        self.renew()

    def renew(self, socket_settings: SocketSettings | None = None) -> None:
        """Take a session and a socket that have seen nothing yet."""
        self.session = RealtimeSession(self._token)
        self.socket = RealtimeSocket(
            self.peer.url, {}, self.session, self._tell, monotonic_ns, socket_settings
        )

    def _tell(self, event: VoiceEvent) -> None:
        self.told.append(event)
        self.on_event(event)

    # ---- our side -----------------------------------------------------------------------------

    async def open(self, *first: Event) -> None:
        """Connect; the server's first message may come right behind its answer."""
        octets = json.dumps(first[0]).encode() if first else b""
        await asyncio.gather(self.socket.connect(), self.peer.accept(octets))

    async def grant(self, wanted: SessionSettings | None = None) -> Event:
        """Connect, ask for a session and have it granted as asked; give the `session.update`."""
        await self.open()
        self.command(Configure(wanted or SessionSettings()))
        return await self.answer_update()

    async def answer_update(self) -> Event:
        """Read the client's `session.update`, grant it, and give it."""
        (update,) = await self.sent()
        await self.says(CREATED, updated(update["session"]))
        return update

    def command(self, *commands: VoiceCommand) -> None:
        for command in commands:
            self.socket.command(command)

    def append(self, audio: bytes) -> int:
        return self.socket.write_audio(self.session.append_message(audio), len(audio))

    def of(self, kind: type[Kind]) -> list[Kind]:
        """Give the events of a kind that came so far."""
        return [event for event in self.told if isinstance(event, kind)]

    async def link(self, plan: VoicePlan, *, accepts: bool = True) -> VoiceLink:
        """Open the engine's way to a plan's server; where it accepts, it has been asked."""
        is_over = asyncio.Event()

        def tell(event: VoiceEvent) -> None:
            self._tell(event)
            if isinstance(event, SessionClosed):
                is_over.set()

        link = VoiceLink(plan, self._token, tell, SocketSettings())
        self._links.append((link, is_over))
        if accepts:
            await self.peer.accept()
        return link

    @property
    def request(self) -> Request:
        """What the server was asked for in the handshake."""
        assert self.peer.request is not None
        return self.peer.request

    # ---- the server's side --------------------------------------------------------------------

    async def says(self, *events: Event) -> None:
        """Have the server say something, and our side have heard it."""
        await self._heard(len(events), self.peer.send(*events))

    async def says_octets(self, *messages: bytes, opcode: Opcode = Opcode.TEXT) -> None:
        """Have the server send messages octet for octet, and our side have heard them."""
        frames = (Frame(opcode, octets).serialize(mask=False) for octets in messages)
        await self._heard(len(messages), self.peer.send_raw(b"".join(frames)))

    async def _heard(self, messages: int, sending: Coroutine[Any, Any, None]) -> None:
        wanted = self.session.counters.messages + messages
        await sending
        await self.until(lambda: self.session.counters.messages >= wanted)

    async def sent(self) -> list[Event]:
        """Give all that the client has sent since the last look."""
        if self.session.owns_audio:
            self.command(ClearAudio())  # it stays behind audio that waits
        else:
            self.socket.send_raw({"type": FENCE})
        found: list[Event] = []
        while True:
            event = json.loads((await self.peer.read(1))[0])
            if event["type"] == FENCE:
                return found
            found.append(event)

    # ---- waiting ------------------------------------------------------------------------------

    async def until(self, is_so: Callable[[], bool]) -> None:
        """Let the loop run until something is so."""
        while not is_so():  # noqa: ASYNC110 - the frame counts set no event
            await asyncio.sleep(0.001)

    async def closed(self) -> SessionClosed:
        """Wait for the end, which is the last event and comes once."""
        await self.until(lambda: bool(self.of(SessionClosed)))
        (closed,) = self.of(SessionClosed)
        assert self.told[-1] is closed
        return closed

    async def close(self) -> None:
        """Hang up on both sides."""
        self.peer.close()
        self.command(Close())
        await self.socket.close()
        for link, is_over in self._links:
            link.close()
            await is_over.wait()


class Talk:
    """A call's half of a session: conversation, playout and ledger, with a far end that listens.

    Attributes:
        rows: What was noted for the event log.
        now_ns: The call's own clock.
        heard: What the far end was sent, packet for packet.
    """

    def __init__(self, rig: Rig, leg: RtpPort | None = None) -> None:
        self.rig = rig
        self.port = leg or port()
        self.rows: list[CallEventBody] = []
        self.heard: list[bytes] = []
        self.now_ns = Nanoseconds(0)
        self.conversation = Conversation(
            VoicePlan(url=rig.peer.url, agent="reception"),
            Outlets(self.rows.append, rig.socket.command, self._append),
            Continuity(AgentTurn(rig.socket.command, PROMPTS.filler), Progress(self.rows.append)),
            epoch=0,
            opened_ns=self.now_ns,
        )
        rig.on_event = self._take

    def _append(self, audio: bytes) -> None:
        self.rig.append(audio)

    def _take(self, event: VoiceEvent) -> None:
        self.conversation.handle_voice_event(event, self.now_ns)

    async def begin(self) -> None:
        """Have the session granted as the plan asks, and the leg joined to it."""
        await self.rig.open()
        self.conversation.join(self.port)
        self.conversation.configure(self.conversation.plan, self.conversation.leg_format)
        await self.rig.answer_update()

    def play(self, packets: int) -> None:
        """Let so many packets' time pass, and the packets go out."""
        for _ in range(packets):
            self.now_ns = Nanoseconds(self.now_ns + PACKET_MS * NS_PER_MS)
            packet = self.port.tick(self.now_ns)
            if packet is not None:
                self.heard.append(packet)

    def noted(self, kind: type[Kind]) -> list[Kind]:
        """Give the rows of a kind that were noted so far."""
        return [row for row in self.rows if isinstance(row, kind)]
