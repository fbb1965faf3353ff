"""Hosted calls in a running engine: a real WebSocket to the embedded server, which holds the call.

The embedded server refuses whatever an attached client may not send; a refusal would stand in the
call's log as a trouble, so a log without one shows that nothing of the kind was sent.
"""

import asyncio
import json
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, cast

import pytest

from telephony.app.local_hosted import LocalHostedCall
from telephony.app.local_server import LocalServer
from telephony.call import (
    AttachHosted,
    CallCommand,
    CallCommandBody,
    CallEvent,
    ConfigureAgent,
    EngineMessage,
    EngineReport,
    GiveToolResult,
    HangUp,
    HostedActDone,
    Prompts,
    ReceiveHosted,
    RejectCall,
    StartTransfer,
    ToolDeclared,
    VoicePlan,
    decode_command,
    decode_event,
    encode,
)
from telephony.engine.engine import Engine
from telephony.engine.link import QueueLink
from telephony.engine.settings import EngineSettings, SipListen
from telephony.local import Speaker
from telephony.realtime import accept_body, write_event
from telephony.voice import SessionSettings, ToolDeclaration
from telephony_codecs import encode_pcmu
from telephony_codecs.tones import Tone, ToneSource
from tests.support.local_client import tiny_voice
from tests.support.ports import LOOPBACK, free_range

WAIT_S = 15.0
HOSTED_ID = "rtc_1/2&x"
TARGET = "sip:200@pbx.example.com"
NO_ARGUMENTS: dict[str, Any] = {"type": "object", "properties": {}, "required": []}
TOOL = ToolDeclared(name="opening_hours", description="", parameters=NO_ARGUMENTS)
WORDS = encode_pcmu(ToneSource(Tone(((300, -10), (450, -14))), 8_000).read(4_800))


class Stage:
    """An engine, the app's end of its link, and a provider that holds calls."""

    def __init__(self, server: LocalServer, url: str, settings: EngineSettings) -> None:
        self.server = server
        self.plan = VoicePlan(
            url=url, agent="reception", tools=(TOOL,), model="m", voice="v", ping_seconds=0
        )
        self.rows: list[CallEvent] = []
        self.link = QueueLink(self._take)
        self.engine = Engine(settings, self.link, Prompts(apology=b"\x11" * 80, filler=b"\x22"))
        self._news = asyncio.Event()

    def _take(self, message: EngineMessage) -> None:
        message = decode_event(encode(message))
        if not isinstance(message, EngineReport):
            self.rows.append(message)
            self._news.set()

    def command(self, body: CallCommandBody, call_id: str = "h1") -> None:
        self.link.command(decode_command(encode(CallCommand(call_id=call_id, body=body))))

    def receive(self, call_id: str = "h1") -> None:
        """Have the provider's webhook come in."""
        headers = (("From", "<sip:200@h>"),)
        body = ReceiveHosted(
            hosted_id=HOSTED_ID, server="provider", number="1", caller="200", headers=headers
        )
        self.command(body, call_id)

    def accept(self) -> LocalHostedCall:
        """Have the app accept the call, by HTTP, as it does with this plan."""
        settings = SessionSettings(
            tools=(ToolDeclaration(TOOL.name, TOOL.description, TOOL.parameters),),
            model=self.plan.model,
            voice=cast(str, self.plan.voice),
        )
        body = json.loads(write_event(accept_body(settings)))
        return self.server.hold_call(HOSTED_ID, body)

    async def talk(self) -> LocalHostedCall:
        """Bring a call up and have the caller greeted."""
        self.receive()
        await self.row("call.incoming")
        call = self.accept()
        self.command(AttachHosted(plan=self.plan))
        await self.row("playout.finished")
        return call

    async def row(self, kind: str, number: int = 1) -> dict[str, Any]:
        """Wait for the n-th row of a type."""
        async with asyncio.timeout(WAIT_S):
            while len(found := [row for row in self.rows if row.type == kind]) < number:
                self._news.clear()
                await self._news.wait()
        return found[number - 1].payload.model_dump()

    @property
    def types(self) -> list[str]:
        return [row.type for row in self.rows]


@asynccontextmanager
async def staged(**changes: object) -> AsyncGenerator[Stage]:
    first = free_range(2)
    server = LocalServer(Speaker(tiny_voice(200)))
    settings = EngineSettings.model_validate(
        {
            "engine_id": "e1",
            "sip": (SipListen(transport="UDP", host=LOOPBACK, port=0),),
            "rtp_ports": (first, first + 1),
            **changes,
        }
    )
    stage = Stage(server, await server.start(LOOPBACK, 0), settings)
    await stage.engine.start()
    serving = asyncio.ensure_future(stage.engine.serve())
    try:
        yield stage
    finally:
        stage.link.close()
        await serving
        await stage.engine.stop(0.1)
        await server.close()


