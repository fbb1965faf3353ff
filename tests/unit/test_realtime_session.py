"""The session in the words of the port: commands to exact messages, messages to events."""

import base64
import json
from collections.abc import Mapping
from dataclasses import replace
from itertools import count
from typing import Any

import pytest

from telephony.realtime.session import CLOSE_NS, MAX_MESSAGE_OCTETS, RealtimeSession
from telephony.units import Nanoseconds
from telephony.voice import (
    AddText,
    AgentTranscribed,
    AudioFinished,
    AudioReceived,
    CallerTranscribed,
    CancelResponse,
    ClearAudio,
    ClearPlayout,
    Close,
    CommitAudio,
    Configure,
    DeleteItem,
    ItemCameLate,
    ItemDeleted,
    ItemTruncated,
    Message,
    Respond,
    ResponseFinished,
    ResponseStarted,
    ResponseStatus,
    SessionClosed,
    SessionGranted,
    SessionOpened,
    SessionSettings,
    SpeechStarted,
    SpeechStopped,
    ToolCalled,
    ToolResult,
    TruncateItem,
    UnknownEventReceived,
    VoiceCommand,
    VoiceErrorReceived,
    VoiceEvent,
    VoiceFormat,
    VoiceSession,
)

NOW = Nanoseconds(5_000_000_000)
AUDIO = bytes(range(100))


class Talk:
    """A session, what it sent as JSON, and what it told."""

    def __init__(self, *commands: VoiceCommand) -> None:
        ids = count(1)
        self.session = RealtimeSession(lambda: str(next(ids)))
        self.command(*commands)

    def drain(self) -> tuple[list[Message], list[VoiceEvent]]:
        messages: list[Message] = []
        told: list[VoiceEvent] = []
        while (output := self.session.poll_output()) is not None:
            if isinstance(output, Message):
                messages.append(output)
            else:
                told.append(output)
        return messages, told

    def command(self, *commands: VoiceCommand) -> list[object]:
        for command in commands:
            self.session.handle_command(command, NOW)
        return [json.loads(message.text) for message in self.drain()[0]]

    def hear(self, *server_events: Mapping[str, object]) -> list[VoiceEvent]:
        for event in server_events:
            self.session.handle_message(json.dumps(event).encode(), NOW)
        return self.drain()[1]

    def answer(self, event: Mapping[str, object]) -> list[object]:
        self.session.handle_message(json.dumps(event).encode(), NOW)
        return [json.loads(message.text) for message in self.drain()[0]]


def created(response_id: str = "r1") -> dict[str, object]:
    return {"type": "response.created", "response": {"id": response_id, "status": "in_progress"}}


def done(response_id: str = "r1", /, **fields: object) -> dict[str, object]:
    response = {"id": response_id, "status": "completed", **fields}
    return {"type": "response.done", "response": response}


def delta(audio: bytes = AUDIO, item_id: str = "i1", response_id: str = "r1") -> dict[str, object]:
    return {
        "type": "response.output_audio.delta",
        "response_id": response_id,
        "item_id": item_id,
        "output_index": 0,
        "content_index": 0,
        "delta": base64.b64encode(audio).decode(),
    }


def heard(item_id: str = "i1", response_id: str = "r1", audio: bytes = AUDIO) -> AudioReceived:
    return AudioReceived(response_id, item_id, 0, audio)


def speech(name: str, **fields: object) -> dict[str, object]:
    return {"type": f"input_audio_buffer.speech_{name}", "item_id": "u1", **fields}


STARTED = speech("started", audio_start_ms=700)
STOPPED = speech("stopped", audio_end_ms=1900)


def error(code: str | None, event_id: str | None = None, message: str = "m") -> dict[str, object]:
    detail = {"type": "invalid_request_error", "code": code, "message": message}
    return {"type": "error", "error": {**detail, "event_id": event_id}}


def test_it_is_an_implementation_of_the_port() -> None:
    session: VoiceSession = RealtimeSession(lambda: "t")
    assert session.append_message(b"\0\0\0") == (
        b'{"type":"input_audio_buffer.append","audio":"AAAA"}'
    )


