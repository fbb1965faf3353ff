"""Whatever a client sends, a session answers and never raises."""

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.local_client import LocalClient, tiny_voice

VOICE = tiny_voice(200)
JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)
AUDIO = st.sampled_from(["", "/////w==", "AAAA" * 400, "f4B/gH+A" * 300, "?", "AAA"])
PART: st.SearchStrategy[Any] = st.fixed_dictionaries(
    {"type": st.sampled_from(["input_text", "input_audio", "output_audio", "x"])},
    optional={"text": st.sampled_from(["[keys 1]", "[keys 2#]", "[speech]", "", "hours"])},
)
ITEM: st.SearchStrategy[Any] = st.fixed_dictionaries(
    {"type": st.sampled_from(["message", "function_call", "function_call_output", "x"])},
    optional={
        "id": st.sampled_from(["a", "b"]),
        "role": st.sampled_from(["user", "system", "assistant", "x"]),
        "content": st.lists(PART, max_size=2),
        "call_id": st.sampled_from(["c", "d"]),
        "name": st.just("f"),
        "output": st.text(max_size=20),
    },
)
TOOL: st.SearchStrategy[Any] = st.fixed_dictionaries(
    {"type": st.just("function"), "name": st.sampled_from(["f", "transfer_to_x", ""])},
    optional={"parameters": st.dictionaries(st.sampled_from(["required", "properties"]), JSON)},
)
SESSION: st.SearchStrategy[Any] = st.fixed_dictionaries(
    {"type": st.just("realtime")},
    optional={
        "instructions": st.text(max_size=60) | st.just("Press 1 for f: call f"),
        "tools": st.lists(TOOL, max_size=2),
        "audio": st.fixed_dictionaries(
            {},
            optional={
                "input": st.fixed_dictionaries(
                    {},
                    optional={
                        "format": st.sampled_from([{"type": "audio/pcmu"}, {"type": "audio/pcm"}]),
                        "turn_detection": st.sampled_from([None, {"silence_duration_ms": 0}]),
                        "transcription": JSON,
                    },
                ),
                "output": JSON,
            },
        ),
    },
)
EVENT: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {
        "type": st.sampled_from(
            [
                "session.update",
                "input_audio_buffer.append",
                "input_audio_buffer.commit",
                "input_audio_buffer.clear",
                "conversation.item.create",
                "conversation.item.retrieve",
                "conversation.item.truncate",
                "conversation.item.delete",
                "response.create",
                "response.cancel",
                "x",
            ]
        )
    },
    optional={
        "event_id": st.text(max_size=5),
        "session": SESSION | JSON,
        "audio": AUDIO | JSON,
        "item": ITEM | JSON,
        "item_id": st.sampled_from(["a", "b", "item_t0004"]),
        "previous_item_id": st.sampled_from(["root", "a", "z"]),
        "content_index": st.integers(-1, 2),
        "audio_end_ms": st.integers(-1, 10**12),
        "response": JSON | st.fixed_dictionaries({"tool_choice": st.just("none")}),
        "response_id": st.text(max_size=3),
    },
)
MESSAGE = st.binary(max_size=40) | EVENT.map(lambda event: json.dumps(event).encode())


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(MESSAGE, st.integers(0, 500)), max_size=12))
def test_any_messages_at_any_times(script: list[tuple[bytes, int]]) -> None:
    client = LocalClient(VOICE)
    for message, wait_ms in script:
        for event in client.send_text(message) + client.pass_ms(wait_ms):
            assert event["event_id"]
    client.finish()
    created = sum(event["type"] == "response.created" for event in client.events)
    done = sum(event["type"] == "response.done" for event in client.events)
    assert created == done
