"""The engine in one process with its app, over loopback: who is let in, and what each is told."""

import asyncio
import gc
import json
import socket
import subprocess
import sys
import weakref
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast

import pytest
from structlog.testing import capture_logs

from telephony.call import (
    AnswerCall,
    Call,
    CallCommand,
    CallCommandBody,
    CallEvent,
    EngineMessage,
    EngineReport,
    HangUp,
    PlaceCall,
    Prompts,
    RejectCall,
    RingCall,
    SipLeg,
    VoicePlan,
)
from telephony.engine.engine import Engine
from telephony.engine.engine_call import EngineCall
from telephony.engine.link import QueueLink
from telephony.engine.settings import EngineSettings, SipListen
from telephony.sdp import parse_description
from telephony.sip import Response, parse_message
from tests.support.child import ROOT, child_environment
from tests.support.ports import LOOPBACK, free_range
from tests.support.sip_peer import request, tag_of

PROMPTS = Prompts(apology=b"\x11" * 800, filler=b"\x22" * 480)
WAIT_S = 30.0
FLOOD = 24


class App:
    """An engine and the app's end of its link."""

    def __init__(self, settings: EngineSettings) -> None:
        self.settings = settings
        self.rows: list[CallEvent] = []
        self.reports: list[EngineReport] = []
        self._news = asyncio.Event()
        self.link = QueueLink(self.take)
        self.engine = Engine(settings, self.link, PROMPTS)
        self.port = 0

    def take(self, message: EngineMessage) -> None:
        if isinstance(message, EngineReport):
            self.reports.append(message)
        else:
            self.rows.append(message)
        self._news.set()

    def command(self, call_id: str, body: CallCommandBody) -> None:
        self.link.command(CallCommand(call_id=call_id, body=body))

    async def row(self, kind: str, number: int = 1) -> CallEvent:
        """Wait for the n-th row of a type."""
        async with asyncio.timeout(WAIT_S):
            while len(found := [row for row in self.rows if row.type == kind]) < number:
                self._news.clear()
                await self._news.wait()
        return found[number - 1]

    async def report(self, number: int) -> None:
        """Wait for the n-th report; one comes each second."""
        async with asyncio.timeout(WAIT_S):
            while len(self.reports) < number:
                self._news.clear()
                await self._news.wait()


@asynccontextmanager
async def running(**changes: object) -> AsyncGenerator[App]:
    """Run an engine on loopback."""
    first = free_range(8)
    defaults: dict[str, object] = {
        "engine_id": "e1",
        "sip": (SipListen(transport="UDP", host=LOOPBACK, port=0),),
        "rtp_ports": (first, first + 7),
        "connect_seconds": 1,
    }
    app = App(EngineSettings.model_validate(defaults | changes))
    addresses = await app.engine.start()
    app.port = addresses[0].port
    serving = asyncio.ensure_future(app.engine.serve())
    try:
        yield app
    finally:
        app.link.close()
        await serving
        await app.engine.stop(0.1)


class Peer(asyncio.DatagramProtocol):
    """A caller that writes its own messages."""

    def __init__(self) -> None:
        self._got: asyncio.Queue[bytes] = asyncio.Queue()
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # Python 3.11's transport is one, but does not say so.
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        del addr
        self._got.put_nowait(data)

    def send(self, text: str) -> None:
        assert self._transport is not None
        self._transport.sendto(text.encode())

    async def response(self) -> Response:
        """Give the next final response."""
        async with asyncio.timeout(WAIT_S):
            while True:
                message = parse_message(await self._got.get())
                if isinstance(message, Response) and message.status >= 200:
                    return message

    def close(self) -> None:
        assert self._transport is not None
        self._transport.close()


@asynccontextmanager
async def peer_of(app: App, host: str = LOOPBACK) -> AsyncGenerator[Peer]:
    loop = asyncio.get_running_loop()
    _, peer = await loop.create_datagram_endpoint(Peer, remote_addr=(host, app.port))
    try:
        yield peer
    finally:
        peer.close()