PLAIN = [
    (CommitAudio(), {"type": "input_audio_buffer.commit", "event_id": "commit_1"}),
    (ClearAudio(), {"type": "input_audio_buffer.clear", "event_id": "clear_1"}),
    (
        AddText("[keys 12#]"),
        {
            "type": "conversation.item.create",
            "event_id": "item_1",
            "item": {
                "type": "message",
                "role": "user",
                "content": [{"type": "input_text", "text": "[keys 12#]"}],
            },
        },
    ),
    (
        TruncateItem("i1", 0, 1234),
        {
            "type": "conversation.item.truncate",
            "event_id": "cut_1",
            "item_id": "i1",
            "content_index": 0,
            "audio_end_ms": 1234,
        },
    ),
    (
        DeleteItem("i1"),
        {"type": "conversation.item.delete", "event_id": "cut_1", "item_id": "i1"},
    ),
    (
        ToolResult("c1", "42", respond=False),
        {
            "type": "conversation.item.create",
            "event_id": "item_1",
            "item": {"type": "function_call_output", "call_id": "c1", "output": "42"},
        },
    ),
    (Respond(), {"type": "response.create", "event_id": "respond_1"}),
    (
        Respond("Greet."),
        {
            "type": "response.create",
            "event_id": "respond_1",
            "response": {"instructions": "Greet."},
        },
    ),
]


@pytest.mark.parametrize(("command", "wanted"), PLAIN)
def test_a_command_is_one_message_of_the_ga_shape(command: VoiceCommand, wanted: object) -> None:
    assert Talk().command(command) == [wanted]


@pytest.mark.parametrize(
    ("turns", "after_audio"),
    [("server", [True, True, False, False]), ("ours", [True, True, False, True])],
)
def test_commit_and_clear_keep_their_place_and_so_does_what_follows_our_own_commit(
    turns: str, after_audio: list[bool]
) -> None:
    talk = Talk(Configure(SessionSettings(turns="ours" if turns == "ours" else "server")))
    for command in (CommitAudio(), ClearAudio(), AddText("t"), Respond()):
        talk.session.handle_command(command, NOW)
    assert [message.after_audio for message in talk.drain()[0]] == after_audio


def test_a_tool_result_is_followed_by_one_response() -> None:
    sent = Talk().command(ToolResult("c1", "1"), ToolResult("c2", "2"))
    item = {"type": "function_call_output", "call_id": "c2", "output": "2"}
    assert sent[1:] == [
        {"type": "response.create", "event_id": "respond_2"},
        {"type": "conversation.item.create", "event_id": "item_3", "item": item},
    ]


def test_the_session_is_opened_asked_for_and_granted() -> None:
    talk = Talk()
    opened = {"type": "session.created", "session": {"id": "s1", "expires_at": 1_900_000_000}}
    assert talk.hear(opened) == [SessionOpened("s1", 1_900_000_000)]
    sent = talk.command(Configure(SessionSettings(audio_format=VoiceFormat.PCMA)))
    assert isinstance(sent[0], dict)
    assert (sent[0]["type"], sent[0]["event_id"]) == ("session.update", "update_1")
    granted = {
        "audio": {
            "input": {"format": {"type": "audio/pcma"}},
            "output": {"format": {"type": "audio/pcm", "rate": 24000}},
        }
    }
    before = talk.session.input_format
    assert talk.hear({"type": "session.updated", "session": granted}) == [
        SessionGranted(VoiceFormat.PCMA, VoiceFormat.PCM),
        VoiceErrorReceived("other_format", "asked for pcma, granted pcma and pcm"),
    ]
    assert talk.hear({"type": "session.updated", "session": granted}) == [
        SessionGranted(VoiceFormat.PCMA, VoiceFormat.PCM)
    ]
    assert talk.session.counters.other_formats == 1
    assert [before, talk.session.input_format] == [VoiceFormat.PCM, VoiceFormat.PCMA]


