"""Each server's own order and spelling of a turn, and that all of them mean the same to a call.

The orders are those of `reference/speech.md` section 8; the messages are ours.
"""

import base64
import json
from itertools import count
from typing import Any

import pytest

from telephony.realtime import PROFILES, RealtimeSession
from telephony.units import Nanoseconds
from telephony.voice import (
    AudioReceived,
    CallerTranscribed,
    Configure,
    DeleteItem,
    ItemTruncated,
    Message,
    ResponseFinished,
    ResponseStarted,
    SessionGranted,
    SessionSettings,
    SpeechStarted,
    SpeechStopped,
    ToolCalled,
    TruncateItem,
    TruncationUnsupported,
    VoiceCommand,
    VoiceErrorReceived,
    VoiceEvent,
    VoiceFormat,
)

NOW = Nanoseconds(5_000_000_000)
AUDIO = bytes(range(40))
Event = dict[str, Any]


class Server:
    """A session of a dialect, what it sent, and what it told."""

    def __init__(self, dialect: str) -> None:
        ids = count(1)
        self.session = RealtimeSession(lambda: str(next(ids)), PROFILES[dialect])
        self.sent: list[Event] = []
        self.told: list[VoiceEvent] = []
        self.command(Configure(SessionSettings(audio_format=VoiceFormat.PCMU)))

    def command(self, command: VoiceCommand) -> None:
        self.session.handle_command(command, NOW)
        self._drain()

    def says(self, *events: Event) -> None:
        for event in events:
            self.session.handle_message(json.dumps(event).encode(), NOW)
            self._drain()

    def _drain(self) -> None:
        while (output := self.session.poll_output()) is not None:
            if isinstance(output, Message):
                self.sent.append(json.loads(output.text))
            else:
                self.told.append(output)


def said(kind: str, **fields: object) -> Event:
    return {"type": kind, "event_id": "event_TODO", **fields}


def part(kind: str, item: str = "i1", **fields: object) -> Event:
    return said(kind, response_id="r1", item_id=item, output_index=0, content_index=0, **fields)


DELTA = base64.b64encode(AUDIO).decode()
STARTED = said("input_audio_buffer.speech_started", item_id="u1", audio_start_ms=100)
STOPPED = said("input_audio_buffer.speech_stopped", item_id="u1", audio_end_ms=900)
COMMITTED = said("input_audio_buffer.committed", item_id="u1", previous_item_id=None)
CREATED = said("response.created", response={"id": "r1", "status": "in_progress"})
CALL: Event = {
    "id": "f1",
    "type": "function_call",
    "call_id": "c1",
    "name": "look_up",
    "arguments": "{}",
    "status": "completed",
}
MESSAGE: Event = {"id": "i1", "type": "message", "role": "assistant", "content": []}
USER: Event = {"id": "u1", "type": "message", "role": "user", "content": [{"type": "input_audio"}]}
HEARD = "conversation.item.input_audio_transcription"
PCM_SESSION = {"type": "realtime", "audio": {"input": {"format": {"type": "audio/pcm"}}}}
PCMU = {"format": {"type": "audio/pcmu"}}

