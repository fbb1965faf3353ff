"""Rows K1-K10 and L1-L4: the server's other events, and what a session grants."""
# ruff: noqa: N802

import logging
from collections.abc import Iterator, Mapping
from typing import Any

from telephony.call import CallerIdled, TroubleNoted
from telephony.engine.realtime_socket import RealtimeSocket, SocketSettings
from telephony.media.interruption import Interruption, interrupt
from telephony.realtime import ResponseObject
from telephony.realtime.events import SERVER_EVENTS, ServerEvent, parse_server_event
from telephony.realtime.wire import parse_tagged
from telephony.voice import (
    DigitReceived,
    IdleTimedOut,
    PlayoutReported,
    RateLimitUpdated,
    ResponseFinished,
    ResponseStarted,
    ResponseStatus,
    SessionGranted,
    SessionOpened,
    TruncateItem,
    UnknownEventReceived,
    VoiceCommand,
    VoiceErrorReceived,
    VoiceEvent,
    VoiceFormat,
)
from tests.support.realtime_rig import (
    CREATED,
    Event,
    Rig,
    Talk,
    audio_done,
    delta,
    error,
    response_created,
    response_done,
    speech_started,
    types,
    updated,
)
from tests.support.realtime_rows import Replace, row

PCMU, PCMA, PCM = VoiceFormat.PCMU, VoiceFormat.PCMA, VoiceFormat.PCM
PRIVATE = "what the caller said"
NEW_EVENTS = 1500
handle_messages = vars(RealtimeSocket)["_handle_messages"]
ITEM = b'{"type":"conversation.item.added","previous_item_id":null,"item":{"id":"i1"}}'


def refuse_what_is_new(text: bytes) -> ServerEvent:
    """Take a closed union as all there can ever be."""
    return parse_tagged(SERVER_EVENTS, text)


def write_over_null(adapter: Any, text: bytes) -> ServerEvent:
    """Change the message for whoever else holds it."""
    event: ServerEvent = parse_tagged(adapter, text.replace(b":null", b':""'))
    return event


def let_memories_be(interruption: Interruption) -> list[VoiceCommand]:
    """Believe that the server knows what the caller heard."""
    told = interrupt(interruption)
    return [command for command in told if not isinstance(command, TruncateItem)]


def call_it_complete(response: ResponseObject) -> ResponseFinished:
    """Tell of the end of a response and not how it ended."""
    return ResponseFinished(response.id, ResponseStatus.COMPLETED)


def show_nothing(self: Any) -> None:
    """Keep the server's messages to ourselves."""
    self._on_message = None
    handle_messages(self)


def take_as_asked(session: Mapping[str, Any], direction: str) -> None:
    """Never look at what was granted."""
    del session, direction


class Keeper(logging.Handler):
    """Keeps whatever is logged, at any level."""

    def __init__(self, kept: list[logging.LogRecord]) -> None:
        super().__init__()
        self._kept = kept

    def emit(self, record: logging.LogRecord) -> None:
        self._kept.append(record)


def tell_nothing(event: ServerEvent) -> Iterator[VoiceEvent]:
    """Read an event and drop it."""
    del event
    yield from ()


def overlook_what_it_is(text: bytes) -> ServerEvent:
    """Take every session as one that holds a conversation."""
    return parse_server_event(text.replace(b'"transcription"', b'"realtime"'))


@row(
    "K1", Replace("telephony.engine.realtime_socket.RealtimeSocket._handle_messages", show_nothing)
)
async def test_K1_every_message_can_be_seen_as_it_came_valid_or_not(rig: Rig) -> None:
    seen: list[bytes] = []
    rig.renew(SocketSettings(on_message=seen.append))
    await rig.grant()
    seen.clear()
    await rig.says_octets(ITEM, b"{", b'{"type":"new"}')
    assert seen == [ITEM, b"{", b'{"type":"new"}']


@row("K2", Replace("telephony.realtime.events.parse_tagged", write_over_null))
async def test_K2_a_null_previous_item_stays_null(rig: Rig) -> None:
    await rig.grant()
    before = len(rig.told)
    await rig.says_octets(ITEM)
    assert rig.told[before:] == []
    event = parse_server_event(ITEM)
    assert event.model_dump()["previous_item_id"] is None


@row("K3", Replace("telephony.realtime.events.parse_server_event", refuse_what_is_new))
async def test_K3_a_new_event_type_is_counted_noted_once_and_never_an_error(rig: Rig) -> None:
    logged: list[logging.LogRecord] = []
    handler = Keeper(logged)
    logging.getLogger().addHandler(handler)
    try:
        talk = Talk(rig)
        await talk.begin()
        new: Event = {"type": "response.of_tomorrow", "text": PRIVATE}
        await rig.says(*[new] * NEW_EVENTS)
    finally:
        logging.getLogger().removeHandler(handler)
    assert rig.session.counters.unknown == NEW_EVENTS
    assert rig.of(UnknownEventReceived) == [UnknownEventReceived(new["type"])] * NEW_EVENTS
    assert rig.of(VoiceErrorReceived) == []
    assert [trouble.code for trouble in talk.noted(TroubleNoted)] == ["voice.unknown_event"]
    assert not any(PRIVATE in str(row) for row in talk.rows)
    assert not any(PRIVATE in record.getMessage() for record in logged)