def test_a_session_that_tells_no_formats_grants_those_asked_for() -> None:
    talk = Talk(Configure(SessionSettings()))
    assert talk.hear({"type": "session.updated", "session": {}}) == [
        SessionGranted(VoiceFormat.PCMU, VoiceFormat.PCMU)
    ]


def formats(update: Any) -> list[str]:
    """Give the audio formats that a session.update asks for."""
    audio = update["session"]["audio"]
    return [audio[direction]["format"]["type"] for direction in ("input", "output")]


FORMAT_REFUSALS: dict[str, dict[str, object]] = {
    "by the field": {"param": "session.audio.input.format.type", "event_id": "update_1"},
    "by the value": {"message": "Invalid value: 'audio/pcmu'", "event_id": "update_1"},
    "by an older field": {"param": "session.input_audio_format", "event_id": None},
    "by an older value": {"message": "g711_ulaw is not supported", "event_id": None},
}


@pytest.mark.parametrize("refusal", FORMAT_REFUSALS.values(), ids=FORMAT_REFUSALS.keys())
def test_a_server_that_refuses_g711_is_asked_for_pcm_once(refusal: dict[str, object]) -> None:
    talk = Talk(Configure(SessionSettings("Hi.")))
    refused = {"type": "error", "error": {"code": "invalid_value", "message": "m", **refusal}}
    talk.session.handle_message(json.dumps(refused).encode(), NOW)
    messages, told = talk.drain()
    [again] = [json.loads(message.text) for message in messages]
    assert formats(again) == ["audio/pcm", "audio/pcm"]
    assert again["session"]["instructions"] == "Hi."
    [event] = told
    assert isinstance(event, VoiceErrorReceived)
    assert event.is_harmless
    second = {"code": "invalid_value", **refusal, "event_id": again["event_id"]}
    assert talk.answer({"type": "error", "error": second}) == []
    assert talk.hear({"type": "session.updated", "session": {}}) == [
        SessionGranted(VoiceFormat.PCM, VoiceFormat.PCM)
    ]
    [later] = talk.command(Configure(SessionSettings("Next agent.")))
    assert formats(later) == ["audio/pcm", "audio/pcm"]
    assert talk.session.counters.format_fallbacks == 1


OTHER_REFUSALS: dict[str, dict[str, object]] = {
    "of something else": {"param": "session.voice", "event_id": "update_1"},
    "of another event": {"message": "audio/pcmu", "event_id": "item_9"},
}


@pytest.mark.parametrize("refusal", OTHER_REFUSALS.values(), ids=OTHER_REFUSALS.keys())
def test_another_refusal_leaves_the_format(refusal: dict[str, object]) -> None:
    talk = Talk(Configure(SessionSettings()))
    refused = {"type": "error", "error": {"code": "invalid_value", "message": "m", **refusal}}
    assert talk.answer(refused) == []
    assert talk.session.counters.format_fallbacks == 0


def test_an_error_of_no_event_after_the_grant_leaves_the_format() -> None:
    talk = Talk(Configure(SessionSettings()))
    talk.hear({"type": "session.updated", "session": {}})
    assert talk.answer(error("x", None, "bad audio format")) == []


def test_a_session_that_grants_what_we_cannot_speak_is_an_error_and_no_grant() -> None:
    talk = Talk(Configure(SessionSettings()))
    flat = {"input_audio_format": "g711_ulaw", "output_audio_format": "opus"}
    told = talk.hear({"type": "session.updated", "session": flat})
    assert [type(event) for event in told] == [VoiceErrorReceived]
    assert talk.session.input_format is VoiceFormat.PCM


ATTACHED = SessionSettings(owns_audio=False)


def test_an_attached_session_is_granted_whatever_its_line_carries() -> None:
    talk = Talk(Configure(ATTACHED))
    granted = {"audio": {"output": {"format": {"type": "audio/opus"}}}}
    assert talk.hear({"type": "session.updated", "session": granted}) == [
        SessionGranted(VoiceFormat.PCMU, VoiceFormat.PCMU)
    ]


