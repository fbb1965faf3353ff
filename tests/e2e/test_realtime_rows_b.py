"""Rows B8-B22: how a session is opened. B1-B7 are the adapter's (`telephony/app/agents_sdk.py`)."""
# ruff: noqa: N802

import os
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from websockets.client import ClientProtocol
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory
from websockets.frames import Opcode
from websockets.uri import parse_uri

from telephony.agent import Agent
from telephony.app.configured import configure
from telephony.call import VoicePlan
from telephony.config import load
from telephony.engine.keepalive import KeepaliveSettings
from telephony.engine.realtime_socket import SocketSettings
from telephony.engine.version import VERSION
from telephony.engine.websocket_handshake import OpenWebSocket, open_websocket
from telephony.errors import ConfigurationError, TransportError
from telephony.realtime.session_body import session_body
from telephony.realtime.session_config import SessionConfig
from telephony.voice import Configure, ModelOptions, SessionClosed, SessionOpened, SessionSettings
from tests.support.realtime_rig import CREATED, Rig, settings, types
from tests.support.realtime_rows import Replace, row
from tests.support.websocket_peer import WebSocketPeer

REFUSED = b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n"
TOO_LONG = bytes([0x81, 127]) + (8 * 1024 * 1024 + 1).to_bytes(8, "big")
"""How a text frame begins that is one octet longer than what is taken."""
ENVIRON = {"KEY": "sk-test"}


def plan(rig: Rig, **fields: object) -> VoicePlan:
    """A plan for the rig's server, also with fields that the product may not have yet."""
    return VoicePlan.model_validate({"url": rig.peer.url, "agent": "reception", **fields})


def plan_of_settings(url: str, **fields: object) -> VoicePlan:
    """The plan of an agent on the only server of some settings."""
    overrides = {f"realtime.cloud.{name}": value for name, value in fields.items()}
    loaded = load(None, ENVIRON, {"realtime.cloud.url": url, **overrides})
    plans = configure(loaded, None, None).plans(None, ENVIRON)
    return plans.plan(Agent("reception"), {})


def unescaped(text: str, *, safe: str) -> str:
    """What `quote` would give if it left everything as it is."""
    del safe
    return text


async def open_nameless(
    protocol: ClientProtocol, headers: Mapping[str, str], **settings: Any
) -> OpenWebSocket:
    """Say nothing of who asks."""
    del headers
    return await open_websocket(protocol, {}, **settings)


def trace_always(
    wanted: SessionSettings, *, may_set_voice: bool, before: ModelOptions
) -> SessionConfig:
    """Ask for a trace with each update, wanted or not."""
    body = session_body(wanted, may_set_voice=may_set_voice, before=before)
    return body.model_copy(update={"tracing": "auto"})


def own_all_audio(
    wanted: SessionSettings, *, may_set_voice: bool, before: ModelOptions
) -> SessionConfig:
    """Set a session up that is attached to a call as if it were one of our own."""
    own = replace(wanted, owns_audio=True)
    return session_body(own, may_set_voice=may_set_voice, before=before)


def forget_the_socket(self: Any) -> None:
    """What `_release` would be if the connection was left to itself."""
    self._closed.set()


@row("B8", Replace("telephony.realtime.session.session_body", trace_always))
async def test_B8_tracing_is_sent_where_it_is_asked_for_and_only_there(rig: Rig) -> None:
    """We differ: what is not asked for is off, not `auto`: a trace holds the caller's words.

    It goes out once: a server refuses the whole update that changes it.
    """
    assert "tracing" not in (await rig.grant(settings()))["session"]
    sent: list[object] = []
    for tracing in ("auto", "auto", None, {"workflow_name": "reception"}):
        rig.command(Configure(settings(options=ModelOptions(tracing=tracing))))
        sent.append((await rig.answer_update())["session"].get("tracing"))
    assert sent == ["auto", None, None, None]


@row("B9", Replace("telephony.realtime.target.quote", unescaped))
async def test_B9_a_call_is_attached_to_by_its_escaped_id(rig: Rig) -> None:
    await rig.link(plan(rig, attach_to="rtc_1/2&model=x"))
    assert rig.request.path == "/v1/realtime?call_id=rtc_1%2F2%26model%3Dx"


@row("B10", Replace("telephony.realtime.target.quote", unescaped))
async def test_B10_the_model_is_named_in_the_url_and_escaped(rig: Rig) -> None:
    await rig.link(plan(rig, model="ours/v1&call_id=x"))
    assert rig.request.path == "/v1/realtime?model=ours%2Fv1%26call_id%3Dx"


@row("B11")
async def test_B11_a_url_that_names_its_model_stays_as_it_is_written(rig: Rig) -> None:
    """We differ: a URL is where the server is; only one with its own `model` says all of it."""
    query = "?deployment=d%201&model=own"
    await rig.link(plan(rig, url=rig.peer.url + query, model="another"))
    assert rig.request.path == f"/v1/realtime{query}"


