"""Rows G1-G8: an interruption of ours, by a key or an app, over the ledger (design: decision 6)."""
# ruff: noqa: N802

from collections.abc import Callable, Iterator
from typing import Any

from telephony.engine.uplink_writer import UplinkWriter
from telephony.media import ItemAudio
from telephony.media.interruption import Interruption, interrupt
from telephony.realtime import RealtimeSession
from telephony.realtime.session_config import TurnDetection
from telephony.units import Nanoseconds
from telephony.voice import (
    CancelResponse,
    Configure,
    DeleteItem,
    Respond,
    SessionSettings,
    VoiceCommand,
    VoiceErrorReceived,
)
from tests.support.realtime_rig import (
    Rig,
    Talk,
    delta,
    error,
    response_created,
    response_done,
    settings,
    speech_started,
    types,
)
from tests.support.realtime_rows import Replace, row

RAMP_MS = 5
"""Of the item goes out behind the interruption, ramped to zero; it counts as sent."""
cancel: Callable[[Any, str | None], None] = vars(RealtimeSession)["_cancel"]


def audio(ms: int) -> bytes:
    """So much mu-law."""
    return bytes(8 * ms)


def unclamped(interruption: Interruption) -> Iterator[tuple[ItemAudio, int]]:
    """A position that nobody compared with what the item has."""
    for item in interruption.cut:
        yield item, item.received_samples + interruption.rate_hz


def leave_the_unheard(interruption: Interruption) -> list[VoiceCommand]:
    """Do nothing about an item of which nothing was sent, as for an elapsed time of 0."""
    told = interrupt(interruption)
    return [command for command in told if not isinstance(command, DeleteItem)]


def leave_it_to_the_server(wanted: SessionSettings) -> TurnDetection:
    """Say nothing about who acts on the caller's speech."""
    del wanted
    return TurnDetection()


def take_a_cancel_for_the_end(self: Any, response_id: str | None) -> None:
    """Say "free" when the cancel goes out, not when the response is done."""
    active_id: str | None = self._responses.active_id
    cancel(self, response_id)
    if active_id is not None:
        self._responses.handle_done(active_id, Nanoseconds(0))


def raise_the_loss(self: UplinkWriter, reason: str) -> None:
    """Let the error of a write out to whoever interrupted."""
    raise ConnectionError(f"{reason}, {self.backlog_ms} ms behind")


async def speak(talk: Talk, *heard: tuple[str, int], response_id: str = "r1") -> None:
    """Have the model say items of these lengths, in a response that goes on."""
    await talk.rig.sent()
    deltas = [delta(audio(ms), item_id, response_id) for item_id, ms in heard]
    await talk.rig.says(response_created(response_id), *deltas)


@row("G1")
async def test_G1_without_an_item_nothing_is_truncated(rig: Rig) -> None:
    talk = Talk(rig)
    await talk.begin()
    talk.conversation.interrupt()
    assert await rig.sent() == []


@row("G2")
async def test_G2_the_content_index_is_the_audios_own_and_0_where_none_is_said(rig: Rig) -> None:
    talk = Talk(rig)
    await talk.begin()
    await rig.says(response_created())
    await rig.says(delta(audio(100), "i1", content_index=2))
    bare = delta(audio(100), "i2")
    del bare["content_index"]
    await rig.says(bare)
    talk.play(6)
    talk.conversation.interrupt()
    _, first, second = await rig.sent()
    assert (first["item_id"], first["content_index"]) == ("i1", 2)
    assert (second["item_id"], second["content_index"]) == ("i2", 0)


@row("G3", Replace("telephony.media.interruption._heard", unclamped))
async def test_G3_a_truncation_is_floored_and_never_past_what_the_item_has(rig: Rig) -> None:
    talk = Talk(rig)
    await talk.begin()
    await talk.rig.says(response_created(), delta(bytes(8 * 100 + 7)))
    talk.play(3)
    talk.conversation.interrupt()
    told, truncate = await rig.sent()
    assert (told["type"], told["response_id"]) == ("response.cancel", "r1")
    assert truncate["audio_end_ms"] == 60 + RAMP_MS
    await rig.says(response_done(status="cancelled"), response_created("r2"))
    await rig.says(delta(bytes(8 * 100 + 7), "i2", "r2"))
    talk.play(100)
    talk.conversation.interrupt()
    assert (await rig.sent())[-1]["audio_end_ms"] == 100