def test_an_attached_session_is_not_asked_in_its_own_words_for_what_was_settled() -> None:
    fields = {
        "model": "m",
        "audio.input.format": {"type": "audio/pcmu"},
        "audio.output.voice": "v",
        "audio.input.turn_detection.threshold": 0.3,
        "audio.input.turn_detection": {"type": "server_vad", "threshold": 0.3, "eagerness": None},
        "audio.input.noise_reduction": None,
    }
    update: Any
    (update,) = Talk().command(Configure(replace(ATTACHED, provider_fields=fields)))
    session: Any = update["session"]
    assert "model" not in session
    assert "output" not in session["audio"]
    assert set(session["audio"]["input"]) == {"transcription", "turn_detection", "noise_reduction"}
    assert session["audio"]["input"]["turn_detection"] == {"type": "server_vad", "eagerness": None}
    own: Any
    (own,) = Talk().command(Configure(SessionSettings(provider_fields=fields)))
    assert own["session"]["model"] == "m"


def test_a_null_detector_stays_null_in_an_attached_session() -> None:
    fields = {"audio.input.turn_detection": None}
    update: Any
    (update,) = Talk().command(Configure(replace(ATTACHED, provider_fields=fields)))
    assert update["session"]["audio"]["input"]["turn_detection"] is None


def test_an_attached_session_is_given_no_audio_and_what_was_withheld_is_counted() -> None:
    talk = Talk(Configure(ATTACHED))
    assert talk.command(CommitAudio(), ClearAudio()) == []
    assert talk.session.counters.audio_withheld == 2


def test_a_providers_playout_is_cleared_and_our_own_is_not_its_affair() -> None:
    cleared = {"type": "output_audio_buffer.clear", "event_id": "cancel_2"}
    assert Talk(Configure(ATTACHED)).command(ClearPlayout()) == [cleared]
    talk = Talk(Configure(SessionSettings()))
    assert talk.command(ClearPlayout()) == []
    assert talk.session.counters.audio_withheld == 0


def test_an_expiry_that_is_no_number_is_not_told() -> None:
    told = Talk().hear({"type": "session.created", "session": {"expires_at": "soon"}})
    assert told == [SessionOpened("", None)]


def test_the_voice_is_asked_for_until_the_model_has_spoken() -> None:
    talk = Talk(Configure(SessionSettings(voice="marin")))
    talk.hear(delta())
    assert "marin" not in json.dumps(talk.command(Configure(SessionSettings(voice="marin"))))


def test_a_whole_turn_is_told_in_order() -> None:
    talk = Talk(Configure(SessionSettings()))
    talk.hear({"type": "session.updated", "session": {}})
    place = {"response_id": "r1", "item_id": "i1", "output_index": 0, "content_index": 0}
    heard_text = "conversation.item.input_audio_transcription"
    told = talk.hear(
        STARTED,
        STOPPED,
        {"type": "input_audio_buffer.committed", "item_id": "u1"},
        created(),
        {"type": f"{heard_text}.delta", "item_id": "u1", "delta": "Hel"},
        {"type": f"{heard_text}.delta", "item_id": "u1", "delta": "lo"},
        {"type": "response.output_audio_transcript.delta", **place, "delta": "Hi"},
        delta(),
        {"type": f"{heard_text}.completed", "item_id": "u1", "transcript": "Hello."},
        {"type": "response.output_audio.done", **place},
        {"type": "response.output_audio_transcript.done", **place, "transcript": "Hi."},
        done(usage={"total_tokens": 9}),
        {"type": "rate_limits.updated", "rate_limits": []},
    )
    assert told == [
        SpeechStarted("u1", 700),
        SpeechStopped("u1", 1900),
        ResponseStarted("r1"),
        CallerTranscribed("u1", "Hel", is_final=False),
        CallerTranscribed("u1", "Hello", is_final=False),
        AgentTranscribed("r1", "i1", 0, "Hi", is_final=False),
        heard(),
        CallerTranscribed("u1", "Hello.", is_final=True),
        AudioFinished("r1", "i1", 0),
        AgentTranscribed("r1", "i1", 0, "Hi.", is_final=True),
        ResponseFinished("r1", ResponseStatus.COMPLETED, usage={"total_tokens": 9}),
    ]