@row("B12")
async def test_B12_headers_go_out_as_they_are_and_bring_no_authorization(rig: Rig) -> None:
    await rig.link(plan(rig, headers=(("api-key", "k1"), ("X-Team", "phones"))))
    assert (rig.request.headers["api-key"], rig.request.headers["X-Team"]) == ("k1", "phones")
    assert "Authorization" not in rig.request.headers


@row("B13", Replace("telephony.realtime.profiles.Profile.needs_key", False))
async def test_B13_a_server_that_needs_a_key_is_refused_without_one(rig: Rig) -> None:
    """We differ: servers on one's own machine need none, so it is the dialect that asks for it."""
    with pytest.raises(ConfigurationError, match="api_key"):
        plan_of_settings(rig.peer.url, dialect="openai")


@row("B14")
async def test_B14_the_key_goes_out_as_a_bearer_token(rig: Rig) -> None:
    await rig.link(plan_of_settings(rig.peer.url, api_key={"env": "KEY"}))
    assert rig.request.headers["Authorization"] == "Bearer sk-test"


@row("B15", Replace("telephony.engine.realtime_socket.open_websocket", open_nameless))
async def test_B15_the_product_and_its_version_are_the_user_agent(rig: Rig) -> None:
    await rig.link(plan(rig))
    assert rig.request.headers["User-Agent"] == f"telephony/{VERSION}"


def allow_any_length(url: str, *, max_message_octets: int) -> ClientProtocol:
    """Make a protocol that fails no connection for the length of a message."""
    del max_message_octets
    return ClientProtocol(parse_uri(url), max_size=None)


@row("B16", Replace("telephony.engine.realtime_socket.client_protocol", allow_any_length))
async def test_B16_a_message_past_8_mib_ends_the_session(rig: Rig) -> None:
    rig.renew()
    await rig.open()
    await rig.peer.send_raw(TOO_LONG)
    closed = await rig.closed()
    assert (closed.is_clean, closed.code) == (False, 1009)


@row(
    "B17",
    Replace(
        "telephony.engine.websocket_handshake.ClientProtocol",
        partial(ClientProtocol, extensions=[ClientPerMessageDeflateFactory()]),
    ),
)
async def test_B17_compression_is_off_and_the_waiting_times_can_be_set(rig: Rig) -> None:
    rig.renew(SocketSettings(keepalive=KeepaliveSettings(ping_seconds=0.01, pong_seconds=0.05)))
    await rig.open()
    assert "Sec-WebSocket-Extensions" not in rig.request.headers
    assert (await rig.peer.read_frame(Opcode.PING)).data == b""
    rig.renew(SocketSettings(connect_seconds=0.05))
    with pytest.raises(TransportError, match=r"within 0\.05 s"):
        await rig.socket.connect()


@row("B18")
async def test_B18_a_server_that_refuses_is_told_apart_from_one_that_is_not_there(
    rig: Rig,
) -> None:
    """A call learns it as the end of its session, which holds the HTTP status."""
    wanted = plan(rig)
    link = await rig.link(wanted, accepts=False)
    await rig.peer.answer(REFUSED)
    assert (await rig.closed()).code == 401
    assert link.append(bytes(160)) == 0
    rig.told.clear()
    rig.peer.close()
    await rig.link(wanted, accepts=False)
    assert (await rig.closed()).code == 1006


@row("B19")
async def test_B19_what_the_server_says_at_once_is_heard_before_we_said_anything(
    rig: Rig,
) -> None:
    await rig.open(CREATED)
    await rig.until(lambda: bool(rig.told))
    assert rig.told == [SessionOpened("sess_1", 1_800_000)]


@row("B20")
async def test_B20_the_session_is_asked_for_without_waiting_for_a_greeting(rig: Rig) -> None:
    rig.command(Configure(SessionSettings(instructions="Answer.")))
    await rig.open()
    (update,) = await rig.sent()
    assert (update["type"], rig.told) == ("session.update", [])


@row(
    "B21",
    Replace("telephony.engine.realtime_socket.RealtimeSocket._release", forget_the_socket),
)
async def test_B21_a_connection_that_breaks_at_the_first_word_leaves_nothing_behind(
    rig: Rig,
) -> None:
    await rig.open()
    held = len(os.listdir("/proc/self/fd"))
    rig.peer.reset()
    rig.command(Configure(SessionSettings()))
    assert (await rig.closed()).is_clean is False
    assert len(os.listdir("/proc/self/fd")) == held - 2, "both ends of the connection"
    rig.peer.close()
    rig.peer = WebSocketPeer()
    rig.renew()
    rig.told.clear()
    await rig.open()
    assert not rig.of(SessionClosed)


@row("B22", Replace("telephony.realtime.session.session_body", own_all_audio))
async def test_B22_in_an_attached_session_neither_model_nor_voice_nor_format_is_sent(
    rig: Rig,
) -> None:
    await rig.open()
    rig.command(Configure(settings(owns_audio=False, model="m", voice="v", instructions="x")))
    (update,) = await rig.sent()
    assert types([update]) == ["session.update"]
    session = update["session"]
    assert "model" not in session
    assert "output" not in session["audio"]
    assert "format" not in session["audio"]["input"]
    assert session["instructions"] == "x"
