"""The client of a provider's calls API: what it sends, when it tries again, what its errors say."""

import asyncio
import json
import socket
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web

from telephony.app.hosted import calls_api
from telephony.app.hosted.calls_api import (
    TRIES,
    CallGoneError,
    CallsApi,
    RefusedError,
    UnreachableError,
)

KEY = "sk-a-secret"
SESSION = {"type": "realtime", "instructions": "Help"}
Act = Callable[[CallsApi], Awaitable[None]]
ACTS: dict[str, tuple[Act, Any]] = {
    "accept": (lambda api: api.accept("rtc_1", SESSION), SESSION),
    "reject": (lambda api: api.reject("rtc_1", 486), {"status_code": 486}),
    "refer": (lambda api: api.refer("rtc_1", "tel:+1555"), {"target_uri": "tel:+1555"}),
    "hangup": (lambda api: api.hang_up("rtc_1"), None),
}


@dataclass
class Provider:
    """Answers as it was told to, 200 after that."""

    answers: list[web.Response] = field(default_factory=list[web.Response])
    seen: list[tuple[str, str | None, Any]] = field(
        default_factory=list[tuple[str, str | None, Any]]
    )
    silence: asyncio.Event | None = None
    url: str = ""

    async def handle(self, request: web.Request) -> web.Response:
        body = await request.read()
        shown = request.headers.get("Authorization")
        self.seen.append((request.raw_path, shown, json.loads(body) if body else None))
        if self.silence is not None:
            await self.silence.wait()
        return self.answers.pop(0) if self.answers else web.Response()

    async def handle_session(self, request: web.Request) -> web.StreamResponse:
        self.seen.append((request.raw_path, request.headers.get("Authorization"), None))
        if self.answers:
            return self.answers.pop(0)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        assert await socket.receive() is not None
        return socket


@asynccontextmanager
async def serving(provider: Provider) -> AsyncGenerator[CallsApi]:
    app = web.Application()
    app.router.add_post("/{path:.*}", provider.handle)
    app.router.add_get("/v1/realtime", provider.handle_session)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    provider.url = f"http://{host}:{port}/v1/realtime"
    api = CallsApi(
        f"http://{host}:{port}/v1/realtime/calls/",
        (("Authorization", f"Bearer {KEY}"),),
        lambda hosted_id: f"ws://{host}:{port}/v1/realtime?call_id={hosted_id}",
    )
    try:
        yield api
    finally:
        await api.close()
        await runner.cleanup()


def run(main: Callable[[], Coroutine[None, None, None]]) -> None:
    asyncio.run(asyncio.wait_for(main(), 60))


def refusal(status: int, code: str = "", retry_after: str | None = None) -> web.Response:
    headers = None if retry_after is None else {"Retry-After": retry_after}
    body = {"error": {"type": "invalid_request_error", "code": code, "message": "words"}}
    return web.json_response(body, status=status, headers=headers)


@pytest.mark.parametrize("act", ACTS)
def test_each_act_is_one_request_with_the_key(act: str) -> None:
    async def main() -> None:
        do, body = ACTS[act]
        provider = Provider()
        async with serving(provider) as api:
            await do(api)
        assert provider.seen == [(f"/v1/realtime/calls/rtc_1/{act}", f"Bearer {KEY}", body)]

    run(main)


def test_an_id_stays_one_step_of_the_path() -> None:
    async def main() -> None:
        provider = Provider()
        async with serving(provider) as api:
            await api.hang_up("../x?y#z")
        assert provider.seen[0][0] == "/v1/realtime/calls/..%2Fx%3Fy%23z/hangup"

    run(main)


@pytest.mark.parametrize("act", ACTS)
def test_a_call_that_is_gone_is_an_error_of_its_own(act: str) -> None:
    async def main() -> None:
        provider = Provider([refusal(404, "call_id_not_found")])
        async with serving(provider) as api:
            with pytest.raises(CallGoneError, match=f"{act}: 404 call_id_not_found"):
                await ACTS[act][0](api)
        assert len(provider.seen) == 1

    run(main)


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("status", [302, 400, 401, 500])
def test_a_refusal_is_told_with_its_status_and_code_and_not_tried_again(
    act: str, status: int
) -> None:
    async def main() -> None:
        provider = Provider([refusal(status, "bad\nvalue" + "x" * 500, retry_after="0")])
        async with serving(provider) as api:
            with pytest.raises(RefusedError) as refused:
                await ACTS[act][0](api)
        assert refused.value.status == status
        assert str(refused.value) == f"{act}: {status} badvalue{'x' * 72}"
        assert len(provider.seen) == 1

    run(main)


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"error": "no"}', b"[" * 4000])
def test_an_answer_of_any_shape_is_a_refusal(body: bytes) -> None:
    async def main() -> None:
        provider = Provider([web.Response(status=400, body=body)])
        async with serving(provider) as api:
            with pytest.raises(RefusedError, match=r"^accept: 400$"):
                await api.accept("rtc_1", SESSION)

    run(main)


def test_an_error_without_a_code_is_told_by_its_type() -> None:
    async def main() -> None:
        answer = web.json_response({"error": {"type": "server_error"}}, status=500)
        async with serving(Provider([answer])) as api:
            with pytest.raises(RefusedError, match=r"^accept: 500 server_error$"):
                await api.accept("rtc_1", SESSION)

    run(main)


@pytest.mark.parametrize("status", [429, 503])
def test_an_acceptance_that_is_put_off_is_tried_again(status: int) -> None:
    async def main() -> None:
        provider = Provider([refusal(status, retry_after="1")])
        async with serving(provider) as api:
            began = asyncio.get_running_loop().time()
            await api.accept("rtc_1", SESSION)
            assert asyncio.get_running_loop().time() - began >= 0.99
        assert len(provider.seen) == 2

    run(main)


