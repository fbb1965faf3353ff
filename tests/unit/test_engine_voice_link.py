"""A call's way to its voice session: which address, what waits, and how it ends unopened."""

import asyncio
from collections.abc import Callable, Coroutine
from itertools import count

from telephony.call import VoicePlan
from telephony.engine.realtime_socket import SocketSettings
from telephony.engine.uplink_writer import UplinkLimits
from telephony.engine.voice_link import VoiceLink
from telephony.voice import (
    AddText,
    Configure,
    SessionClosed,
    SessionOpened,
    SessionSettings,
    VoiceEvent,
)
from tests.support.websocket_peer import WebSocketPeer

OPENED = {"type": "session.created", "session": {"id": "s1"}}


class Line:
    """A link, its server, and what it told."""

    def __init__(self, settings: SocketSettings, url: str | None = None) -> None:
        ids = count(1)
        self.peer = WebSocketPeer(receive_buffer=4096)
        self.told: list[VoiceEvent] = []
        self._news: asyncio.Queue[VoiceEvent] = asyncio.Queue()
        plan = VoicePlan(
            url=url or self.peer.url,
            headers=(("Authorization", "Bearer sk-secret"),),
            agent="reception",
            model="big model/1",
        )
        self.link = VoiceLink(plan, lambda: str(next(ids)), self.tell, settings)

    def tell(self, event: VoiceEvent) -> None:
        self.told.append(event)
        self._news.put_nowait(event)

    async def told_next(self) -> VoiceEvent:
        """Give the next event, once it is told."""
        return await self._news.get()


def run(
    story: Callable[[Line], Coroutine[None, None, None]],
    settings: SocketSettings | None = None,
    url: str | None = None,
) -> None:
    async def told() -> None:
        line = Line(settings or SocketSettings(connect_seconds=2.0), url)
        try:
            await story(line)
        finally:
            line.peer.close()

    asyncio.run(asyncio.wait_for(told(), 30.0))


def test_the_model_is_asked_for_in_the_url_and_the_key_in_a_header() -> None:
    async def story(line: Line) -> None:
        await line.peer.accept()
        assert line.peer.request is not None
        assert line.peer.request.path == "/v1/realtime?model=big%20model%2F1"
        assert line.peer.request.headers["Authorization"] == "Bearer sk-secret"

    run(story)


def test_commands_given_at_once_arrive_in_order() -> None:
    async def story(line: Line) -> None:
        line.link.tell(Configure(SessionSettings()))
        line.link.tell(AddText("[keys 1#]"))
        await line.peer.accept()
        first, second = await line.peer.read(2)
        assert b'"session.update"' in first
        assert b"[keys 1#]" in second
        await line.peer.send(OPENED)
        assert await line.told_next() == SessionOpened("s1")

    run(story)


def test_a_close_before_it_is_open_is_told_at_once_and_once() -> None:
    async def story(line: Line) -> None:
        await line.peer.take_connection()
        line.link.close()
        assert [type(event) for event in line.told] == [SessionClosed]
        line.link.close()
        await asyncio.sleep(0.01)
        assert len(line.told) == 1
        assert await asyncio.get_running_loop().sock_recv(line.peer.connection, 9) in (
            b"",
            b"GET /v1/r",
        )

    run(story)


def test_a_close_once_it_is_open_is_a_clean_one() -> None:
    async def story(line: Line) -> None:
        await line.peer.accept(b'{"type":"session.created","session":{"id":"s1"}}')
        await line.told_next()
        line.link.close()
        await line.peer.finish()
        closed = await line.told_next()
        assert isinstance(closed, SessionClosed)
        assert closed.is_clean

    run(story)


def test_a_server_that_cannot_be_reached_closes_the_session() -> None:
    async def story(line: Line) -> None:
        closed = await line.told_next()
        assert isinstance(closed, SessionClosed)
        assert (closed.is_clean, closed.code) == (False, 1006)
        assert "127.0.0.1:1" in closed.reason
        line.link.close()
        assert len(line.told) == 1

    run(story, url="ws://127.0.0.1:1/")


def test_appends_dropped_while_the_server_reads_nothing_are_counted_with_those_that_wait() -> None:
    async def story(line: Line) -> None:
        assert line.link.append(bytes(960)) == 0
        await line.peer.accept()
        await line.peer.send(OPENED)
        await line.told_next()
        sent = dropped = 0
        while dropped < 20:
            dropped += line.link.append(bytes(960))
            sent += 1
        assert 0 < line.link.waiting_appends <= sent - dropped
        assert line.link.waiting_appends <= 100 / 20 + 1

    run(story, SocketSettings(uplink=UplinkLimits(backlog_ms=100)))