def test_a_transcript_that_will_change_is_not_final() -> None:
    kind = "conversation.item.input_audio_transcription.completed"
    event = {"type": kind, "item_id": "u1", "transcript": "Hel", "status": "in_progress"}
    assert Talk().hear(event) == [CallerTranscribed("u1", "Hel", is_final=False)]


def test_a_transcription_that_failed_is_told() -> None:
    kind = "conversation.item.input_audio_transcription.failed"
    told = Talk().hear({"type": kind, "item_id": "u1", "error": {"message": "no model"}})
    assert told == [VoiceErrorReceived("transcription_failed", "no model")]


OUTCOMES = [
    ({"status": None}, ResponseStatus.COMPLETED, ""),
    (
        {"status": "cancelled", "status_details": {"reason": "turn_detected"}},
        ResponseStatus.CANCELLED,
        "turn_detected",
    ),
    ({"status": "incomplete", "status_details": None}, ResponseStatus.INCOMPLETE, "incomplete"),
    (
        {"status": "failed", "status_details": {"error": {"code": "quota", "message": "none"}}},
        ResponseStatus.FAILED,
        "quota: none",
    ),
    (
        {"status": "failed", "status_details": {"error": {"type": "server_error"}}},
        ResponseStatus.FAILED,
        "server_error",
    ),
    ({"status": "mislaid"}, ResponseStatus.FAILED, "mislaid"),
    (
        {"status": "failed", "status_details": "unimplemented"},
        ResponseStatus.FAILED,
        "unimplemented",
    ),
]


@pytest.mark.parametrize(("fields", "status", "reason"), OUTCOMES)
def test_how_a_response_ended_is_told(
    fields: dict[str, object], status: ResponseStatus, reason: str
) -> None:
    assert Talk().hear(done(**fields)) == [ResponseFinished("r1", status, reason)]


CALL = {"type": "function_call", "id": "f1", "call_id": "c1", "name": "look_up", "arguments": "{}"}
CALL_EVENTS: dict[str, list[dict[str, object]]] = {
    "arguments.done": [
        {
            "type": "response.function_call_arguments.done",
            "response_id": "r1",
            "item_id": "f1",
            "call_id": "c1",
            "name": "look_up",
            "arguments": "{}",
        }
    ],
    "arguments.done without a name": [
        {"type": "response.output_item.added", "response_id": "r1", "item": CALL},
        {
            "type": "response.function_call_arguments.done",
            "response_id": "r1",
            "item_id": "f1",
            "call_id": "c1",
            "arguments": "{}",
        },
    ],
    "output_item.done": [
        {
            "type": "response.output_item.done",
            "response_id": "r1",
            "item": {**CALL, "status": "completed"},
        }
    ],
}


@pytest.mark.parametrize("server_events", CALL_EVENTS.values(), ids=CALL_EVENTS.keys())
def test_a_tool_call_is_told_once_however_often_the_server_repeats_it(
    server_events: list[dict[str, object]],
) -> None:
    talk = Talk()
    called = ToolCalled("r1", "f1", "c1", "look_up", "{}")
    assert talk.hear(*server_events) == [called]
    rest = CALL_EVENTS["output_item.done"][0]
    assert talk.hear(rest, done(output=[CALL])) == [
        ResponseFinished("r1", ResponseStatus.COMPLETED)
    ]


def test_a_tool_call_that_only_the_end_of_the_response_tells_is_told() -> None:
    assert ToolCalled("r1", "f1", "c1", "look_up", "{}") in Talk().hear(done(output=[CALL]))


@pytest.mark.parametrize(
    "item", [{**CALL, "status": "incomplete"}, {**CALL, "name": None}, {"type": "message"}]
)
def test_an_item_that_is_no_complete_call_is_not_told(item: dict[str, object]) -> None:
    assert (
        Talk().hear(
            {
                "type": "response.output_item.added",
                "response_id": "r1",
                "item": {"type": "message"},
            },
            {"type": "response.output_item.done", "response_id": "r1", "item": item},
        )
        == []
    )


