"""An engine that listens at several addresses: each call goes by one of them, in all it says."""

import asyncio
import re
import socket
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import TypeVar

import pytest

from telephony.call import (
    AnswerCall,
    CallCommand,
    CallEvent,
    EngineMessage,
    EngineReport,
    HangUp,
    PlaceCall,
    Prompts,
    VoicePlan,
)
from telephony.engine.engine import Engine
from telephony.engine.link import QueueLink
from telephony.engine.settings import EngineSettings, SipListen
from telephony.sdp import parse_description
from telephony.sip import ListenAddress, Request, Response, SipUri, parse_message
from tests.support.ports import free_range
from tests.support.sip_peer import request, tag_of

FIRST = "127.0.0.1"
SECOND = "127.0.0.2"
V6 = "::1"
ADVERTISED = "192.0.2.7"
WAIT_S = 10.0
KINDS = {"UDP": socket.SOCK_DGRAM, "TCP": socket.SOCK_STREAM}
Message = TypeVar("Message", Request, Response)


class Wire:
    """A socket of a peer, and whole messages on it."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self._got = b""

    async def send(self, text: str) -> None:
        await asyncio.get_running_loop().sock_sendall(self._socket, text.encode())

    async def next(self, kind: type[Message]) -> Message:
        """Give the next message of a kind; of the responses the next final one."""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(WAIT_S):
            while True:
                while not (octets := self._octets_of_message()):
                    self._got += await loop.sock_recv(self._socket, 65_536)
                message = parse_message(self._got[:octets])
                self._got = self._got[octets:]
                is_provisional = isinstance(message, Response) and message.status < 200
                if isinstance(message, kind) and not is_provisional:
                    return message

    def _octets_of_message(self) -> int:
        head, end, body = self._got.partition(b"\r\n\r\n")
        length = re.search(rb"Content-Length: *([0-9]+)", head) if end else None
        if length is None or len(body) < int(length[1]):
            return 0
        return len(head) + len(end) + int(length[1])


class App:
    """An engine at some addresses, and the app's end of its link."""

    def __init__(self, hosts: tuple[str, ...], advertise: str | None) -> None:
        first = free_range(8)
        self._news: asyncio.Queue[CallEvent] = asyncio.Queue()
        self.link = QueueLink(self.take)
        self.addresses: list[ListenAddress] = []
        settings = EngineSettings(
            engine_id="e1",
            sip=tuple(
                SipListen(transport=transport, host=host, port=0)
                for host in hosts
                for transport in ("UDP", "TCP")
            ),
            rtp_ports=(first, first + 7),
            connect_seconds=1,
            advertise=advertise,
        )
        self.engine = Engine(
            settings, self.link, Prompts(apology=b"\x11" * 80_000, filler=b"\x22" * 80)
        )

    def take(self, message: EngineMessage) -> None:
        if not isinstance(message, EngineReport):
            self._news.put_nowait(message)

    async def row(self, kind: str) -> CallEvent:
        async with asyncio.timeout(WAIT_S):
            while (row := await self._news.get()).type != kind:
                pass
        return row

    def port(self, transport: str, host: str) -> int:
        return next(at.port for at in self.addresses if at[:2] == (transport, host))


@asynccontextmanager
async def running(hosts: tuple[str, ...], advertise: str | None = None) -> AsyncGenerator[App]:
    app = App(hosts, advertise)
    app.addresses = await app.engine.start()
    serving = asyncio.ensure_future(app.engine.serve())
    try:
        yield app
    finally:
        app.link.close()
        await serving
        await app.engine.stop(0.1)


def run(main: Callable[[], Coroutine[None, None, None]]) -> None:
    asyncio.run(asyncio.wait_for(main(), 2 * WAIT_S))


def make_socket(transport: str, host: str) -> socket.socket:
    sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, KINDS[transport])
    sock.setblocking(False)
    return sock