@row("K4", Replace("telephony.media.agent_audio.interrupt", let_memories_be))
async def test_K4_the_callers_speech_cuts_the_memory_at_what_was_sent(rig: Rig) -> None:
    talk = Talk(rig)
    await talk.begin()
    await rig.says(response_created(), delta(bytes(8 * 200)), audio_done(), response_done())
    talk.play(4)
    await rig.says(speech_started())
    (truncate,) = await rig.sent()
    assert (truncate["item_id"], truncate["audio_end_ms"]) == ("i1", 85)
    await rig.says(response_created("r2"), delta(bytes(8 * 60), "i2", "r2"))
    await rig.says(audio_done("i2", "r2"), response_done("r2"))
    talk.play(10)
    await rig.says(speech_started())
    assert await rig.sent() == [], "all of it was heard, long ago"


@row("K5")
async def test_K5_speech_before_any_audio_cancels_what_is_under_way_and_cuts_nothing(
    rig: Rig,
) -> None:
    """We differ: a response that the caller talks over is cancelled also before its first audio."""
    talk = Talk(rig)
    await talk.begin()
    await rig.says(speech_started())
    assert await rig.sent() == []
    await rig.says(response_created("r1"), speech_started())
    assert types(await rig.sent()) == ["response.cancel"]


@row("K6", Replace("telephony.realtime.session.response_finished", call_it_complete))
async def test_K6_a_response_tells_how_it_ended_and_why(rig: Rig) -> None:
    await rig.grant()
    rate = {"error": {"type": "invalid_request_error", "code": "rate_limit_exceeded"}}
    usage = {"total_tokens": 7}
    await rig.says(
        response_created("r1"),
        response_done("r1", usage=usage),
        response_done("r2", "cancelled", status_details={"reason": "turn_detected"}),
        response_done("r3", "incomplete", status_details={"reason": "max_output_tokens"}),
        response_done("r4", "failed", status_details=rate),
        response_done("r5", "failed", status_details="unimplemented"),
    )
    assert rig.of(ResponseStarted) == [ResponseStarted("r1")]
    assert rig.of(ResponseFinished) == [
        ResponseFinished("r1", ResponseStatus.COMPLETED, usage=usage),
        ResponseFinished("r2", ResponseStatus.CANCELLED, "turn_detected"),
        ResponseFinished("r3", ResponseStatus.INCOMPLETE, "max_output_tokens"),
        ResponseFinished("r4", ResponseStatus.FAILED, "rate_limit_exceeded"),
        ResponseFinished("r5", ResponseStatus.FAILED, "unimplemented"),
    ]


@row("K7")
async def test_K7_the_greeting_and_each_grant_are_told(rig: Rig) -> None:
    """We differ: nothing is sent at the greeting; what is wanted went out before it (row N3)."""
    await rig.open(CREATED)
    await rig.says(updated({"audio": {"input": {"format": {"type": "audio/pcma"}}}}))
    assert rig.told[:2] == [SessionOpened("sess_1", 1_800_000), SessionGranted(PCMA, PCMU)]
    assert await rig.sent() == []


@row("K8")
async def test_K8_an_error_is_told_with_its_code_and_ends_nothing(rig: Rig) -> None:
    await rig.grant()
    await rig.says(error("invalid_value", "Invalid value: 'x'"), {"type": "error", "error": {}})
    assert rig.of(VoiceErrorReceived) == [
        VoiceErrorReceived("invalid_value", "Invalid value: 'x'"),
        VoiceErrorReceived("", ""),
    ]
    await rig.says(response_created())
    assert rig.of(ResponseStarted)


@row("K9", Replace("telephony.realtime.session.news_of", tell_nothing))
async def test_K9_an_idle_caller_is_told_with_the_silence_in_question(rig: Rig) -> None:
    talk = Talk(rig)
    await talk.begin()
    place = {"item_id": "u1", "audio_start_ms": 100, "audio_end_ms": 6100}
    await rig.says({"type": "input_audio_buffer.timeout_triggered", **place})
    assert rig.of(IdleTimedOut) == [IdleTimedOut("u1", 100, 6100)]
    assert talk.noted(CallerIdled) == [CallerIdled(audio_start_ms=100, audio_end_ms=6100)]