def test_what_the_server_confirms_is_told() -> None:
    truncated = {"item_id": "i1", "content_index": 0, "audio_end_ms": 900}
    assert Talk().hear(
        {"type": "conversation.item.truncated", **truncated},
        {"type": "conversation.item.deleted", "item_id": "i2"},
    ) == [ItemTruncated("i1", 0, 900), ItemDeleted("i2")]


def test_audio_behind_the_callers_speech_is_dropped_and_counted() -> None:
    talk = Talk()
    talk.hear(created(), delta())
    place = {"response_id": "r1", "item_id": "i1"}
    told = talk.hear(STARTED, delta(), {"type": "response.output_audio.done", **place})
    assert told == [SpeechStarted("u1", 700)]
    assert talk.session.counters.late_deltas == 1
    assert talk.hear(created("r2"), delta(item_id="i2", response_id="r2")) == [
        ResponseStarted("r2"),
        heard("i2", "r2"),
    ]


def test_with_our_own_turns_speech_cuts_nothing() -> None:
    talk = Talk(Configure(SessionSettings(turns="ours", audio_format=VoiceFormat.PCM)))
    talk.hear(created())
    assert talk.hear(STARTED, STOPPED, delta())[-1] == heard()


@pytest.mark.parametrize("cut", [TruncateItem("i1", 0, 10), DeleteItem("i1")])
def test_audio_of_an_item_that_was_cut_and_of_its_response_is_dropped(cut: VoiceCommand) -> None:
    talk = Talk()
    talk.hear(created(), delta())
    talk.command(cut)
    told = talk.hear(delta(), delta(item_id="i2"), delta(), delta(item_id="i2"))
    assert told == [ItemCameLate("r1", "i2")]
    assert talk.session.counters.late_deltas == 4


@pytest.mark.parametrize("cut", [CancelResponse("r1"), CancelResponse()])
def test_an_item_that_begins_behind_our_cancel_is_told_once(cut: VoiceCommand) -> None:
    talk = Talk()
    talk.hear(created(), delta())
    talk.command(cut)
    late = delta(item_id="i2")
    assert talk.hear(delta(), late, late, delta(item_id="i3")) == [
        ItemCameLate("r1", "i2"),
        ItemCameLate("r1", "i3"),
    ]


def test_an_item_that_begins_behind_the_callers_speech_is_told_on_either_path() -> None:
    talk = Talk()
    talk.hear(created(), STARTED)
    unusual = {"padding": " " * 300, **delta(item_id="i2"), "more": " " * 300}
    assert talk.hear(unusual, delta(item_id="i2")) == [ItemCameLate("r1", "i2")]


def test_audio_of_an_item_deleted_before_any_came_is_dropped() -> None:
    talk = Talk(DeleteItem("i1"))
    assert talk.hear(delta()) == []
    assert talk.hear(delta(item_id="i2")) == [heard("i2")]


def test_a_response_under_way_is_cancelled_by_its_id_and_its_audio_dropped() -> None:
    talk = Talk()
    talk.hear(created(), delta())
    assert talk.command(CancelResponse()) == [
        {"type": "response.cancel", "event_id": "cancel_1", "response_id": "r1"}
    ]
    assert talk.hear(delta()) == []


def test_a_response_asked_for_and_not_yet_begun_is_cancelled_without_an_id() -> None:
    talk = Talk(Respond())
    assert talk.command(CancelResponse()) == [{"type": "response.cancel", "event_id": "cancel_2"}]
    assert talk.hear(created(), delta()) == [ResponseStarted("r1"), ItemCameLate("r1", "i1")]
    assert talk.hear(done(), created("r2"), delta(item_id="i2", response_id="r2"))[-1] == heard(
        "i2", "r2"
    )


def test_a_cancel_that_found_nothing_does_not_silence_the_next_response() -> None:
    talk = Talk(Respond(), CancelResponse())
    told = talk.hear(error("response_cancel_not_active", "cancel_2"), created(), delta())
    assert told[-1] == heard()


def test_the_first_of_two_cancels_is_enough_to_drop_the_audio() -> None:
    talk = Talk()
    talk.hear(created(), delta())
    talk.command(CancelResponse("r1"), CancelResponse("r1"))
    assert talk.hear(delta()) == []


