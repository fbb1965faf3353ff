"""Plays recorded calls in real time: a small SIP caller, real sockets, a running engine.

The caller offers what the recorded one offered and sends its RTP datagrams, octet for octet, at the
times of the capture. Engine, app and embedded server share this process and its event loop; what
passes between them passes through loopback sockets and the engine's own queue.
"""

import asyncio
import re
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import cast

from telephony.app.local_server import LocalServer
from telephony.call import (
    CallCommand,
    CallEnded,
    CallEvent,
    CallIncoming,
    EngineReport,
    decode_event,
    encode,
)
from telephony.engine.engine import Engine
from telephony.engine.link import QueueLink
from telephony.engine.prompts import load_prompts
from telephony.engine.settings import EngineSettings, SipListen
from telephony.local import Speaker, Voice
from tests.support.expectations import agent
from tests.support.hearing import RtpPacket, in_order, parse_rtp
from tests.support.patience import PATIENCE_SECONDS
from tests.support.pcap import Datagram
from tests.support.ports import LOOPBACK, bind_even_pair, free_range
from tests.support.recordings import RecordedCall
from tests.support.sip_dialog import Dialog, SipSocket

__all__ = ["SocketCall", "play_over_sockets"]

Address = tuple[str, int]

RTP_PORTS = 200


@dataclass(slots=True)
class SocketCall:
    """What came of a call.

    Attributes:
        rows: Its event log, and when each row reached the app.
        origin_ns: When the caller sent its first RTP packet, on the same clock.
        heard: The agent's RTP as the caller got it.
        late_ms: How late the caller's latest packet left: this process was that busy.
        ended: Set with the last row.
    """

    rows: list[tuple[int, CallEvent]] = field(default_factory=list[tuple[int, CallEvent]])
    origin_ns: int = 0
    heard: list[RtpPacket] = field(default_factory=list[RtpPacket])
    late_ms: float = 0.0
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def stream(self) -> bytes:
        """The agent's audio, in the order of its packets."""
        return b"".join(packet.payload for packet in in_order(self.heard))


async def play_over_sockets(recordings: Sequence[RecordedCall]) -> list[SocketCall]:
    """Play recordings, all at once, to one engine; give what came of each."""
    server = LocalServer(Speaker(Voice.load()))
    app = _App(await server.start(LOOPBACK, 0))
    first = free_range(RTP_PORTS)
    settings = EngineSettings(
        engine_id="replay",
        sip=(SipListen(transport="UDP", host=LOOPBACK, port=0),),
        rtp_ports=(first, first + RTP_PORTS - 1),
    )
    engine = Engine(settings, app.link, load_prompts())
    (listen,) = await engine.start()
    serving = asyncio.create_task(engine.serve())
    _, sip = await asyncio.get_running_loop().create_datagram_endpoint(
        SipSocket, local_addr=(LOOPBACK, 0)
    )
    target = f"sip:agent@{listen.host}:{listen.port}"
    try:
        callers = [_Caller(sip, target, recorded, app) for recorded in recordings]
        async with asyncio.TaskGroup() as calls:
            for caller in callers:
                calls.create_task(caller.run())
    finally:
        app.link.close()
        await serving
        await engine.stop()
        sip.close()
        await server.close()
    return [caller.result for caller in callers]


class _App:
    """The app's side of the engine's queue."""

    def __init__(self, url: str) -> None:
        self.link = QueueLink(self._take)
        self._decide = agent(url)
        self._awaited: dict[str, SocketCall] = {}
        self._calls: dict[str, SocketCall] = {}

    def expect(self, sip_call_id: str, call: SocketCall) -> None:
        """Put the log of the call with this Call-ID there."""
        self._awaited[sip_call_id] = call

    def _take(self, event: CallEvent | EngineReport) -> None:
        event = decode_event(encode(event))
        if isinstance(event, EngineReport):
            return
        if isinstance(event.payload, CallIncoming):
            self._calls[event.call_id] = self._awaited.pop(event.payload.sip_call_id or "")
        call = self._calls[event.call_id]
        call.rows.append((time.monotonic_ns(), event))
        body = self._decide(event)
        if body is not None:
            self.link.command(CallCommand(call_id=event.call_id, body=body))
        if isinstance(event.payload, CallEnded):
            call.ended.set()


class _Caller(asyncio.DatagramProtocol):
    """Says again what a recorded caller said."""

    def __init__(self, sip: SipSocket, target: str, recorded: RecordedCall, app: _App) -> None:
        self.result = SocketCall()
        self._rtp, self._rtcp = bind_even_pair()
        self._recorded = recorded
        offer = re.sub(
            r"(?m)^m=audio \d+ ", f"m=audio {self._rtp.getsockname()[1]} ", recorded.offer
        )
        self._dialog = Dialog(sip, target, f"caller{secrets.token_hex(3)}", lambda: offer)
        app.expect(self._dialog.call_id, self.result)
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: Address) -> None:
        packet = parse_rtp(Datagram(time.monotonic_ns(), addr, ("", 0), data))
        if packet is not None:
            self.result.heard.append(packet)

    async def run(self) -> None:
        """Call, send everything at its time, hang up when the recorded caller did."""
        loop = asyncio.get_running_loop()
        await loop.create_datagram_endpoint(lambda: self, sock=self._rtp)
        try:
            await self._dialog.invite()
            port = re.search(r"(?m)^m=audio (\d+) ", self._dialog.remote_sdp)
            assert port is not None
            await self._send((LOOPBACK, int(port[1])))
            await self._dialog.bye()
            await asyncio.wait_for(self.result.ended.wait(), PATIENCE_SECONDS)
        finally:
            self._rtcp.close()
            assert self._transport is not None
            self._transport.close()

    async def _send(self, destination: Address) -> None:
        assert self._transport is not None
        began_ns = self.result.origin_ns = time.monotonic_ns()
        datagrams = self._recorded.to_agent()
        end_ns = self._recorded.bye_ns
        for datagram in datagrams:
            if datagram.time_ns >= end_ns:
                break
            due_ns = began_ns + datagram.time_ns - datagrams[0].time_ns
            await _until(due_ns)
            late_ms = (time.monotonic_ns() - due_ns) / 1e6
            self.result.late_ms = max(self.result.late_ms, late_ms)
            self._transport.sendto(datagram.payload, destination)
        await _until(began_ns + end_ns - datagrams[0].time_ns)


async def _until(time_ns: int) -> None:
    delay_ns = time_ns - time.monotonic_ns()
    if delay_ns > 0:
        await asyncio.sleep(delay_ns / 1e9)