@row("G4", Replace("telephony.media.agent_audio.interrupt", leave_the_unheard))
async def test_G4_an_item_that_nobody_heard_is_deleted(rig: Rig) -> None:
    """We differ: not truncated to 0 ms, which a server refuses for an item without audio yet."""
    talk = Talk(rig)
    await talk.begin()
    await speak(talk, ("i1", 60), ("i2", 100))
    talk.play(2)
    talk.conversation.interrupt()
    told = await rig.sent()
    assert types(told) == [
        "response.cancel",
        "conversation.item.truncate",
        "conversation.item.delete",
    ]
    assert (told[1]["item_id"], told[2]["item_id"]) == ("i1", "i2")


@row("G5", Replace("telephony.realtime.session_body.turn_detection", leave_it_to_the_server))
async def test_G5_who_ends_an_interrupted_response_is_asked_for_not_guessed(rig: Rig) -> None:
    """We differ: the cancel goes out in any case; that it comes too late is an expected race."""
    talk = Talk(rig)
    await rig.open()
    talk.conversation.join(talk.port)
    for turns, is_servers in (("server", True), ("ours", False)):
        rig.command(Configure(settings(turns=turns)))
        detection = (await rig.answer_update())["session"]["audio"]["input"]["turn_detection"]
        assert detection["interrupt_response"] is is_servers
        assert detection["create_response"] is is_servers
    rig.command(Configure(settings(turns="server")))
    await rig.answer_update()
    await speak(talk, ("i1", 200))
    talk.play(1)
    await rig.says(speech_started())
    told = await rig.sent()
    assert types(told) == ["response.cancel", "conversation.item.truncate"]
    event_id = told[0]["event_id"]
    await rig.says(error("response_cancel_not_active", event_id=event_id))
    assert [event.is_harmless for event in rig.of(VoiceErrorReceived)] == [True]


@row("G6", Replace("telephony.realtime.session.RealtimeSession._cancel", take_a_cancel_for_the_end))
async def test_G6_only_a_response_under_way_is_cancelled_and_it_is_until_it_is_done(
    rig: Rig,
) -> None:
    await rig.grant()
    rig.command(CancelResponse(), CancelResponse("r0"))
    assert await rig.sent() == []
    await rig.says(response_created("r1"))
    rig.command(CancelResponse(), Respond())
    assert types(await rig.sent()) == ["response.cancel"]
    await rig.says(response_done("r1", "cancelled"))
    assert types(await rig.sent()) == ["response.create"]


@row("G7")
async def test_G7_an_item_is_cut_once(rig: Rig) -> None:
    talk = Talk(rig)
    await talk.begin()
    await speak(talk, ("i1", 200))
    talk.play(2)
    talk.conversation.interrupt()
    assert types(await rig.sent()) == ["response.cancel", "conversation.item.truncate"]
    await rig.says(delta(audio(200)))
    talk.play(2)
    talk.conversation.interrupt()
    assert await rig.sent() == []


@row("G8", Replace("telephony.engine.uplink_writer.UplinkWriter._die", raise_the_loss))
async def test_G8_a_socket_that_is_gone_does_not_keep_the_agent_talking(rig: Rig) -> None:
    talk = Talk(rig)
    await talk.begin()
    await speak(talk, ("i1", 200), ("i2", 200))
    talk.play(2)
    rig.peer.reset()
    talk.conversation.interrupt()
    talk.conversation.interrupt()
    assert talk.port.playout.queued_samples <= 8 * RAMP_MS
    assert [row.type for row in talk.rows if row.type.startswith("item.")] == [
        "item.truncated",
        "item.deleted",
    ]
    assert (await rig.closed()).is_clean is False