@pytest.mark.parametrize("response_id", [None, "r0"])
def test_there_is_nothing_to_cancel_when_no_response_is_under_way(response_id: str | None) -> None:
    talk = Talk()
    assert talk.command(CancelResponse(response_id)) == []


def test_a_response_that_has_ended_is_not_cancelled_in_place_of_the_next() -> None:
    talk = Talk()
    talk.hear(created("r1"), done("r1"), created("r2"))
    assert talk.command(CancelResponse("r1")) == []


HARMLESS = [
    error("response_cancel_not_active"),
    error("conversation_already_has_active_response"),
    error("unsupported_content_type", message="Only model output audio messages can be truncated"),
    error("invalid_value", message="Audio content of 800ms is already shorter than 885ms"),
    error("item_not_found", "cut_7"),
    error("anything", "cancel_7"),
    error("input_audio_buffer_commit_empty"),
]


@pytest.mark.parametrize("event", HARMLESS)
def test_an_expected_race_is_a_harmless_error(event: dict[str, object]) -> None:
    talk = Talk()
    told = talk.hear(event)
    assert [getattr(one, "is_harmless", None) for one in told] == [True]
    assert talk.session.counters.harmless_errors == 1


@pytest.mark.parametrize(
    ("event", "code"),
    [(error("rate_limit_exceeded"), "rate_limit_exceeded"), (error(None), "invalid_request_error")],
)
def test_another_error_is_told_as_such(event: dict[str, object], code: str) -> None:
    assert Talk().hear(event) == [VoiceErrorReceived(code, "m", is_harmless=False)]


def test_a_refused_response_is_asked_for_again_when_the_other_ends() -> None:
    talk = Talk(Respond())
    talk.hear(error("conversation_already_has_active_response", "respond_1"))
    assert talk.answer(done("r0")) == [{"type": "response.create", "event_id": "respond_2"}]


def test_a_response_the_server_never_answers_is_told() -> None:
    talk = Talk(Respond())
    deadline = talk.session.next_deadline()
    assert deadline is not None
    talk.session.handle_timer(deadline)
    told = talk.drain()[1]
    code, text = "response_unanswered", "no answer to response.create"
    assert told == [VoiceErrorReceived(code, text, is_harmless=True)]
    assert talk.session.counters.unanswered_responses == 1


@pytest.mark.parametrize(
    "text", [b"", b"{", b"[]", b"\xff\xfe", b'{"type":"response.created"}', b"null", b"{}"]
)
def test_broken_messages_are_errors_and_the_session_goes_on(text: bytes) -> None:
    talk = Talk()
    talk.session.handle_message(text, NOW)
    assert [type(event) for event in talk.drain()[1]] == [VoiceErrorReceived]
    assert talk.session.counters.malformed == 1
    assert talk.hear(delta()) == [heard()]


def test_a_message_past_the_limit_is_not_read() -> None:
    talk = Talk()
    talk.session.handle_message(b" " * (MAX_MESSAGE_OCTETS + 1), NOW)
    assert [getattr(event, "code", "") for event in talk.drain()[1]] == ["message_too_big"]


def test_an_unknown_event_is_counted_and_told() -> None:
    talk = Talk()
    assert talk.hear({"type": "mood.changed"}) == [UnknownEventReceived("mood.changed")]
    assert talk.session.counters.unknown == 1


def test_bad_base64_is_counted_and_the_next_delta_is_heard() -> None:
    talk = Talk()
    told = talk.hear({**delta(), "delta": "AAA*"}, delta())
    assert [type(event) for event in told] == [VoiceErrorReceived, AudioReceived]
    assert talk.session.counters.bad_audio == 1


def test_audio_written_with_escapes_is_heard() -> None:
    text = json.dumps(delta(b"\xfb\xff")).replace("+/8=", "\\u002b\\/8=").encode()
    talk = Talk()
    talk.session.handle_message(text, NOW)
    assert talk.drain()[1] == [heard(audio=b"\xfb\xff")]


