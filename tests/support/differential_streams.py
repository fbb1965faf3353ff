"""The streams on which our model and the SDK's own are compared."""

import json

from agents.realtime.model_inputs import RealtimeModelSendInterrupt, RealtimeModelSendRawMessage

from tests.support.differential import Side, Story, numbered
from tests.support.realtime_rig import (
    Event,
    audio_done,
    delta,
    error,
    response_created,
    response_done,
    speech_started,
)

__all__ = ["STREAMS", "UNTRACKED"]

SECOND = bytes(8_000)
"""Of G.711."""
USAGE = {
    "total_tokens": 30,
    "input_tokens": 20,
    "output_tokens": 10,
    "input_token_details": {"text_tokens": 5, "audio_tokens": 15, "cached_tokens": 2},
    "output_token_details": {"text_tokens": 3, "audio_tokens": 7},
}


def at(kind: str, item_id: str = "i1", response_id: str = "r1", **fields: object) -> Event:
    """Say something of a part of a response."""
    place = {"response_id": response_id, "item_id": item_id, "output_index": 0, "content_index": 0}
    return {"type": kind, **place, **fields}


def sound(octets: bytes, item_id: str = "i1", response_id: str = "r1") -> Event:
    return delta(octets, item_id, response_id, output_index=0)


def silence(item_id: str = "i1", response_id: str = "r1") -> Event:
    return {**audio_done(item_id, response_id), "output_index": 0}


def message(item_id: str, role: str, status: str = "in_progress", *content: Event) -> Event:
    return {
        "id": item_id,
        "type": "message",
        "role": role,
        "status": status,
        "content": list(content),
    }


def item(kind: str, one: Event, **fields: object) -> Event:
    place = {"response_id": "r1", "output_index": 0} if kind.startswith("response.") else {}
    return {"type": kind, "item": one, **place, **fields}


def call(call_id: str, name: str, item_id: str = "f1") -> Event:
    return {
        "id": item_id,
        "type": "function_call",
        "status": "completed",
        "call_id": call_id,
        "name": name,
        "arguments": "{}",
    }


def begun(response_id: str = "r1") -> Event:
    return response_created(response_id)


def done(response_id: str = "r1", status: str = "completed", **fields: object) -> Event:
    return response_done(response_id, status, **fields)


def spoken(item_id: str = "i1", response_id: str = "r1") -> list[Event]:
    """A response of one second, all of it there at once."""
    words = {"type": "output_audio", "transcript": "Hello."}
    return numbered(
        begun(response_id),
        item("response.output_item.added", message(item_id, "assistant"), response_id=response_id),
        item("conversation.item.added", message(item_id, "assistant")),
        at("response.output_audio_transcript.delta", item_id, response_id, delta="Hello."),
        sound(SECOND, item_id, response_id),
        silence(item_id, response_id),
        at("response.output_audio_transcript.done", item_id, response_id, transcript="Hello."),
        item(
            "response.output_item.done",
            message(item_id, "assistant", "completed", words),
            response_id=response_id,
        ),
        done(response_id, usage=USAGE),
    )


async def text_turn(side: Side) -> None:
    await side.does("message", side.session.send_message("What are your opening hours?"))
    said = {"type": "input_text", "text": "What are your opening hours?"}
    heard = item(
        "conversation.item.added", message("u1", "user", "completed", said), previous_item_id=None
    )
    await side.says("answer", *numbered(heard), *spoken())
    picture = {"type": "input_image", "image_url": "data:image/png;base64,AA==", "detail": "low"}
    shown: Event = {
        "type": "message",
        "role": "user",
        "content": [{"type": "input_text", "text": "look"}, picture],
    }
    await side.does("picture", side.session.send_message(shown))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


async def audio_turn(side: Side) -> None:
    await side.does("audio", side.session.send_audio(bytes(160)))
    await side.does("commit", side.session.send_audio(bytes(160), commit=True))
    stopped = {"type": "input_audio_buffer.speech_stopped", "item_id": "u1", "audio_end_ms": 900}
    committed = {
        "type": "input_audio_buffer.committed",
        "item_id": "u1",
        "previous_item_id": None,
    }
    await side.says("speech", *numbered(speech_started(), stopped, committed))
    await side.says("answer", *spoken())