def written(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def sdp(host: str) -> bytes:
    family = "IP6" if ":" in host else "IP4"
    return (
        f"v=0\r\no=p 1 1 IN {family} {host}\r\ns=-\r\nc=IN {family} {host}\r\nt=0 0\r\n"
        f"m=audio 9 RTP/AVP 0\r\n"
    ).encode()


def media_of(message: Request | Response) -> tuple[str, int]:
    """Give the address and the port that a description names."""
    described = parse_description(message.body)
    address = re.search(rb"c=IN IP[46] (\S+)", message.body)
    assert address is not None
    return address[1].decode(), described.media[0].port


def assert_contact(message: Request | Response, host: str, port: int) -> None:
    contact = message.contact
    assert contact is not None
    assert isinstance(contact.uri, SipUri)
    assert (contact.uri.host, contact.uri.port) == (host, port)


def assert_bound(host: str, port: int) -> None:
    with make_socket("UDP", host) as probe, pytest.raises(OSError, match="in use"):
        probe.bind((host, port))


@pytest.mark.parametrize("transport", ["UDP", "TCP"])
@pytest.mark.parametrize(
    ("hosts", "called", "advertise"),
    [
        ((FIRST, SECOND), FIRST, None),
        ((FIRST, SECOND), SECOND, None),
        ((FIRST, SECOND), SECOND, ADVERTISED),
        ((FIRST, V6), FIRST, None),
        ((FIRST, V6), V6, None),
    ],
)
def test_a_call_goes_by_the_address_it_came_to(
    hosts: tuple[str, ...], called: str, advertise: str | None, transport: str
) -> None:
    async def main() -> None:
        async with running(hosts, advertise) as app:
            port = app.port(transport, called)
            named = advertise or called
            with make_socket(transport, called) as sock:
                await asyncio.get_running_loop().sock_connect(sock, (called, port))
                here, here_port = sock.getsockname()[:2]
                contact = f"<sip:peer@{written(here)}:{here_port};transport={transport.lower()}>"
                via = f"SIP/2.0/{transport} {written(here)}:{here_port}"
                wire = Wire(sock)
                await wire.send(request("INVITE", via=via, contact=contact, body=sdp(here)))
                call_id = (await app.row("call.incoming")).call_id
                plan = VoicePlan(url=f"ws://{FIRST}:9", agent="reception")
                app.link.command(CallCommand(call_id=call_id, body=AnswerCall(plan=plan)))

                ok = await wire.next(Response)
                assert ok.status == 200
                assert_contact(ok, named, port)
                address, rtp_port = media_of(ok)
                assert address == named
                assert_bound(called, rtp_port)

                tag = tag_of(ok.headers.get("To"))
                await wire.send(request("ACK", branch="z9hG4bK-2", via=via, to_tag=tag))
                app.link.command(CallCommand(call_id=call_id, body=HangUp(cause="enough")))
                bye = await wire.next(Request)
                assert (bye.method, bye.via.host, bye.via.port) == ("BYE", named, port)

    run(main)


@pytest.mark.parametrize("transport", ["UDP", "TCP"])
@pytest.mark.parametrize(
    ("hosts", "target"),
    [((SECOND, FIRST), FIRST), ((FIRST, SECOND), FIRST), ((FIRST, V6), FIRST), ((FIRST, V6), V6)],
)
def test_a_call_we_place_goes_by_the_address_that_leads_there(
    hosts: tuple[str, ...], target: str, transport: str
) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        async with running(hosts) as app:
            with make_socket(transport, target) as sock:
                sock.bind((target, 0))
                if transport == "TCP":
                    sock.listen()
                where = f"{written(target)}:{sock.getsockname()[1]};transport={transport.lower()}"
                order = PlaceCall(target=f"sip:desk@{where}")
                app.link.command(CallCommand(call_id="mine", body=order))
                accepted = (await loop.sock_accept(sock))[0] if transport == "TCP" else sock
                with accepted:
                    accepted.setblocking(False)
                    invite = await Wire(accepted).next(Request)
                port = app.port(transport, target)
                assert (invite.via.host, invite.via.port) == (target, port)
                assert_contact(invite, target, port)
                address, rtp_port = media_of(invite)
                assert address == target
                assert_bound(target, rtp_port)

    run(main)