@row("K10", Replace("telephony.realtime.session.news_of", tell_nothing))
async def test_K10_digits_the_output_buffer_and_rate_limits_are_events_of_their_own(
    rig: Rig,
) -> None:
    talk = Talk(rig)
    await talk.begin()
    limit = {"name": "tokens", "limit": 100, "remaining": 5, "reset_seconds": 1.5}
    await rig.says(
        {"type": "input_audio_buffer.dtmf_event_received", "event": "5", "received_at": 7},
        {"type": " input_audio_buffer.dtmf_event_received", "event": "#", "received_at": 8},
        {"type": "output_audio_buffer.started", "response_id": "r1"},
        {"type": "output_audio_buffer.stopped", "response_id": "r1"},
        {"type": "output_audio_buffer.cleared", "response_id": "r1"},
        {"type": "rate_limits.updated", "rate_limits": [limit]},
    )
    assert rig.of(DigitReceived) == [DigitReceived("5"), DigitReceived("#")]
    assert rig.of(PlayoutReported) == [
        PlayoutReported("r1", "started"),
        PlayoutReported("r1", "stopped"),
        PlayoutReported("r1", "cleared"),
    ]
    assert rig.of(RateLimitUpdated) == [RateLimitUpdated("tokens", 100, 5, 1.5)]
    (low,) = talk.noted(TroubleNoted)
    assert (low.code, low.text) == ("voice.rate_limit_low", "5 of 100 tokens are left")
    assert rig.session.counters.unknown == 0


@row("L1", Replace("telephony.realtime.events.parse_server_event", overlook_what_it_is))
async def test_L1_a_session_that_is_none_of_ours_grants_nothing(rig: Rig) -> None:
    await rig.open(CREATED)
    await rig.says(
        updated({"type": "transcription", "audio": {"input": {"format": {"type": "audio/pcm"}}}})
    )
    await rig.says_octets(b'{"type":"session.updated","session":"none"}')
    assert rig.of(SessionGranted) == []
    assert rig.session.counters.malformed == 2
    await rig.says(updated({"type": "realtime", "of": "tomorrow", "audio": {"new": {}}}))
    assert rig.of(SessionGranted) == [SessionGranted(PCMU, PCMU)]


@row("L2")
async def test_L2_an_output_format_is_known_in_every_spelling_and_another_refused(
    rig: Rig,
) -> None:
    """We differ: a format that we cannot play is an error by name, and no grant."""
    await rig.open(CREATED)
    for spelling, meant in (
        ({"type": "audio/pcmu"}, PCMU),
        ({"type": "audio/pcma", "rate": 8000}, PCMA),
        ({"type": "audio/pcm", "rate": 24000}, PCM),
        ("g711_alaw", PCMA),
    ):
        await rig.says(updated({"audio": {"output": {"format": spelling}}}))
        assert rig.of(SessionGranted)[-1] == SessionGranted(PCMU, meant)
    grants = len(rig.of(SessionGranted))
    for unknown in ("opus", {"type": "audio/pcm", "rate": 16000}):
        await rig.says(updated({"audio": {"output": {"format": unknown}}}))
    assert len(rig.of(SessionGranted)) == grants
    codes = [event.code for event in rig.of(VoiceErrorReceived)]
    assert codes == ["other_format"] * 3 + ["unsupported_format"] * 2


@row("L3")
async def test_L3_the_granted_format_reaches_the_playout_and_none_is_as_asked(rig: Rig) -> None:
    talk = Talk(rig)
    await talk.begin()
    await rig.says(updated({"audio": {"output": {"format": {"type": "audio/pcm"}}}}))
    await rig.says(response_created(), delta(bytes(48 * 100)))
    assert 8 * 90 <= talk.port.playout.queued_samples <= 8 * 100
    await rig.says(updated({}))
    assert rig.of(SessionGranted)[-1] == SessionGranted(PCMU, PCMU)


@row("L4", Replace("telephony.realtime.session.granted_format", take_as_asked))
async def test_L4_what_is_granted_wins_over_what_was_asked_in_both_directions(rig: Rig) -> None:
    talk = Talk(rig)
    await rig.open()
    talk.conversation.join(talk.port)
    talk.conversation.configure(talk.conversation.plan, talk.conversation.leg_format)
    await rig.sent()
    pcm = {"type": "audio/pcm", "rate": 24000}
    await rig.says(updated({"audio": {"input": {"format": pcm}, "output": {"format": pcm}}}))
    assert rig.of(SessionGranted) == [SessionGranted(PCM, PCM)]
    assert rig.session.input_format is PCM
    for _ in range(5):
        talk.port.uplink.sink(b"\xff" * 160)
    appended = await rig.sent()
    assert set(types(appended)) == {"input_audio_buffer.append"}
    octets = sum(len(event["audio"]) * 3 // 4 for event in appended)
    assert 4 * 960 <= octets <= 5 * 960
