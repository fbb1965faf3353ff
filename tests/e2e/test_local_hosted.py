"""Clients of a call that the embedded server holds, on loopback: attach, leave, come back, end."""

import asyncio
import json
from collections.abc import Coroutine
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosedOK, InvalidStatus

from telephony.app.local_server import LocalServer
from telephony.local import RefusedEventError, Speaker
from tests.support.local_client import TOOLS, tiny_voice

SECONDS = 20
ACCEPTED: dict[str, Any] = {"type": "realtime", "tools": TOOLS}


def run(story: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(story, SECONDS))


async def until(client: ClientConnection, kind: str) -> dict[str, Any]:
    """Read events up to the first of a type, and give that."""
    while (event := json.loads(await client.recv()))["type"] != kind:
        pass
    return dict(event)


def test_a_session_outlives_its_clients_and_ends_with_the_call() -> None:
    async def story() -> None:
        server = LocalServer(Speaker(tiny_voice(200)))
        url = await server.start("127.0.0.1", 0)
        call = server.hold_call("rtc_1/2", ACCEPTED)
        attach = f"{url}?call_id=rtc_1%2F2"
        async with connect(attach, compression=None) as first:
            created = await until(first, "session.created")
            await first.send(json.dumps({"type": "response.create"}))
            await until(first, "output_audio_buffer.stopped")
        assert call.played_ms > 0
        async with connect(attach, compression=None) as second:
            again = await until(second, "session.created")
            assert again["session"]["id"] == created["session"]["id"]
            assert len(call.clients) == 1
            call.press("5")
            digit = await until(second, "input_audio_buffer.dtmf_event_received")
            assert digit["event"] == "5"
            call.hang_up()
            with pytest.raises(ConnectionClosedOK):
                await second.recv()
        assert call.is_over
        with pytest.raises(InvalidStatus) as refused:
            await connect(attach)
        assert refused.value.response.status_code == 404
        assert refused.value.response.body is not None
        assert b"call_id_not_found" in refused.value.response.body
        await server.close()

    run(story())


def test_a_call_that_nobody_holds_cannot_be_attached_to_nor_one_accepted_wrongly() -> None:
    async def story() -> None:
        server = LocalServer(Speaker(tiny_voice(200)))
        url = await server.start("127.0.0.1", 0)
        with pytest.raises(InvalidStatus):
            await connect(f"{url}?call_id=rtc_none")
        with pytest.raises(RefusedEventError):
            server.hold_call("rtc_1", {"type": "transcription"})
        assert server.held_call("rtc_1") is None
        server.hold_call("rtc_2", ACCEPTED)
        await server.close()
        assert server.held_call("rtc_2") is None

    run(story())
