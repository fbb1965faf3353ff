"""The stand-in provider answers as a real one does: by the key, by the call, once."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from telephony.app.demo.provider import StandInProvider
from telephony.app.hosted.signature import Signed, signature_fault, signing_key
from telephony.errors import TransportError
from tests.support.standard_webhooks import SECRET

KEY = "sk-test"
SESSION = {"type": "realtime"}


@asynccontextmanager
async def providing() -> AsyncGenerator[StandInProvider]:
    provider = StandInProvider(KEY)
    await provider.start()
    try:
        yield provider
    finally:
        await provider.stop()


async def ask(provider: StandInProvider, act: str, body: Any = None, key: str = KEY) -> int:
    headers = {"Authorization": f"Bearer {key}"}
    async with (
        aiohttp.ClientSession(headers=headers) as client,
        client.post(f"{provider.calls_url}/rtc_1/{act}", json=body) as answer,
    ):
        return answer.status


async def ring(provider: StandInProvider) -> int:
    """Let a caller in, of whom nobody is told."""
    return await provider.tell_of_call("rtc_1", "http://127.0.0.1:1/", SECRET, {})


def run(main: Callable[[], Coroutine[None, None, None]]) -> None:
    asyncio.run(asyncio.wait_for(main(), 60))


@pytest.mark.parametrize("last", ["refer", "hangup"])
def test_a_call_is_accepted_once_and_ends_once(last: str) -> None:
    async def main() -> None:
        async with providing() as provider:
            assert await ask(provider, "accept", SESSION) == 404
            assert await ring(provider) == 0
            assert await ask(provider, "accept", SESSION, key="other") == 401
            assert await ask(provider, last) == 404
            assert await ask(provider, "accept", {"type": "transcription"}) == 400
            assert await ask(provider, "accept", SESSION) == 200
            assert await ask(provider, "accept", SESSION) == 404
            assert await ask(provider, "reject") == 404
            assert await ask(provider, "dance") == 405
            assert await ask(provider, last, {"target_uri": "tel:+1"}) == 200
            assert await ask(provider, last) == 404
            asked = [(note.what, note.details["status"]) for note in provider.notes]
            assert asked[-2:] == [(last, 200), (last, 404)]

    run(main)


def test_a_call_that_was_rejected_or_left_cannot_be_accepted() -> None:
    async def main() -> None:
        async with providing() as provider:
            await ring(provider)
            assert await ask(provider, "reject", {"status_code": 486}) == 200
            assert await ask(provider, "accept", SESSION) == 404
            await ring(provider)
            provider.leave("rtc_1")
            assert await ask(provider, "accept", SESSION) == 404

    run(main)


def test_its_webhooks_are_signed_and_what_is_waited_for_in_vain_is_named() -> None:
    async def main() -> None:
        seen: list[tuple[Signed, bytes]] = []

        async def take(request: web.Request) -> web.Response:
            names = ("webhook-id", "webhook-timestamp", "webhook-signature")
            seen.append((Signed(*(request.headers[name] for name in names)), await request.read()))
            return web.Response(status=202)

        app = web.Application()
        app.router.add_post("/", take)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
        async with providing() as provider:
            assert await provider.tell_of_call("rtc_1", url, SECRET, {"From": "<sip:a@b>"}) == 202
            ((signed, body),) = seen
            sent_s = float(signed.timestamp)
            assert signature_fault(signed, body, [signing_key(SECRET)], sent_s) is None
            note = await provider.noted("webhook", "rtc_1", 1.0)
            assert note.details == {"event": "evt_rtc_1", "status": 202}
            with pytest.raises(TransportError, match=r"waited 0\.01 s in vain for accept of call"):
                await provider.noted("accept", "rtc_1", 0.01)
        await runner.cleanup()

    run(main)
