"""The scripted model speaks the Realtime protocol and keeps the books its log is judged by."""

import base64
import itertools
import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from tests.support.model_log import SessionRecord, read_log
from tests.support.model_server import ScriptedModel
from tests.support.patience import PATIENCE_SECONDS
from tests.support.position_code import FRAME_SAMPLES, coded, linear, locate
from tests.support.void import unless_void

Event = dict[str, Any]
Start = Callable[[str], tuple[ScriptedModel, ClientConnection]]
STILL_MS = 100.0


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start a model with a script, and connect to it."""
    with ExitStack() as stack:

        def begin(script: str) -> tuple[ScriptedModel, ClientConnection]:
            model = stack.enter_context(ScriptedModel(script, tmp_path / "model.jsonl"))
            return model, stack.enter_context(
                connect(model.url, compression=None, close_timeout=0.5)
            )

        yield begin


def say(client: ClientConnection, kind: str, **fields: object) -> None:
    client.send(json.dumps({"type": kind, **fields}))


def hear(client: ClientConnection, kind: str, timeout: float = PATIENCE_SECONDS) -> Event:
    """Read events until one of a type comes."""
    return hear_all(client, kind, timeout)[-1]


def hear_all(client: ClientConnection, last: str, timeout: float = PATIENCE_SECONDS) -> list[Event]:
    """Read all events up to the first of a type."""
    events: list[Event] = []
    while not events or events[-1].get("type") != last:
        events.append(json.loads(client.recv(timeout)))
    return events


def configure(client: ClientConnection, kind: str = "audio/pcmu") -> Event:
    form = {"type": kind}
    audio = {"input": {"format": form}, "output": {"format": form}}
    say(client, "session.update", session={"type": "realtime", "audio": audio})
    return dict(hear(client, "session.updated")["session"])


def append(client: ClientConnection, octets: bytes) -> None:
    audio = base64.b64encode(octets).decode()
    say(client, "input_audio_buffer.append", audio=audio)


def audio_of(events: list[Event]) -> bytes:
    deltas = (event["delta"] for event in events if event["type"] == "response.output_audio.delta")
    return b"".join(base64.b64decode(delta) for delta in deltas)


def only_record(model: ScriptedModel) -> SessionRecord:
    (record,) = read_log(model.log_path)
    return record


def test_it_grants_what_is_asked_and_keeps_the_rest(start: Start) -> None:
    _, client = start("plain")
    created = hear(client, "session.created")["session"]
    assert created["audio"]["input"]["format"] == {"type": "audio/pcm", "rate": 24000}
    granted = configure(client)
    assert granted["audio"]["input"]["format"] == {"type": "audio/pcmu"}
    assert granted["audio"]["output"] == {"format": {"type": "audio/pcmu"}, "voice": "marin"}
    assert granted["audio"]["input"]["turn_detection"]["type"] == "server_vad"


@unless_void(STILL_MS)
def test_a_response_is_position_coded_and_faster_than_real_time(start: Start) -> None:
    model, client = start("short")
    configure(client)
    began = time.monotonic()
    say(client, "response.create")
    events = hear_all(client, "response.done")
    assert time.monotonic() - began < 0.5
    audio = audio_of(events)
    assert len(audio) == 600 * 8
    found = locate(audio[:FRAME_SAMPLES])
    assert found is not None
    assert audio == coded(found.item, 0, len(audio))
    assert events[-1]["response"]["status"] == "completed"
    assert [event["type"] for event in events if "audio.delta" not in event["type"]] == [
        "response.created",
        "response.output_item.added",
        "conversation.item.added",
        "response.content_part.added",
        "response.output_audio_transcript.delta",
        "response.output_audio.done",
        "response.output_audio_transcript.done",
        "response.content_part.done",
        "conversation.item.done",
        "response.output_item.done",
        "response.done",
    ]
    (item,) = only_record(model).items
    assert (item.number, item.samples) == (found.item, 4800)


def test_pcm_holds_each_sample_three_times(start: Start) -> None:
    _, client = start("short")
    hear(client, "session.created")
    say(client, "response.create")
    audio = audio_of(hear_all(client, "response.done"))
    assert len(audio) == 600 * 8 * 6
    samples = memoryview(audio).cast("h").tolist()
    assert samples[0] == samples[1] == samples[2]
    assert samples[::3][:8] == [linear(octet) for octet in coded(0, 0, 8)]


def test_the_caller_s_audio_tells_the_call_and_speech_cuts_the_response(start: Start) -> None:
    model, client = start("plain")
    configure(client)
    append(client, b"\xff" * 100 + coded(77, 3, 60))
    say(client, "response.create")
    hear(client, "response.output_audio.delta")
    assert model.command("speech 76") == {"ok": False}
    assert model.command("speech 77") == {"ok": True}
    events = hear_all(client, "response.done")
    started = next(e for e in events if e["type"] == "input_audio_buffer.speech_started")
    assert started["audio_start_ms"] == 160 // 8
    assert events[-1]["response"]["status"] == "cancelled"
    assert events[-1]["response"]["status_details"]["reason"] == "turn_detected"
    assert hear(client, "input_audio_buffer.speech_stopped")["item_id"] == started["item_id"]
    assert hear(client, "conversation.item.done")["item"]["role"] == "user"
    record = only_record(model)
    assert record.call == 77
    assert record.speech_ns is not None
    assert 0 < record.items[0].samples < 64_000


def test_truncation_deletion_and_cancelling_are_booked_and_answered(start: Start) -> None:
    model, client = start("two-items")
    configure(client)
    say(client, "response.create")
    done = [
        e for e in hear_all(client, "response.done") if e["type"] == "response.output_item.done"
    ]
    first, second = (event["item"]["id"] for event in done)
    say(client, "response.cancel", event_id="mine")
    error = hear(client, "error")["error"]
    assert (error["code"], error["event_id"]) == ("response_cancel_not_active", "mine")
    cut = {"item_id": first, "content_index": 0}
    say(client, "conversation.item.truncate", **cut, audio_end_ms=1501)
    assert "already shorter" in hear(client, "error")["error"]["message"]
    say(client, "conversation.item.truncate", **cut, audio_end_ms=700)
    assert hear(client, "conversation.item.truncated")["audio_end_ms"] == 700
    say(client, "conversation.item.truncate", **cut, audio_end_ms=0)
    assert hear(client, "error")["error"]["code"] == "unsupported_content_type"
    say(client, "conversation.item.delete", item_id=second)
    assert hear(client, "conversation.item.deleted")["item_id"] == second
    say(client, "conversation.item.delete", item_id=second)
    assert hear(client, "error")["error"]["code"] == "item_not_found"
    say(client, "nonsense")
    assert hear(client, "error")["error"]["code"] == "invalid_value"
    client.close()
    record = only_record(model)
    assert record.items[1].is_deleted
    assert record.cancellations == 1
    assert record.errors[0] == "response_cancel_not_active"


def test_items_are_made_and_shown_and_a_second_response_is_refused(start: Start) -> None:
    _, client = start("plain")
    configure(client)
    made = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hi"}]}
    say(client, "conversation.item.create", item=made)
    item = hear(client, "conversation.item.done")["item"]
    assert item["content"] == made["content"]
    say(client, "conversation.item.retrieve", item_id=item["id"])
    assert hear(client, "conversation.item.retrieved")["item"]["id"] == item["id"]
    say(client, "response.create")
    say(client, "response.create")
    error = hear(client, "error")["error"]
    assert error["code"] == "conversation_already_has_active_response"
    say(client, "response.cancel")
    details = hear(client, "response.done")["response"]["status_details"]
    assert details["reason"] == "client_cancelled"


def test_a_stall_and_a_late_beginning_take_their_time(start: Start) -> None:
    model, client = start("late")
    configure(client)
    began = time.monotonic()
    say(client, "response.create")
    hear(client, "response.output_audio.delta")
    assert time.monotonic() - began > 0.55
    assert model.command("script stall") == {"ok": True}
    with connect(model.url, compression=None, close_timeout=0.5) as other:
        configure(other)
        say(other, "response.create")
        arrivals: list[float] = []
        while len(arrivals) < 17:
            hear(other, "response.output_audio.delta")
            arrivals.append(time.monotonic())
    gaps = [after - before for before, after in itertools.pairwise(arrivals)]
    assert max(gaps) > 1.9
    assert gaps.index(max(gaps)) == 14


def test_it_calls_a_tool_when_told(start: Start) -> None:
    model, client = start("silent")
    configure(client)
    append(client, coded(5, 0, 160))
    while not model.command("tool 5 press keys=12")["ok"]:
        time.sleep(0.01)
    done = hear(client, "response.function_call_arguments.done")
    assert (done["name"], json.loads(done["arguments"])) == ("press", {"keys": "12"})
    assert model.command("sessions") == {"ok": True, "sessions": 1}


def test_it_echoes(start: Start) -> None:
    _, client = start("echo")
    configure(client)
    say(client, "response.create")
    hear(client, "response.created")
    append(client, coded(5, 0, 160))
    delta = hear(client, "response.output_audio.delta")["delta"]
    assert base64.b64decode(delta) == coded(5, 0, 160)


def test_scripted_speech_comes_at_a_seeded_moment(start: Start) -> None:
    _, client = start("seeded-speech")
    configure(client)
    say(client, "response.create")
    hear(client, "input_audio_buffer.speech_started")
    assert hear(client, "response.done")["response"]["status"] == "cancelled"


def begin_fault(start: Start, script: str) -> ClientConnection:
    _, client = start(script)
    configure(client)
    say(client, "response.create")
    return client


def test_it_closes_in_the_middle(start: Start) -> None:
    client = begin_fault(start, "closes")
    with pytest.raises(ConnectionClosed):
        hear(client, "response.done")


def test_it_sends_broken_json(start: Start) -> None:
    client = begin_fault(start, "broken-json")
    with pytest.raises(json.JSONDecodeError):
        hear(client, "response.done")


def test_it_sends_unknown_events_and_one_without_a_type(start: Start) -> None:
    events = hear_all(begin_fault(start, "unknown-events"), "response.done")
    assert any(event.get("type") == "response.output_smell.delta" for event in events)
    assert any("type" not in event for event in events)


def test_it_sends_bad_base64(start: Start) -> None:
    events = hear_all(begin_fault(start, "bad-base64"), "response.done")
    assert any("?" in event["delta"] for event in events if event["type"].endswith("audio.delta"))


def test_it_sends_audio_of_a_cut_item(start: Start) -> None:
    client = begin_fault(start, "audio-after-cut")
    hear(client, "response.done")
    assert hear(client, "response.output_audio.delta")


def test_it_stops_reading(start: Start) -> None:
    model, client = start("stops-reading")
    configure(client)
    append(client, b"\xff" * 8000)
    say(client, "response.create")
    with pytest.raises(TimeoutError):
        hear(client, "response.created", timeout=1.0)
    assert only_record(model).events["input_audio_buffer.append"] == 1


def test_it_refuses_the_key(start: Start) -> None:
    with pytest.raises(InvalidStatus) as refused:
        start("refuses-key")
    assert refused.value.response.status_code == 401


def test_it_is_absent(start: Start) -> None:
    with pytest.raises(ConnectionRefusedError):
        start("absent")
