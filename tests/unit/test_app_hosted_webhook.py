"""Webhooks: what is taken, and each bad one answered, logged once and counted once."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Coroutine, MutableMapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from telephony import Agent
from telephony.app.health import Health
from telephony.app.hosted import webhook as module
from telephony.app.hosted.journal import HostedCall
from telephony.app.hosted.journal_thread import JournalBusyError, JournalError
from telephony.app.hosted.signature import signing_key
from telephony.app.hosted.webhook import MAX_BODY_OCTETS, Webhook
from telephony.app.http import HttpServer
from telephony.app.plans import Plans, VoiceServer
from telephony.app.switchboard import Switchboard
from telephony.app.tool_runtime import ToolRuntime
from tests.support.standard_webhooks import SECRET, incoming_body, signature, signed_headers

PATH = "/webhooks/realtime"
NOW_S = 1_800_000_000.0
TOKEN = "a-long-one"  # noqa: S105 - of this test
OTHER_SECRET = "whsec_b3RoZXI="  # noqa: S105 - of this test
HEADERS = (("From", '"Ann" <sip:200@h>'), ("X-Tag", "a"), ("X-Tag", "b"))


@dataclass
class Desk:
    """What takes the calls behind the webhook."""

    fault: Exception | None = None
    calls: list[HostedCall] = field(default_factory=list[HostedCall])
    counts: Counter[str] = field(default_factory=Counter[str])
    counted: asyncio.Event = field(default_factory=asyncio.Event)

    def count(self, outcome: str) -> None:
        self.counts[outcome] += 1
        self.counted.set()

    async def receive(self, call: HostedCall) -> bool:
        if self.fault is not None:
            raise self.fault
        is_new = all(one.webhook_id != call.webhook_id for one in self.calls)
        self.calls += [call] * is_new
        return is_new


def run(main: Callable[[], Coroutine[None, None, None]]) -> None:
    asyncio.run(asyncio.wait_for(main(), 60))


@asynccontextmanager
async def listening(desk: Desk, token: str | None = None) -> AsyncGenerator[tuple[str, int]]:
    agent = Agent("reception")
    switchboard = Switchboard(
        [("*", agent)],
        {"reception": agent},
        Plans({"local": VoiceServer("ws://m")}),
        ToolRuntime(),
        lambda _: None,
    )
    keys = [signing_key("whsec_b2xk"), signing_key(SECRET)]
    webhook = Webhook("main", keys, desk.receive, desk.count, lambda: NOW_S)
    server = HttpServer(switchboard, CollectorRegistry(), Health(), token, {PATH: webhook.handle})
    yield await server.start("127.0.0.1", 0)
    await server.stop()


@asynccontextmanager
async def serving(desk: Desk, token: str | None = None) -> AsyncGenerator[aiohttp.ClientSession]:
    async with (
        listening(desk, token) as (host, port),
        aiohttp.ClientSession(f"http://{host}:{port}") as client,
    ):
        yield client


async def posted(
    desk: Desk, body: bytes, headers: dict[str, str] | None = None
) -> tuple[int, str, MutableMapping[str, Any] | None]:
    """Post one webhook; gives status, text, and the line in the log."""
    shown = signed_headers(body, sent_s=NOW_S) if headers is None else headers
    with capture_logs() as logs:
        async with serving(desk) as client, client.post(PATH, data=body, headers=shown) as answer:
            text = await answer.text()
    assert len(logs) <= 1
    return answer.status, text, logs[0] if logs else None


def test_a_call_is_taken_with_its_headers_in_order() -> None:
    async def main() -> None:
        desk = Desk()
        status, _, line = await posted(desk, incoming_body(headers=HEADERS))
        assert (status, line) == (200, None)
        assert desk.calls == [HostedCall("rtc_1", "evt_1", "main", HEADERS)]
        assert desk.counts == {"taken": 1}

    run(main)


def test_a_webhook_that_is_repeated_makes_no_second_call() -> None:
    async def main() -> None:
        desk = Desk()
        for _ in range(2):
            status, _, line = await posted(desk, incoming_body())
            assert (status, line) == (200, None)
        assert len(desk.calls) == 1
        assert desk.counts == {"taken": 1, "repeated": 1}

    run(main)


BODY = incoming_body()
SIGNED = signed_headers(BODY, sent_s=NOW_S)
BAD = {
    "wrong signature": (BODY + b" ", SIGNED, 401, "wrong_signature"),
    "wrong secret": (
        BODY,
        signed_headers(BODY, secret=OTHER_SECRET, sent_s=NOW_S),
        401,
        "wrong_signature",
    ),
    "no version": (
        BODY,
        SIGNED | {"webhook-signature": SIGNED["webhook-signature"].removeprefix("v1,")},
        401,
        "wrong_signature",
    ),
    "stale": (BODY, signed_headers(BODY, sent_s=NOW_S - 301), 401, "stale"),
    "from the future": (BODY, signed_headers(BODY, sent_s=NOW_S + 301), 401, "stale"),
    "unsigned": (BODY, {"Content-Type": "application/json"}, 401, "unsigned"),
    "oversized": (bytes(MAX_BODY_OCTETS + 1), None, 413, "oversized"),
    "not JSON": (b'{"type": "realtime.call.inco', None, 400, "not_json"),
    "no text": (b"\xff\xfe", None, 400, "not_json"),
    "nested without end": (b"[" * 60_000, None, 400, "not_json"),
    "empty": (b"", None, 400, "not_json"),
    "a list": (b"[]", None, 400, "wrong_shape"),
    "no type": (b"{}", None, 400, "wrong_shape"),
    "a type that is no text": (b'{"type": 7}', None, 400, "wrong_shape"),
    "no data": (b'{"type": "realtime.call.incoming"}', None, 400, "wrong_shape"),
    "no call": (b'{"type": "realtime.call.incoming", "data": {}}', None, 400, "wrong_shape"),
    "an empty call": (incoming_body(""), None, 400, "wrong_shape"),
    "a call of two lines": (incoming_body("rtc_1\n"), None, 400, "wrong_shape"),
    "a call that is the place above": (incoming_body(".."), None, 400, "wrong_shape"),
    "a name of its own that is too long": (
        BODY,
        signed_headers(BODY, webhook_id="e" * 201, sent_s=NOW_S),
        400,
        "wrong_shape",
    ),
    "headers of another shape": (
        BODY.replace(b'"sip_headers": []', b'"sip_headers": [{"name": "From"}]'),
        None,
        400,
        "wrong_shape",
    ),
    "unknown type": (b'{"type": "response.completed", "data": {}}', None, 200, "unknown_type"),
}


def test_a_flood_of_bad_webhooks_is_no_flood_of_lines() -> None:
    async def main() -> None:
        desk = Desk()
        with capture_logs() as logs:
            async with serving(desk) as client:
                for _ in range(120):
                    async with client.post(PATH, data=BODY) as answer:
                        assert answer.status == 401
        assert desk.counts == {"unsigned": 120}
        assert [line["count"] for line in logs] == [1, 2, 3, 4, 5, 10, 100]

    run(main)


@pytest.mark.parametrize("name", BAD)
def test_a_bad_webhook_has_its_answer_one_line_and_one_count(name: str) -> None:
    async def main() -> None:
        desk = Desk()
        body, headers, wanted_status, outcome = BAD[name]
        status, text, line = await posted(desk, body, headers)
        assert (status, text) == (wanted_status, f"{outcome}\n")
        assert line is not None
        assert (line["outcome"], line["answer"], line["server"]) == (outcome, status, "main")
        assert line["log_level"] == "warning"
        assert desk.counts == {outcome: 1}
        assert desk.calls == []

    run(main)


def test_a_body_without_end_is_cut_off_where_it_is_too_long() -> None:
    async def main() -> None:
        desk = Desk()
        sent = 0

        async def pieces() -> AsyncGenerator[bytes]:
            nonlocal sent
            while sent < 100 * MAX_BODY_OCTETS:
                sent += 4096
                yield bytes(4096)

        with capture_logs():
            async with serving(desk) as client:
                try:
                    async with client.post(PATH, data=pieces(), headers=SIGNED) as answer:
                        assert answer.status == 413
                except aiohttp.ClientError:
                    pass  # the connection may be gone before we read the answer
        assert desk.counts == {"oversized": 1}
        assert sent < 100 * MAX_BODY_OCTETS

    run(main)


def test_a_body_that_does_not_come_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BODY_SECONDS", 0.05)

    async def main() -> None:
        desk = Desk()
        release = asyncio.Event()

        async def pieces() -> AsyncGenerator[bytes]:
            yield BODY[:10]
            await release.wait()

        with capture_logs():
            async with serving(desk) as client:
                async with client.post(PATH, data=pieces(), headers=SIGNED) as answer:
                    assert answer.status == 400
                release.set()
        assert desk.counts == {"unfinished": 1}

    run(main)


@pytest.mark.parametrize(
    "rest",
    [
        "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        "Content-Length: 9\r\n\r\nhello",
        "Content-Encoding: gzip\r\nContent-Length: 5\r\n\r\nhello",
    ],
)
def test_a_sender_that_breaks_off_or_does_not_compress_is_one_line_too(rest: str) -> None:
    async def main() -> None:
        desk = Desk()
        with capture_logs() as logs:
            async with listening(desk) as (host, port):
                _, writer = await asyncio.open_connection(host, port)
                writer.write(f"POST {PATH} HTTP/1.1\r\nHost: h\r\n{rest}".encode())
                await writer.drain()
                await asyncio.sleep(0.05)
                writer.close()
                await desk.counted.wait()
        assert desk.counts == {"unfinished": 1}
        assert [line["outcome"] for line in logs] == ["unfinished"]

    run(main)


def test_a_journal_that_is_busy_has_it_sent_again() -> None:
    async def main() -> None:
        desk = Desk(fault=JournalBusyError("64 webhooks wait for the journal"))
        with capture_logs() as logs:
            async with serving(desk) as client:
                headers = signed_headers(BODY, sent_s=NOW_S)
                async with client.post(PATH, data=BODY, headers=headers) as answer:
                    assert (answer.status, answer.headers["Retry-After"]) == (503, "1")
        assert [line["why"] for line in logs] == ["64 webhooks wait for the journal"]
        assert desk.counts == {"busy": 1}

    run(main)


def test_a_journal_that_cannot_be_written_has_it_sent_again() -> None:
    async def main() -> None:
        desk = Desk(fault=JournalError("disk I/O error"))
        status, _, line = await posted(desk, BODY)
        assert status == 503
        assert line is not None
        assert (line["log_level"], line["why"], line["fault"]) == (
            "error",
            "disk I/O error",
            "ours",
        )
        assert desk.counts == {"failed": 1}

    run(main)


def test_beyond_loopback_the_path_wants_no_token_and_everything_else_does() -> None:
    async def main() -> None:
        async with serving(Desk(), TOKEN) as client:
            headers = {**signed_headers(BODY, sent_s=NOW_S), "Host": "phone.example.com"}
            async with client.post(PATH, data=BODY, headers=headers) as answer:
                assert answer.status == 200
            for path in ("/calls", PATH + "/", PATH + "/more", "/webhooks", "/metrics"):
                async with client.post(path, data=BODY, headers=headers) as answer:
                    assert answer.status == 401
            async with client.get(PATH) as answer:
                assert answer.status == 405

    run(main)


def test_no_secret_and_no_body_stands_in_a_log() -> None:
    async def main() -> None:
        body = json.dumps({"type": "x", "data": "words of a caller"}).encode()
        wrong = {**signed_headers(body, sent_s=NOW_S), "webhook-signature": "v1,forged"}
        right = signature(SECRET, "evt_1", str(int(NOW_S)), body).removeprefix("v1,")
        for headers in (wrong, None):
            _, text, line = await posted(Desk(), body, headers)
            shown = repr(line) + text
            for hidden in ("words of a caller", right, SECRET, "forged"):
                assert hidden not in shown

    run(main)
