"""Messages between engine and app survive the wire, and nothing else does."""

import json
from typing import Any, get_args

import pytest

from telephony.call import (
    AnswerCall,
    AttachHosted,
    CallCommand,
    CallEnded,
    CallEvent,
    CallIncoming,
    CallProgressed,
    DigitPressed,
    EventLog,
    HostedActDone,
    HostedActRequested,
    MessageError,
    PlayAudio,
    ReceiveHosted,
    ToolRequested,
    TransferProgressed,
    VoicePlan,
    decode_command,
    decode_event,
    encode,
)
from telephony.call.commands import CallCommandBody
from telephony.call.events import CallEventBody
from telephony.units import Nanoseconds


def bodies(union: Any) -> list[Any]:
    """Give the members of a discriminated union."""
    return list(get_args(get_args(union)[0]))


def test_types_are_unique_and_every_message_has_one() -> None:
    for union in (CallEventBody, CallCommandBody):
        types = [body.model_fields["type"].default for body in bodies(union)]
        assert len(set(types)) == len(types)
        assert all(types)


def test_a_command_round_trips() -> None:
    plan = VoicePlan(url="ws://127.0.0.1:1", agent="reception", headers=(("Authorization", "k"),))
    command = CallCommand(call_id="e1", body=AnswerCall(plan=plan))
    assert decode_command(encode(command)) == command


@pytest.mark.parametrize(
    "body",
    [
        ReceiveHosted(
            hosted_id="rtc_1",
            server="provider",
            number="+15551234567",
            caller="200",
            caller_name="Ann",
            headers=(("From", "<sip:200@h>"), ("X-Tag", "a"), ("X-Tag", "b")),
        ),
        AttachHosted(plan=VoicePlan(url="wss://h/v1/realtime", agent="reception")),
        HostedActDone(act="refer", status=200),
        HostedActDone(act="hang_up", status=None, reason="no answer in 5 s"),
    ],
)
def test_a_command_of_a_hosted_call_round_trips(body: CallCommandBody) -> None:
    command = CallCommand(call_id="h1", body=body)
    assert decode_command(encode(command)) == command


@pytest.mark.parametrize(
    "payload",
    [
        CallIncoming(
            way="hosted",
            number="+15551234567",
            to="+15551234567",
            caller="200",
            caller_name="",
            source="provider",
            hosted_id="rtc_1",
            capabilities=("talk",),
        ),
        HostedActRequested(act="refer", target="tel:+15551234567"),
        HostedActRequested(act="hang_up"),
    ],
)
def test_a_row_of_a_hosted_call_round_trips(payload: CallEventBody) -> None:
    event = EventLog("h1", Nanoseconds(0), 0.0).row(payload, Nanoseconds(0))
    assert decode_event(encode(event)) == event


def test_a_hosted_call_without_a_name_is_no_call() -> None:
    body = {"type": "receive_hosted", "hosted_id": "", "server": "p", "number": "1"}
    line = json.dumps({"call_id": "h1", "body": body}).encode()
    with pytest.raises(MessageError, match="hosted_id"):
        decode_command(line)


def test_audio_round_trips_as_base64() -> None:
    command = CallCommand(call_id="e1", body=PlayAudio(audio=bytes(range(256))))
    assert decode_command(encode(command)) == command


def test_an_event_round_trips() -> None:
    event = EventLog("e1", Nanoseconds(5), 100.0).row(
        CallEnded(by="remote", cause="BYE", counters={"rtp_sent": 3}), Nanoseconds(1_000_000_005)
    )
    assert decode_event(encode(event)) == event
    assert (event.seq, event.t_ns, event.wall) == (0, 1_000_000_000, 101.0)


def test_rows_are_numbered_without_a_gap() -> None:
    log = EventLog("e1", Nanoseconds(0), 0.0)
    rows = [log.row(DigitPressed(digit="1", method="rtp"), Nanoseconds(0)) for _ in range(3)]
    assert [row.seq for row in rows] == [0, 1, 2]
    assert log.rows_written == 3


@pytest.mark.parametrize(
    "payload",
    [
        CallIncoming(
            number="1",
            to="sip:1@h",
            caller="2",
            caller_name="M\udcfcller",
            source="h:5060",
            sip_call_id="c",
            headers=(("X-Name", "M\udcfcller"), ("Diversion", "<sip:\ud800@h>")),
        ),
        CallEnded(by="remote", cause="l\udce4uft", counters={"l\udce4uft": 1}),
        CallProgressed(status=180, reason="L\udce4utet"),
        TransferProgressed(status=180, reason="L\udce4utet"),
        ToolRequested(tool_call_id="c", name="f", arguments="\udcff"),
    ],
)
def test_octets_that_are_no_text_do_not_keep_a_row_from_the_app(payload: CallEventBody) -> None:
    event = EventLog("e1", Nanoseconds(0), 0.0).row(payload, Nanoseconds(0))
    assert decode_event(encode(event)) == event
    assert b"\xef\xbf\xbd" in encode(event), "what cannot be read is marked"


def test_a_key_never_shows_in_a_plan_that_is_printed() -> None:
    plan = VoicePlan(url="ws://h", agent="a", headers=(("Authorization", "Bearer s3cret"),))
    assert "s3cret" not in repr(plan)


@pytest.mark.parametrize(
    "change",
    [{"schema_version": 2}, {"call_id": None}, {"extra": 1}, {"payload": {"type": "no.such"}}],
)
def test_another_schema_is_refused(change: dict[str, object]) -> None:
    log = EventLog("e1", Nanoseconds(0), 0.0)
    event: CallEvent = log.row(DigitPressed(digit="1", method="rtp"), Nanoseconds(0))
    damaged = {**json.loads(encode(event)), **change}
    with pytest.raises(MessageError, match="schema 1"):
        decode_event(json.dumps(damaged).encode())


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"\xff\xfe", b"null"])
def test_garbage_is_refused(data: bytes) -> None:
    with pytest.raises(MessageError):
        decode_event(data)
    with pytest.raises(MessageError):
        decode_command(data)