STREAMS: dict[str, tuple[Event, ...]] = {
    "openai": (
        said("session.created", session={"id": "s"}),
        said("session.updated", session={"type": "realtime", "audio": {"input": PCMU}}),
        STARTED,
        STOPPED,
        COMMITTED,
        said("conversation.item.added", item=USER),
        said("conversation.item.done", item=USER),
        CREATED,
        said("response.output_item.added", response_id="r1", item=MESSAGE),
        said("conversation.item.added", item=MESSAGE),
        part("response.content_part.added", part={"type": "output_audio"}),
        part("response.output_audio.delta", delta=DELTA),
        part("response.output_audio.done"),
        part("response.output_audio_transcript.done", transcript="Hello."),
        said(f"{HEARD}.completed", item_id="u1", transcript="my order"),
        said("response.output_item.done", response_id="r1", item=CALL),
        said("response.done", response={"id": "r1", "status": "completed", "output": [CALL]}),
        said("rate_limits.updated", rate_limits=[]),
    ),
    "xai": (
        said("ping", timestamp=1),
        said("conversation.created", conversation={"id": "conv"}),
        said("session.updated", session={"voice": "not specified", "temperature": -1}),
        STARTED,
        said("conversation.item.added", item=USER),
        said(f"{HEARD}.updated", item_id="u1", transcript="my"),
        said(f"{HEARD}.completed", item_id="u1", transcript="my", status="in_progress"),
        said(f"{HEARD}.completed", item_id="u1", transcript="my order", status="completed"),
        STOPPED,
        COMMITTED,
        CREATED,
        said("response.output_item.added", response_id="r1", item=MESSAGE),
        part("response.output_audio.delta", delta=DELTA),
        part("response.content_part.done", part={"type": "audio", "transcript": "Hello."}),
        part("response.output_audio.done"),
        said(
            "response.function_call_arguments.done",
            response_id="r1",
            item_id="f1",
            call_id="c1",
            name="look_up",
            arguments="{}",
        ),
        said(
            "response.done",
            response={"id": "r1", "status": "completed", "status_details": "unimplemented"},
            usage={"total_tokens": 1},
        ),
    ),
    "localai": (
        said("session.created", session={"id": "s", "audio": {}}),
        said("session.updated", session=PCM_SESSION),
        STARTED,
        said("conversation.item.sound_detection", label="dog"),
        STOPPED,
        COMMITTED,
        said(f"{HEARD}.completed", item_id="u1", transcript="my order"),
        said("conversation.item.speaker", speaker="a"),
        CREATED,
        part("response.output_audio.delta", delta=DELTA),
        part("response.output_audio.done"),
        said("response.output_item.done", response_id="r1", item=CALL),
        said("response.done", response={"id": "r1", "status": "completed"}),
    ),
    "speaches": (
        said("session.created", session={"input_audio_format": "pcm16"}),
        said(
            "session.updated",
            session={"input_audio_format": "pcm16", "output_audio_format": "pcm16"},
        ),
        STARTED,
        STOPPED,
        COMMITTED,
        said("conversation.item.created", item=USER, previous_item_id=None),
        said(f"{HEARD}.completed", item_id="u1", transcript="my order"),
        CREATED,
        said("response.output_item.added", response_id="r1", item=MESSAGE),
        said("conversation.item.created", item=MESSAGE),
        part("response.audio_transcript.delta", delta="Hello."),
        part("response.audio.delta", delta=DELTA),
        part("response.audio.done"),
        part("response.audio_transcript.done", transcript="Hello."),
        said("response.output_item.done", response_id="r1", item=CALL),
        said("response.done", response={"id": "r1", "status": "completed", "output": [CALL]}),
    ),
}
STREAMS["azure"] = STREAMS["generic"] = STREAMS["openai"]
G711 = {"openai", "azure", "generic", "xai"}


@pytest.mark.parametrize("dialect", list(PROFILES))
def test_a_turn_means_the_same_whoever_tells_it(dialect: str) -> None:
    server = Server(dialect)
    server.says(*STREAMS[dialect])
    kinds = (SpeechStarted, SpeechStopped, ResponseStarted, AudioReceived, ToolCalled)
    assert [event for event in server.told if isinstance(event, kinds)] == [
        SpeechStarted("u1", 100),
        SpeechStopped("u1", 900),
        ResponseStarted("r1"),
        AudioReceived("r1", "i1", 0, AUDIO),
        ToolCalled("r1", "f1", "c1", "look_up", "{}"),
    ]
    finals = [one for one in server.told if isinstance(one, CallerTranscribed) and one.is_final]
    assert finals == [CallerTranscribed("u1", "my order", is_final=True)]
    assert [one.response_id for one in server.told if isinstance(one, ResponseFinished)] == ["r1"]
    wanted = VoiceFormat.PCMU if dialect in G711 else VoiceFormat.PCM
    assert SessionGranted(wanted, wanted) in server.told
    assert not [one for one in server.told if isinstance(one, VoiceErrorReceived)]
    assert server.session.counters.malformed == 0


@pytest.mark.parametrize("dialect", sorted(PROFILES))
def test_a_cut_goes_out_and_where_it_has_no_effect_that_is_told(dialect: str) -> None:
    server = Server(dialect)
    server.command(TruncateItem("i1", 0, 20))
    server.command(DeleteItem("i2"))
    assert [event["type"] for event in server.sent[1:]] == [
        "conversation.item.truncate",
        "conversation.item.delete",
    ]
    lacks = dialect in ("xai", "localai")
    assert server.told == ([TruncationUnsupported("i1")] if lacks else [])


@pytest.mark.parametrize(
    ("code", "is_unsupported"),
    [("unknown_event_type", True), ("not_implemented", True), ("item_not_found", False)],
)
def test_a_server_may_say_itself_that_it_cannot_cut(code: str, is_unsupported: bool) -> None:
    server = Server("generic")
    server.command(TruncateItem("i1", 0, 20))
    error = {"code": code, "message": "no", "event_id": server.sent[-1]["event_id"]}
    server.says(said("error", error=error))
    assert (TruncationUnsupported("") in server.told) == is_unsupported
    (refused,) = (one for one in server.told if isinstance(one, VoiceErrorReceived))
    assert refused.is_harmless
    server.says(said("conversation.item.truncated", item_id="i1", audio_end_ms=20))
    assert server.told[-1] == ItemTruncated("i1", 0, 20)


def test_g711_is_not_asked_for_where_nobody_takes_it() -> None:
    (update,) = Server("localai").sent
    assert update["session"]["audio"]["input"]["format"] == {"type": "audio/pcm", "rate": 24_000}