def test_audio_without_the_fields_that_some_server_leaves_out_is_heard() -> None:
    event = {"type": "response.audio.delta", "item_id": "i1", "delta": "AAA="}
    assert Talk().hear(event) == [AudioReceived("", "i1", 0, b"\0\0")]


def test_empty_audio_is_not_told() -> None:
    assert Talk().hear(delta(b"")) == []


def test_pcm_is_told_in_whole_samples() -> None:
    talk = Talk()
    assert talk.hear(delta(b"\1\2\3"), delta(b"\4")) == [
        heard(audio=b"\1\2"),
        heard(audio=b"\3\4"),
    ]


@pytest.mark.parametrize(("code", "is_clean"), [(1000, True), (1001, True), (1006, False)])
def test_the_end_is_told_once_and_nothing_follows(code: int, is_clean: bool) -> None:
    talk = Talk()
    talk.session.handle_closed(code, "why", NOW)
    talk.session.handle_closed(1006, "again", NOW)
    assert talk.drain()[1] == [SessionClosed(is_clean, code, "why")]
    assert talk.hear(delta()) == []
    assert talk.command(Respond()) == []
    assert talk.session.next_deadline() is None


def test_a_close_that_is_not_answered_ends_the_session_after_two_seconds() -> None:
    talk = Talk(Close())
    deadline = Nanoseconds(NOW + CLOSE_NS)
    assert talk.session.next_deadline() == deadline
    assert talk.command(Respond()) == []
    talk.session.handle_timer(Nanoseconds(deadline - 1))
    assert talk.drain()[1] == []
    talk.session.handle_timer(deadline)
    assert talk.drain()[1] == [
        SessionClosed(is_clean=False, code=1006, reason="the server did not answer the close")
    ]


FAILURES_TOLD = (
    {
        "type": "conversation.item.input_audio_transcription.failed",
        "item_id": "u1",
        "error": {"message": "too noisy"},
    },
    {"type": "mcp_list_tools.failed", "item_id": "m1"},
    {"type": "response.mcp_call.failed", "item_id": "m1"},
)


@pytest.mark.parametrize(
    "event", FAILURES_TOLD, ids=[str(event["type"]) for event in FAILURES_TOLD]
)
def test_what_the_server_says_has_failed_counts_as_an_error(event: Mapping[str, object]) -> None:
    talk = Talk()
    (told,) = talk.hear(event)
    assert isinstance(told, VoiceErrorReceived)
    assert talk.session.counters.errors == 1


def test_audio_of_no_response_and_of_one_that_has_ended_is_heard_and_told_once() -> None:
    talk = Talk()
    talk.hear(created("r1"), done("r1"))
    late, unknown = delta(response_id="r1"), delta(item_id="i2", response_id="r2")
    told = talk.hear(late, late, unknown, unknown)
    assert [one for one in told if isinstance(one, AudioReceived)] == [
        *[heard()] * 2,
        *[heard("i2", "r2")] * 2,
    ]
    codes = [one.code for one in told if isinstance(one, VoiceErrorReceived)]
    assert codes == ["audio_after_done", "unknown_response"]
    counters = talk.session.counters
    assert (counters.audio_after_done, counters.unknown_audio) == (2, 2)


def test_a_function_call_under_the_id_of_another_is_a_call_of_its_own() -> None:
    talk = Talk()
    for number, response_id in enumerate(("r1", "r2")):
        item = {
            "id": f"f{number}",
            "type": "function_call",
            "call_id": "c1",
            "name": "order_status",
            "arguments": "{}",
        }
        talk.hear(created(response_id))
        told = talk.hear(done(response_id, output=[item]), done(response_id, output=[item]))
        calls = [one.call_id for one in told if isinstance(one, ToolCalled)]
        assert calls == [("c1", "c1~2")[number]]
    assert talk.command(ToolResult("c1~2", "42", respond=False)) == [
        {
            "type": "conversation.item.create",
            "event_id": "item_1",
            "item": {"type": "function_call_output", "call_id": "c1", "output": "42"},
        }
    ]
    assert talk.session.counters.reused_ids == 1