def address_of_ours() -> str | None:
    """Give an IPv4 address of this machine that is not loopback; nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return None
        host = str(probe.getsockname()[0])
    return None if host.startswith("127.") else host


def sdp(codec: str = "0", address: str = LOOPBACK) -> bytes:
    family = "IP6" if ":" in address else "IP4"
    return (
        f"v=0\r\no=p 1 1 IN IP4 {LOOPBACK}\r\ns=-\r\nc=IN {family} {address}\r\nt=0 0\r\n"
        f"m=audio 9 RTP/AVP {codec}\r\n"
    ).encode()


def invite(number: int = 1, body: bytes | None = None, extra: str = "") -> str:
    return request(
        "INVITE",
        branch=f"z9hG4bK-{number}",
        call_id=f"call-{number}",
        via=f"SIP/2.0/UDP {LOOPBACK}:9",
        contact=f"<sip:peer@{LOOPBACK}:9>",
        body=sdp() if body is None else body,
        extra=extra,
    )


def run(main: Callable[[], Coroutine[None, None, None]]) -> None:
    asyncio.run(asyncio.wait_for(main(), 60))


def plan_to_nowhere() -> VoicePlan:
    return VoicePlan(url=f"ws://{LOOPBACK}:9", agent="reception")


def test_a_call_comes_in_and_the_app_decides() -> None:
    async def main() -> None:
        async with running() as app, peer_of(app) as peer:
            peer.send(invite(extra="X-Account: 4711\nUser-Agent: test"))
            incoming = await app.row("call.incoming")
            told = incoming.payload.model_dump()
            assert incoming.call_id.startswith("e1")
            assert (told["number"], told["caller"]) == ("agent", "peer")
            assert told["headers"] == (("X-Account", "4711"),)
            assert "blind_transfer" in told["capabilities"]
            app.command(incoming.call_id, RejectCall(status=486))
            assert (await peer.response()).status == 486
            ended = await app.row("call.ended")
            assert (incoming.seq, ended.seq) == (0, 1)

    run(main)


def test_a_caller_whose_voice_server_is_absent_hears_an_apology_then_bye() -> None:
    async def main() -> None:
        async with running() as app, peer_of(app) as peer:
            peer.send(invite())
            incoming = await app.row("call.incoming")
            app.command(incoming.call_id, AnswerCall(plan=plan_to_nowhere()))
            answered = await peer.response()
            assert answered.status == 200
            tag = tag_of(answered.headers.get("To"))
            peer.send(request("ACK", branch="z9hG4bK-a", call_id="call-1", to_tag=tag))
            ended = (await app.row("call.ended")).payload.model_dump()
            assert ended["by"] == "failure"
            assert "voice session was lost" in ended["cause"]
            assert ended["counters"]["rtp_sent"] >= 5, "100 ms of apology"
            assert [row.seq for row in app.rows] == list(range(len(app.rows)))

    run(main)


def test_a_source_that_nobody_vouches_for_is_forbidden() -> None:
    host = address_of_ours()
    if host is None:
        pytest.skip("this machine has no address but loopback")

    async def main() -> None:
        listen = (SipListen(transport="UDP", host="0.0.0.0", port=0),)  # noqa: S104
        async with running(sip=listen) as app, peer_of(app, host) as peer:
            for number in range(FLOOD):
                peer.send(invite(number))
                assert (await peer.response()).status == 403
            assert app.rows == []
            assert app.engine.counters["calls_forbidden"] == FLOOD
            lines = [line for line in logged if "source not allowed" in line["event"]]
            assert [line["count"] for line in lines] == [1, 2, 3, 4, 5, 10]
            assert {(line["fault"], line["source"]) for line in lines} == {("peer", host)}
        network = f"{host}/32"
        async with (
            running(sip=listen, allowed_sources=(network,)) as app,
            peer_of(app, host) as peer,
        ):
            peer.send(invite())
            await app.row("call.incoming")

    with capture_logs() as logged:
        run(main)


def test_a_call_that_comes_in_may_ring_longer_than_one_of_ours() -> None:
    async def main() -> None:
        async with running(ring_seconds=0.001) as app, peer_of(app) as peer:
            peer.send(invite())
            incoming = await app.row("call.incoming")
            app.command(incoming.call_id, RingCall(seconds=90))
            await app.report(2)
            app.command(incoming.call_id, RejectCall(status=486))
            assert (await peer.response()).status == 486

    run(main)


def test_a_call_beyond_the_capacity_is_sent_away_for_five_seconds() -> None:
    async def main() -> None:
        async with running(max_calls=1) as app, peer_of(app) as peer:
            peer.send(invite(1))
            await app.row("call.incoming")
            peer.send(invite(2))
            refused = await peer.response()
            assert (refused.status, refused.headers.get("Retry-After")) == (503, "5")
            assert app.engine.counters["calls_over_capacity"] == 1
            assert app.engine.counters["calls"] == 1

    run(main)


@pytest.mark.parametrize(
    ("body", "status", "warning"),
    [
        (sdp("18"), 488, "305"),
        (sdp(address="2001:db8::1"), 488, "301"),
        (b"v=0\r\no=p 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n", 488, "304"),
        (b"what?", 400, None),
    ],
)
def test_a_call_without_common_audio_is_told_why(
    body: bytes, status: int, warning: str | None
) -> None:
    async def main() -> None:
        async with running() as app, peer_of(app) as peer:
            peer.send(invite(body=body))
            refused = await peer.response()
            assert refused.status == status
            told = refused.headers.get("Warning")
            assert told is None if warning is None else str(told).startswith(f"{warning} telephony")
            assert app.rows == []
            assert app.engine.counters["calls_not_acceptable"] == 1

    run(main)


def test_a_call_without_a_port_left_is_sent_away_and_ports_come_back() -> None:
    async def main() -> None:
        first = free_range(2)
        async with running(rtp_ports=(first, first + 1)) as app, peer_of(app) as peer:
            peer.send(invite(1))
            incoming = await app.row("call.incoming")
            peer.send(invite(2))
            assert (await peer.response()).status == 503
            app.command(incoming.call_id, RejectCall(status=486))
            assert (await peer.response()).status == 486
            peer.send(invite(3))
            await app.row("call.incoming", 2)

    run(main)


def test_a_command_that_does_not_fit_is_noted_in_the_log_of_the_call() -> None:
    async def main() -> None:
        async with running() as app, peer_of(app) as peer:
            app.command("nobody", HangUp())
            peer.send(invite())
            incoming = await app.row("call.incoming")
            app.command(incoming.call_id, HangUp(after_words=True))
            trouble = (await app.row("trouble")).payload.model_dump()
            assert trouble["code"] == "command.refused"
            assert "RECEIVED" in trouble["text"]
            assert app.engine.counters["commands_for_no_call"] == 1

    run(main)


def test_one_engine_calls_another_and_hangs_up() -> None:
    async def main() -> None:
        async with running() as here, running(engine_id="e2") as there:
            here.command("mine", PlaceCall(target=f"sip:desk@{LOOPBACK}:{there.port}"))
            incoming = await there.row("call.incoming")
            there.command(incoming.call_id, AnswerCall(plan=plan_to_nowhere()))
            answered = await here.row("call.answered")
            assert answered.call_id == "mine"
            here.command("mine", HangUp(cause="enough"))
            assert (await here.row("call.ended")).payload.model_dump()["cause"] == "enough"
            assert (await there.row("call.ended")).payload.model_dump()["by"] == "remote"

    run(main)


@pytest.mark.parametrize("target", ["next door", "sip:desk@192.0.2.1:99999999"])
def test_a_call_that_cannot_be_placed_is_reported(target: str) -> None:
    async def main() -> None:
        async with running() as app:
            app.command("mine", PlaceCall(target=target))
            ended = await app.row("call.ended")
            assert [row.type for row in app.rows] == ["trouble", "call.ended"]
            assert (ended.seq, ended.call_id) == (1, "mine")
            assert ended.payload.model_dump()["by"] == "failure"

    run(main)


def test_a_call_beyond_the_capacity_is_not_placed() -> None:
    async def main() -> None:
        async with running(max_calls=1) as app, peer_of(app) as peer:
            peer.send(invite())
            await app.row("call.incoming")
            app.command("mine", PlaceCall(target=f"sip:desk@{LOOPBACK}:{app.port}"))
            ended = await app.row("call.ended")
            assert (ended.call_id, ended.seq) == ("mine", 1)
            assert "limits.calls" in ended.payload.model_dump()["cause"]
            assert app.engine.counters["calls_over_capacity"] == 1
            assert app.engine.counters["calls"] == 1

    run(main)


def test_an_id_that_a_call_has_names_no_other() -> None:
    async def main() -> None:
        async with running() as app, peer_of(app) as peer:
            peer.send(invite())
            incoming = await app.row("call.incoming")
            app.command(incoming.call_id, PlaceCall(target=f"sip:desk@{LOOPBACK}:{app.port}"))
            trouble = (await app.row("trouble")).payload.model_dump()
            assert (trouble["code"], trouble["fault"]) == ("command.refused", "ours")
            assert incoming.call_id in trouble["text"]
            app.command(incoming.call_id, RejectCall(status=486))
            assert (await peer.response()).status == 486, "the first call is still there"
            await app.row("call.ended")
            assert app.engine.counters["calls"] == 1

    run(main)


def test_garbage_is_counted_and_answered_nowhere() -> None:
    async def main() -> None:
        async with running() as app, peer_of(app) as peer:
            for _ in range(20):
                peer.send("\x00\x01garbage")
            peer.send(invite())
            await app.row("call.incoming")
            assert app.engine.counters["sip_rejected"] == 20

    run(main)


def test_an_engine_that_stops_refuses_what_rings() -> None:
    async def main() -> None:
        async with running() as app, peer_of(app) as peer:
            peer.send(invite())
            await app.row("call.incoming")
            await app.engine.stop(0.1)
            assert (await peer.response()).status == 480
            assert (await app.row("call.ended")).payload.model_dump()["by"] == "local"

    run(main)


def test_a_call_that_is_over_leaves_no_memory_behind() -> None:
    async def main() -> None:
        async with running() as app, peer_of(app) as peer:
            peer.send(invite())
            incoming = await app.row("call.incoming")
            gc.collect()  # what other tests left behind is not this one's
            parts = (Call, EngineCall, SipLeg)
            calls = [weakref.ref(one) for one in gc.get_objects() if isinstance(one, parts)]
            gc.disable()
            try:
                app.command(incoming.call_id, AnswerCall(plan=plan_to_nowhere()))
                answered = await peer.response()
                tag = tag_of(answered.headers.get("To"))
                peer.send(request("ACK", branch="z9hG4bK-a", call_id="call-1", to_tag=tag))
                await app.row("call.ended")
                assert calls
                for _ in range(int(WAIT_S * 100)):
                    if all(ref() is None for ref in calls):
                        break
                    await asyncio.sleep(0.01)
                assert [ref() for ref in calls] == [None] * len(calls)
            finally:
                gc.enable()

    run(main)


def test_packets_that_came_before_the_bye_are_counted() -> None:
    async def main() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as rtp:
            rtp.bind((LOOPBACK, 0))
            body = sdp().replace(b"m=audio 9 ", b"m=audio %d " % rtp.getsockname()[1])
            async with running() as app, peer_of(app) as peer:
                peer.send(invite(body=body))
                incoming = await app.row("call.incoming")
                app.command(incoming.call_id, AnswerCall(plan=None))
                answered = await peer.response()
                tag = tag_of(answered.headers.get("To"))
                peer.send(request("ACK", branch="z9hG4bK-a", call_id="call-1", to_tag=tag))
                await app.row("call.answered")
                ours = parse_description(answered.body).media[0].port
                for number in range(5):
                    head = bytes([0x80, 0]) + number.to_bytes(2, "big")
                    times = (160 * number).to_bytes(4, "big") + b"ssrc"
                    rtp.sendto(head + times + bytes(160), (LOOPBACK, ours))
                bye = request("BYE", branch="z9hG4bK-b", call_id="call-1", to_tag=tag, cseq=2)
                peer.send(bye)
                ended = await app.row("call.ended")
                counters = ended.payload.model_dump()["counters"]
                assert counters["rtp_received"] == 5

    run(main)


def test_a_fault_in_one_call_ends_that_call_and_no_other() -> None:
    class Broken(bytes):
        """A prompt that no leg can play."""

        def __bool__(self) -> bool:
            raise RuntimeError("broken prompt")

    async def main() -> None:
        async with running() as app, peer_of(app) as peer:
            broken = Engine(app.settings, QueueLink(app.take), Prompts(Broken(b"x"), b""))
            addresses = await broken.start()
            app.port = addresses[0].port
            try:
                async with peer_of(app) as other:
                    other.send(invite())
                    incoming = await app.row("call.incoming")
                    answer = AnswerCall(plan=plan_to_nowhere())
                    broken.handle_command(CallCommand(call_id=incoming.call_id, body=answer))
                    answered = await other.response()
                    assert answered.status == 200
                    ended = await app.row("call.ended")
                    assert ended.payload.model_dump()["cause"] == "internal fault"
                    other.send(invite(2))
                    await app.row("call.incoming", 2)
            finally:
                await broken.stop(0.1)
            del peer

    run(main)


def engine_process(folder: Path, settings: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "telephony.engine", str(folder / "none")],
        input=settings + "\n",
        capture_output=True,
        text=True,
        timeout=60,
        cwd=ROOT,
        env=child_environment(),
        check=False,
    )


def test_an_engine_process_without_an_app_says_so_in_one_line(tmp_path: Path) -> None:
    settings = EngineSettings(engine_id="e1", sip=())
    ended = engine_process(tmp_path, settings.model_dump_json())
    assert ended.returncode == 1
    assert json.loads(ended.stdout)["error"].startswith(f"no app at {tmp_path}/none: ")


def test_settings_that_are_no_settings_are_said_in_one_line(tmp_path: Path) -> None:
    ended = engine_process(tmp_path, '{"engine_id": 1}')
    assert ended.returncode == 1
    assert "engine_id" in json.loads(ended.stdout)["error"]
