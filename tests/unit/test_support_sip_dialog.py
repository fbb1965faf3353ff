"""The scripted caller keeps the rules of SIP that its judgement rests on."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import cast

import pytest

from tests.support.patience import PATIENCE_SECONDS
from tests.support.ports import LOOPBACK
from tests.support.sip_dialog import (
    Address,
    CallError,
    Dialog,
    Message,
    SipSocket,
    address_of,
    parse,
    uri_of,
)

Answer = Callable[[Message, int], list[str]]
OFFER = "v=0\r\nm=audio 4000 RTP/AVP 0\r\n"


class Peer(asyncio.DatagramProtocol):
    """Answers requests as the test says; it is told how often each came."""

    def __init__(self, answer: Answer) -> None:
        self.seen: list[Message] = []
        self.caller: Address = ("", 0)
        self.address: Address = ("", 0)
        self._arrivals: asyncio.Queue[str] = asyncio.Queue()
        self._answer = answer
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)
        self.address = transport.get_extra_info("sockname")

    def datagram_received(self, data: bytes, addr: Address) -> None:
        message = parse(data)
        assert message is not None
        self.seen.append(message)
        self.caller = addr
        self._arrivals.put_nowait(message.start)
        count = sum(each.start == message.start for each in self.seen)
        for text in self._answer(message, count):
            self.send(text)

    def send(self, text: str) -> None:
        assert self._transport is not None
        self._transport.sendto(text.encode(), self.caller)

    async def meets(self, start: str) -> None:
        """Wait for the next message that starts so."""
        while not (await self._arrivals.get()).startswith(start):
            continue

    def methods(self) -> list[str]:
        return [message.start.split()[0] for message in self.seen]


def response(request: Message, status: str, *extra: str, body: str = "") -> str:
    echoed = ("via", "from", "call-id", "cseq")
    lines = [f"{name}: {value}" for name, value in request.headers if name in echoed]
    return "\r\n".join([f"SIP/2.0 {status}", *lines, *extra]) + "\r\n\r\n" + body


def accepted(request: Message, *extra: str) -> str:
    to = request.get("to").split(";tag")[0] + ";tag=peer"
    return response(request, "200 OK", f"t: {to}", *extra, body=OFFER)


@asynccontextmanager
async def meeting(
    answer: Answer, patience_seconds: float = PATIENCE_SECONDS
) -> AsyncGenerator[tuple[Peer, SipSocket, Dialog]]:
    """Open a peer that answers so, and a dialog toward it."""
    loop = asyncio.get_running_loop()
    at = (LOOPBACK, 0)
    peer_end, peer = await loop.create_datagram_endpoint(lambda: Peer(answer), local_addr=at)
    _, sip = await loop.create_datagram_endpoint(SipSocket, local_addr=at)
    try:
        target = f"sip:agent@{LOOPBACK}:{peer.address[1]}"
        dialog = Dialog(sip, target, "me", lambda: OFFER, patience_seconds=patience_seconds)
        yield peer, sip, dialog
    finally:
        sip.close()
        peer_end.close()
        await asyncio.sleep(0)


def test_a_call_is_made_held_and_ended_within_its_dialog() -> None:
    def answer(message: Message, _count: int) -> list[str]:
        if message.start.startswith("ACK"):
            return []
        at = f"{LOOPBACK}:{message.start.split(':')[2].split()[0].split(';')[0]}"
        routes = [f"Record-Route: <sip:{at};lr;n={n}>" for n in (1, 2)]
        made = accepted(message, f"m: <sip:here@{at};ob>", *routes)
        return [response(message, "180 Ringing"), made]

    async def call() -> Peer:
        async with meeting(answer) as (peer, _, dialog):
            await dialog.invite()
            assert dialog.remote_sdp == OFFER
            await dialog.invite()
            await dialog.bye()
            return peer

    peer = asyncio.run(call())
    assert peer.methods() == ["INVITE", "ACK", "INVITE", "ACK", "BYE"]
    first, acknowledged, *_, bye = peer.seen
    assert first.all("route") == []
    assert [uri_of(route)[-3:] for route in bye.all("route")] == ["n=2", "n=1"]
    assert bye.start == f"BYE sip:here@{LOOPBACK}:{peer.address[1]};ob SIP/2.0"
    assert bye.get("to").endswith(";tag=peer")
    assert [each.get("cseq") for each in peer.seen][2:] == ["2 INVITE", "2 ACK", "3 BYE"]
    assert acknowledged.get("via") != first.get("via")


def test_an_invite_is_repeated_until_heard_and_a_repeated_200_is_acknowledged() -> None:
    def answer(message: Message, count: int) -> list[str]:
        if message.start.startswith("INVITE") and count == 2:
            answers.append(accepted(message))
            return answers
        return answers if count == 1 else []

    async def call() -> Peer:
        async with meeting(answer) as (peer, _, dialog):
            await dialog.invite()
            await peer.meets("ACK")
            await peer.meets("ACK")
            return peer

    answers: list[str] = []
    peer = asyncio.run(asyncio.wait_for(call(), PATIENCE_SECONDS))
    assert peer.methods() == ["INVITE", "INVITE", "ACK", "ACK"]
    assert peer.seen[0].get("via") == peer.seen[1].get("via")


def test_a_refusal_is_acknowledged_in_its_transaction_and_raised() -> None:
    def answer(message: Message, _count: int) -> list[str]:
        if message.start.startswith("ACK"):
            return []
        return [response(message, "486 Busy Here", "To: <sip:a>;tag=x")]

    async def call() -> Peer:
        async with meeting(answer) as (peer, _, dialog):
            with pytest.raises(CallError, match="486 Busy Here"):
                await dialog.invite()
            await peer.meets("ACK")
            return peer

    peer = asyncio.run(call())
    assert peer.methods() == ["INVITE", "ACK"]
    assert peer.seen[0].get("via") == peer.seen[1].get("via")


def test_the_far_end_may_hang_up_and_no_bye_of_ours_follows() -> None:
    async def call() -> Peer:
        async with meeting(lambda m, _: [accepted(m)] if "INVITE" in m.start else []) as (
            peer,
            sip,
            dialog,
        ):
            await dialog.invite()
            bye = f"BYE sip:x SIP/2.0\r\nv: y\r\ni: {dialog.call_id}\r\nCSeq: 1 BYE\r\n\r\n"
            peer.send(bye)
            await dialog.is_ended.wait()
            await dialog.bye()
            assert sip.dialogs == {}
            await peer.meets("SIP/2.0 200")
            return peer

    peer = asyncio.run(asyncio.wait_for(call(), PATIENCE_SECONDS))
    assert "BYE" not in peer.methods()
    assert peer.seen[-1].get("cseq") == "1 BYE"


def test_silence_is_an_error() -> None:
    async def call() -> None:
        async with meeting(lambda _m, _c: [], patience_seconds=0.2) as (_, _, dialog):
            await dialog.invite()

    with pytest.raises(CallError, match="INVITE got no final answer"):
        asyncio.run(call())


def test_addresses_are_found_in_uris() -> None:
    assert uri_of('"A" <sip:a@10.0.0.1:7;ob>;tag=1') == "sip:a@10.0.0.1:7;ob"
    assert uri_of("sip:a@10.0.0.1;tag=1") == "sip:a@10.0.0.1"
    assert address_of("sip:a@10.0.0.1:7;ob") == ("10.0.0.1", 7)
    assert address_of("sip:10.0.0.1;lr") == ("10.0.0.1", 5060)
    assert parse(b"\r\n\r\n") is None
    with pytest.raises(CallError):
        address_of("tel:+1")