def told(story: Callable[[Stage], Coroutine[Any, Any, None]], **changes: object) -> None:
    async def run() -> None:
        async with staged(**changes) as stage:
            await story(stage)

    asyncio.run(run())


def test_a_call_is_taken_talks_uses_a_tool_and_is_referred() -> None:
    async def story(stage: Stage) -> None:
        call = await stage.talk()
        incoming = stage.rows[0].payload.model_dump()
        assert (incoming["way"], incoming["hosted_id"]) == ("hosted", HOSTED_ID)
        assert (incoming["source"], incoming["sip_call_id"]) == ("provider", None)
        assert incoming["capabilities"] == ("blind_transfer",)
        assert call.played_ms > 0
        call.press("1")
        call.press("#")
        wanted = await stage.row("tool.requested")
        assert wanted["name"] == "opening_hours"
        result = GiveToolResult(tool_call_id=wanted["tool_call_id"], output="We are open.")
        stage.command(result)
        await stage.row("agent.response_ended", 3)
        stage.command(StartTransfer(target=TARGET))
        asked = await stage.row("hosted_act.requested")
        assert (asked["act"], asked["target"]) == ("refer", TARGET)
        assert stage.types.count("playout.finished") >= 3, "what was said was heard first"
        stage.command(HostedActDone(act="refer", status=200))
        ended = await stage.row("call.ended")
        assert ended["cause"] == "transferred: handed_off"
        assert (await stage.row("transfer.ended"))["outcome"] == "handed_off"
        assert stage.types.count("hosted_act.requested") == 1
        assert "trouble" not in stage.types
        async with asyncio.timeout(WAIT_S):
            while call.clients:  # noqa: ASYNC110 - a closed socket sets no event
                await asyncio.sleep(0.01)

    told(story)


def test_another_agent_takes_over_and_what_was_settled_is_not_sent_again() -> None:
    async def story(stage: Stage) -> None:
        await stage.talk()
        other = stage.plan.model_copy(update={"agent": "billing", "voice": "w", "model": "n"})
        stage.command(ConfigureAgent(plan=other))
        await stage.row("agent.configured", 2)
        stage.command(HangUp(after_words=True))
        assert (await stage.row("hosted_act.requested"))["act"] == "hang_up"
        assert "trouble" not in stage.types

    told(story)


def test_a_caller_who_hangs_up_ends_the_call() -> None:
    async def story(stage: Stage) -> None:
        call = await stage.talk()
        call.hang_up()
        ended = await stage.row("call.ended")
        assert (ended["by"], ended["cause"]) == ("remote", "the caller has gone")
        assert not {"trouble", "hosted_act.requested"} & set(stage.types)

    told(story)


def test_a_call_that_ends_while_we_attach_is_no_trouble() -> None:
    async def story(stage: Stage) -> None:
        stage.receive()
        await stage.row("call.incoming")
        stage.command(AttachHosted(plan=stage.plan))
        ended = await stage.row("call.ended")
        assert ended["by"] == "remote"
        assert "trouble" not in stage.types

    told(story)


def test_a_lost_socket_is_replaced_and_the_session_goes_on() -> None:
    async def story(stage: Stage) -> None:
        call = await stage.talk()
        (connection,) = stage.server.connections
        connection.abort()
        granted = await stage.row("voice.granted", 2)
        assert granted["epoch"] == 1
        assert len(call.clients) == 1
        call.say(WORDS)
        await stage.row("caller.speech_stopped")
        await stage.row("playout.finished", 2)
        assert [
            row.payload.model_dump()["code"] for row in stage.rows if row.type == "trouble"
        ] == ["voice.lost"]

    told(story)


def test_a_call_that_is_rejected_ends_in_its_log() -> None:
    async def story(stage: Stage) -> None:
        stage.receive()
        stage.command(RejectCall(status=404, reason="the caller has gone"))
        ended = await stage.row("call.ended")
        assert (ended["status"], ended["cause"]) == (404, "the caller has gone")
        stage.command(HostedActDone(act="hang_up", status=200))

    told(story)


@pytest.mark.parametrize("second", ["h1", "h2"])
def test_a_call_too_many_or_of_a_name_that_is_taken_is_not_made(second: str) -> None:
    async def story(stage: Stage) -> None:
        stage.receive()
        await stage.row("call.incoming")
        stage.receive(second)
        trouble = await stage.row("trouble")
        if second == "h1":
            assert trouble["code"] == "command.refused"
        else:
            assert trouble["code"] == "call.not_placed"
            assert (await stage.row("call.ended"))["by"] == "failure"
        assert stage.types.count("call.incoming") == 1

    told(story, max_calls=1)
