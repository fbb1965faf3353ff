"""Rows D1-D7: the receive loop, and every way that it ends."""
# ruff: noqa: N802

import json
from typing import Any

from websockets.frames import Opcode

from telephony.call import CallState, TroubleNoted
from telephony.voice import (
    AudioReceived,
    ResponseStarted,
    SessionClosed,
    TruncateItem,
    VoiceErrorReceived,
)
from tests.support.call_bench import GRANTED, CallBench
from tests.support.realtime_rig import Rig, Talk, delta, response_created
from tests.support.realtime_rows import Replace, row

WRONG_SHAPES = (
    b"[]",
    b'"words"',
    b"7",
    b"null",
    b"{}",
    b'{"type":"response.created"}',
    b'{"type":"response.created","response":"r1"}',
    b'{"type":"session.updated","session":[]}',
    b'{"type":"conversation.item.added","item":null}',
    b'{"type":"input_audio_buffer.speech_started","audio_start_ms":"soon"}',
    b'{"type":"response.output_audio.delta","delta":{}}',
    b'{"type":"response.done","response":{"output":[7]}}',
)
MASKED_FRAME = b"\x81\x81mask\x00"
"""A server must not mask (RFC 6455 section 5.1)."""


def end_at_the_first_fault(self: Any, code: str, message: str) -> None:
    """What a session does whose listener raises on the first event that it cannot take."""
    self._end(1007, f"{code}: {message}", is_clean=False)


def give_up_loudly(self: Any) -> None:
    """What `give_up` would be if nobody remembered that the end was ours."""
    del self


def open_no_other(self: Any) -> None:
    """What another session would be if nobody opened it."""
    del self


@row("D1")
async def test_D1_a_frame_is_one_message_as_text_and_as_binary(rig: Rig) -> None:
    await rig.grant()
    message = json.dumps(response_created("r1")).encode()
    await rig.says_octets(message)
    await rig.says_octets(message, opcode=Opcode.BINARY)
    await rig.peer.send_fragments(message[:9], message[9:20], message[20:])
    await rig.until(lambda: len(rig.of(ResponseStarted)) >= 3)
    assert rig.of(ResponseStarted) == [ResponseStarted("r1")] * 3


@row("D2")
async def test_D2_broken_json_is_told_once_and_the_session_goes_on(rig: Rig) -> None:
    await rig.grant()
    await rig.says_octets(b'{"type":"response.created"', b"\xff\xfe", b"")
    assert [event.code for event in rig.of(VoiceErrorReceived)] == ["invalid_json"] * 3
    await rig.says(response_created())
    assert rig.of(ResponseStarted)


@row(
    "D3",
    Replace("telephony.realtime.session.RealtimeSession._malformed", end_at_the_first_fault),
)
async def test_D3_no_event_of_a_wrong_shape_ends_the_call(rig: Rig) -> None:
    await rig.grant()
    await rig.says_octets(*WRONG_SHAPES)
    assert len(rig.of(VoiceErrorReceived)) == len(WRONG_SHAPES)
    assert rig.session.counters.malformed == len(WRONG_SHAPES)
    await rig.says(response_created(), delta(bytes(160)))
    assert [event.audio for event in rig.of(AudioReceived)] == [bytes(160)]


@row("D4", Replace("telephony.realtime.session.CLEAN_CODES", frozenset[int]()))
async def test_D4_a_clean_close_ends_the_stream(rig: Rig) -> None:
    await rig.grant()
    await rig.peer.send_close(1001, "Your session hit the maximum duration")
    closed = await rig.closed()
    assert closed == SessionClosed(
        is_clean=True, code=1001, reason="Your session hit the maximum duration"
    )


@row("D5", Replace("telephony.call.conversation.Conversation.give_up", give_up_loudly))
async def test_D5_an_unclean_end_is_a_trouble_only_where_the_call_still_needs_the_session(
    rig: Rig,
) -> None:
    talk = Talk(rig)
    await talk.begin()
    talk.conversation.give_up()
    rig.peer.reset()
    closed = await rig.closed()
    assert (closed.is_clean, closed.code) == (False, 1006)
    assert talk.noted(TroubleNoted) == []
    other = Rig()
    try:
        lost = Talk(other)
        await lost.begin()
        other.peer.reset()
        await other.closed()
        assert [trouble.code for trouble in lost.noted(TroubleNoted)] == ["voice.lost"]
    finally:
        await other.close()


@row("D6")
async def test_D6_a_server_that_breaks_the_frames_rules_is_left(rig: Rig) -> None:
    await rig.grant()
    await rig.peer.send_raw(MASKED_FRAME)
    closed = await rig.closed()
    assert (closed.is_clean, closed.code) == (False, 1002)


@row("D7", Replace("telephony.call.voice_sessions.VoiceSessions._open_another", open_no_other))
async def test_D7_after_the_servers_end_nothing_raises_and_the_call_gets_another_session(
    rig: Rig,
) -> None:
    talk = Talk(rig)
    await talk.begin()
    await rig.peer.send_close(1011, "The server had an error")
    await rig.closed()
    rig.command(TruncateItem("i1", 0, 20))
    assert rig.append(bytes(160)) == 0
    bench = CallBench()
    bench.talk()
    bench.voice(SessionClosed(is_clean=False, code=1011, reason="The server had an error"))
    bench.run(2000)
    assert [opened.epoch for opened in bench.opened] == [0, 1]
    bench.voice(GRANTED)
    assert bench.call.state is CallState.UP