async def tool_turn(side: Side) -> None:
    asked = item("response.output_item.done", call("c1", "opening_hours"))
    await side.says("call", *numbered(begun(), asked))
    await side.says("done", *numbered(done()))
    await side.says("told", *spoken("i2", "r2"))


async def two_tools(side: Side) -> None:
    first = item("response.output_item.done", call("c1", "opening_hours"))
    second = item("response.output_item.done", call("c2", "address", "f2"))
    await side.says("calls", *numbered(begun(), first, second))
    await side.says("done", *numbered(done()))


async def handoff(side: Side) -> None:
    await side.says("greeting", *spoken())
    asked = item("response.output_item.done", call("c1", "transfer_to_billing"), response_id="r2")
    await side.says("call", *numbered(begun("r2"), asked))
    await side.says("done", *numbered(done("r2")))


async def barge_in_early(side: Side) -> None:
    await side.says("audio", *numbered(begun(), sound(SECOND)))
    side.tracker.on_play_ms("i1", 0, 200)
    await side.says("speech", *numbered(speech_started()))
    await side.says("late", *numbered(sound(bytes(160)), done(status="cancelled")))


async def barge_in_late(side: Side) -> None:
    await side.says("audio", *spoken())
    side.tracker.on_play_ms("i1", 0, 700)
    await side.says("speech", *numbered(speech_started()))
    confirmed = {
        "type": "conversation.item.truncated",
        "item_id": "i1",
        "content_index": 0,
        "audio_end_ms": 700,
    }
    await side.says("truncated", *numbered(confirmed))


async def barge_in_after_the_end(side: Side) -> None:
    await side.says("audio", *spoken())
    side.tracker.on_play_ms("i1", 0, 1_000)
    await side.says("speech", *numbered(speech_started()))


async def barge_in_on_a_queue(side: Side) -> None:
    await side.says("first", *spoken("i1", "r1"))
    await side.says("second", *spoken("i2", "r2"))
    side.tracker.on_play_ms("i1", 0, 300)
    await side.says("speech", *numbered(speech_started()))


async def barge_in_untracked(side: Side) -> None:
    await side.says("first", *spoken("i1", "r1"))
    await side.says("second", *spoken("i2", "r2"))
    await side.says("speech", *numbered(speech_started()))


async def interrupted_by_the_user(side: Side) -> None:
    await side.says("audio", *numbered(begun(), sound(SECOND)))
    side.tracker.on_play_ms("i1", 0, 250)
    await side.does("interrupt", side.session.interrupt())
    await side.says("done", *numbered(done(status="cancelled")))


async def cancelled_by_force(side: Side) -> None:
    await side.says("audio", *numbered(begun(), sound(SECOND)))
    side.tracker.on_play_ms("i1", 0, 250)
    event = RealtimeModelSendInterrupt(force_response_cancel=True, response_id="r1")
    await side.does("interrupt", side.session.model.send_event(event))
    await side.says("done", *numbered(sound(bytes(80)), done(status="cancelled")))


async def failed_responses(side: Side) -> None:
    details = {"type": "failed", "error": {"type": "server_error", "code": "overloaded"}}
    await side.says("failed", *numbered(begun(), done(status="failed", status_details=details)))
    short = {"type": "incomplete", "reason": "max_output_tokens"}
    await side.says(
        "incomplete", *numbered(begun("r2"), done("r2", "incomplete", status_details=short))
    )


async def errors(side: Side) -> None:
    await side.says("error", *numbered(error("bad_thing", type="invalid_request_error")))
    late = error("response_cancel_not_active", "nothing to cancel", type="invalid_request_error")
    await side.says("race", *numbered(late))
    await side.does("message", side.session.send_message("again"))