@pytest.mark.parametrize("retry_after", [None, "0", "3", "Wed, 21 Oct 2026 07:28:00 GMT", "-1"])
def test_an_acceptance_is_not_put_off_without_end(retry_after: str | None) -> None:
    async def main() -> None:
        provider = Provider([refusal(503, retry_after=retry_after)])
        async with serving(provider) as api:
            with pytest.raises(RefusedError, match="accept: 503"):
                await api.accept("rtc_1", SESSION)
        assert len(provider.seen) == 1

    run(main)


def test_an_acceptance_is_tried_three_times_at_most() -> None:
    async def main() -> None:
        provider = Provider([refusal(429, retry_after="1") for _ in range(TRIES + 1)])
        async with serving(provider) as api:
            with pytest.raises(RefusedError, match="accept: 429"):
                await api.accept("rtc_1", SESSION)
        assert len(provider.seen) == TRIES

    run(main)


@pytest.mark.parametrize("act", ["reject", "refer", "hangup"])
def test_nothing_else_that_is_put_off_is_tried_again(act: str) -> None:
    async def main() -> None:
        provider = Provider([refusal(503, retry_after="1")])
        async with serving(provider) as api:
            with pytest.raises(RefusedError, match=f"{act}: 503"):
                await ACTS[act][0](api)
        assert len(provider.seen) == 1

    run(main)


@pytest.mark.parametrize("act", ACTS)
def test_what_had_no_answer_is_not_sent_again(act: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls_api, "REQUEST_SECONDS", 0.1)

    async def main() -> None:
        provider = Provider(silence=asyncio.Event())
        async with serving(provider) as api:
            with pytest.raises(UnreachableError, match=f"{act}: no answer within 0.1 s") as failed:
                await ACTS[act][0](api)
            assert not failed.value.is_unsent
            assert provider.silence is not None
            provider.silence.set()
        assert len(provider.seen) == 1

    run(main)


@pytest.mark.parametrize("act", ACTS)
def test_a_connection_that_breaks_after_the_request_is_not_tried_again(act: str) -> None:
    async def main() -> None:
        asked: list[bytes] = []

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            asked.append(await reader.readuntil(b"\r\n"))
            writer.close()

        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        api = CallsApi(f"http://127.0.0.1:{port}", (), str)
        with pytest.raises(UnreachableError, match=f"^{act}: ") as failed:
            await ACTS[act][0](api)
        assert not failed.value.is_unsent
        assert len(asked) == 1
        await api.close()
        server.close()
        await server.wait_closed()

    run(main)


@pytest.mark.parametrize("act", ACTS)
def test_what_never_left_is_tried_again_but_for_a_refer(
    act: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calls_api, "RETRY_SECONDS", 0.05)

    async def main() -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
        api = CallsApi(f"http://127.0.0.1:{port}", (("Authorization", KEY),), str)
        began = asyncio.get_running_loop().time()
        with pytest.raises(UnreachableError, match=f"{act}: no connection") as failed:
            await ACTS[act][0](api)
        waited = asyncio.get_running_loop().time() - began
        assert (waited >= 0.05 * (TRIES - 1)) is (act != "refer")
        assert failed.value.is_unsent
        assert KEY not in repr(failed.value)
        await api.close()

    run(main)


def test_a_session_says_that_a_call_was_accepted_and_404_that_it_was_not() -> None:
    async def main() -> None:
        provider = Provider()
        async with serving(provider) as api:
            assert await api.has_session("rtc_1")
            provider.answers = [refusal(404), refusal(401)]
            assert not await api.has_session("rtc_1")
            with pytest.raises(RefusedError, match="attach: 401"):
                await api.has_session("rtc_1")
        assert provider.seen == [("/v1/realtime?call_id=rtc_1", f"Bearer {KEY}", None)] * 3

    run(main)


def test_nobody_is_followed_elsewhere_with_the_key() -> None:
    async def main() -> None:
        elsewhere, provider = Provider(), Provider()
        async with serving(elsewhere), serving(provider) as api:
            asked: dict[str, Callable[[CallsApi], Awaitable[object]]] = {
                **{name: act for name, (act, _) in ACTS.items()},
                "attach": lambda api: api.has_session("rtc_1"),
            }
            for name, ask in asked.items():
                to = {"Location": elsewhere.url}
                provider.answers = [web.Response(status=307, headers=to)]
                with pytest.raises(RefusedError, match=f"{name}: 307"):
                    await ask(api)
        assert elsewhere.seen == []
        assert len(provider.seen) == len(ACTS) + 1

    run(main)


def test_a_provider_that_never_answers_a_close_is_not_waited_for() -> None:
    async def main() -> None:
        done = asyncio.Event()

        async def deaf(request: web.Request) -> web.StreamResponse:
            socket = web.WebSocketResponse()
            await socket.prepare(request)
            await done.wait()
            return socket

        app = web.Application()
        app.router.add_get("/", deaf)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        api = CallsApi("http://127.0.0.1", (), lambda _: f"ws://{host}:{port}/")
        async with asyncio.timeout(3):
            assert await api.has_session("rtc_1")
        done.set()
        await api.close()
        await runner.cleanup()

    run(main)


def test_a_provider_that_cannot_be_reached_tells_nothing_of_a_session() -> None:
    async def main() -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
        api = CallsApi("http://127.0.0.1", (), lambda _: f"ws://127.0.0.1:{port}/")
        with pytest.raises(UnreachableError, match="attach: ClientConnectorError"):
            await api.has_session("rtc_1")
        await api.close()

    run(main)