async def unknown_events(side: Side) -> None:
    await side.says("unknown", *numbered({"type": "response.brand_new", "x": 1}))
    limits = {"type": "rate_limits.updated", "rate_limits": [{"name": "tokens", "remaining": 5}]}
    await side.says("limits", *numbered(limits))
    stopped = {"type": "output_audio_buffer.stopped", "response_id": "r1"}
    await side.says("buffer", *numbered(stopped))
    key = {"type": "input_audio_buffer.dtmf_event_received", "event": "5", "received_at": 1}
    await side.says("key", key)
    idle = {
        "type": "input_audio_buffer.timeout_triggered",
        "item_id": "u1",
        "audio_start_ms": 0,
        "audio_end_ms": 5_000,
    }
    await side.says("idle", *numbered(idle))


async def transcription(side: Side) -> None:
    await side.says("greeting", *spoken())
    part = {
        "type": "conversation.item.input_audio_transcription.delta",
        "item_id": "u1",
        "content_index": 0,
        "delta": "Good",
    }
    await side.says("part", *numbered(part))
    whole = {
        "type": "conversation.item.input_audio_transcription.completed",
        "item_id": "u1",
        "content_index": 0,
        "transcript": "Good day.",
        "usage": {"type": "duration", "seconds": 1},
    }
    await side.says("whole", *numbered(whole))
    failed = {
        "type": "conversation.item.input_audio_transcription.failed",
        "item_id": "u2",
        "content_index": 0,
        "error": {"code": "unclear", "message": "could not be understood"},
    }
    await side.says("failed", *numbered(failed))


async def items(side: Side) -> None:
    audio = {"type": "input_audio", "transcript": None}
    one = message("u1", "user", "completed", audio)
    await side.says("added", *numbered(item("conversation.item.added", one, previous_item_id="i0")))
    words = {"type": "output_audio", "transcript": "Hello."}
    other = message("i1", "assistant", "completed", words)
    ended = message("i9", "assistant", "completed", words)
    await side.says("done", *numbered(item("conversation.item.done", ended, previous_item_id="u1")))
    await side.says("retrieved", *numbered(item("conversation.item.retrieved", other)))
    await side.says("deleted", *numbered({"type": "conversation.item.deleted", "item_id": "u1"}))


async def written_answer(side: Side) -> None:
    words = {"type": "output_text", "text": "Hello."}
    await side.says(
        "answer",
        *numbered(
            begun(),
            at("response.output_text.delta", delta="Hel"),
            at("response.output_text.delta", delta="lo."),
            at("response.output_text.done", text="Hello."),
            item("response.output_item.done", message("i1", "assistant", "completed", words)),
            done(),
        ),
    )


async def raw_messages(side: Side) -> None:
    model = side.session.model
    await side.does(
        "greet", model.send_event(RealtimeModelSendRawMessage({"type": "response.create"}))
    )
    await side.says("answer", *spoken())
    told: Event = {"response": {"instructions": "Say goodbye."}}
    await side.does(
        "goodbye",
        model.send_event(
            RealtimeModelSendRawMessage({"type": "response.create", "other_data": told})
        ),
    )


async def broken_audio(side: Side) -> None:
    await side.says("begun", *numbered(begun()))
    wrong = numbered({**sound(b""), "delta": "not base64!"})
    await side.says_badly("audio", json.dumps(wrong[0]).encode())


async def broken_json(side: Side) -> None:
    await side.says_badly("no JSON", b"{")


async def clean_close(side: Side) -> None:
    await side.says("greeting", *spoken())
    await side.hangs_up(1000)


async def unclean_close(side: Side) -> None:
    await side.hangs_up(1011)


STREAMS: dict[str, Story] = {
    story.__name__.replace("_", " "): story
    for story in (
        text_turn,
        audio_turn,
        tool_turn,
        two_tools,
        handoff,
        barge_in_early,
        barge_in_late,
        barge_in_after_the_end,
        barge_in_on_a_queue,
        barge_in_untracked,
        interrupted_by_the_user,
        cancelled_by_force,
        failed_responses,
        errors,
        unknown_events,
        transcription,
        items,
        written_answer,
        raw_messages,
        broken_audio,
        broken_json,
        clean_close,
        unclean_close,
    )
}
"""By name."""
UNTRACKED = frozenset({"barge in untracked"})
"""Where nobody tells the models how much was played."""
