"""A call that the embedded server holds: its caller is heard and played to, clients only steer."""

import json
from typing import Any

import pytest

from telephony.local import HostedSession, Message, RefusedEventError, Speaker
from telephony.local.hosted import MAX_UNHEARD_OCTETS
from telephony.realtime import accept_body, write_event
from telephony.units import Nanoseconds, ms_to_ns
from telephony.voice import ModelOptions, SessionSettings
from telephony_codecs import encode_pcmu
from telephony_codecs.tones import Tone, ToneSource
from tests.support.local_client import PROMPT_MS, TOOLS, Event, tiny_voice

ACCEPTED: dict[str, Any] = {"type": "realtime", "tools": TOOLS}
WORDS = encode_pcmu(ToneSource(Tone(((300, -10), (450, -14))), 8_000).read(8_000))
PLAYOUT = "output_audio_buffer."
SENT_MS = 980
"""The greeting's four prompts and the pauses between them are sent at five times their pace."""


class Held:
    """A call with one client attached, on a virtual clock."""

    def __init__(self, accepted: dict[str, Any] | None = None) -> None:
        self.now_ns = Nanoseconds(0)
        self.session = HostedSession("t", Speaker(tiny_voice()), accepted or ACCEPTED, self.now_ns)
        self.events: list[Event] = []

    def send(self, kind: str, **fields: Any) -> list[Event]:
        self.session.handle_message(json.dumps({"type": kind, **fields}).encode(), self.now_ns)
        return self.drain()

    def drain(self) -> list[Event]:
        events: list[Event] = []
        while (output := self.session.poll_output()) is not None:
            if isinstance(output, Message):
                events.append(json.loads(output.text))
        self.events += events
        return events

    def pass_ms(self, ms: float) -> list[Event]:
        end = self.now_ns + ms_to_ns(ms)
        events: list[Event] = []
        while (deadline := self.session.next_deadline()) <= end:
            self.now_ns = deadline
            self.session.handle_timer(deadline)
            events += self.drain()
        self.now_ns = Nanoseconds(end)
        return events

    def kinds(self, prefix: str = "") -> list[str]:
        return [one["type"] for one in self.events if one["type"].startswith(prefix)]


def test_a_client_that_attaches_is_told_of_the_session_and_of_the_line() -> None:
    held = Held({**ACCEPTED, "instructions": "Be brief."})
    assert held.drain() == []
    held.session.attach()
    (created,) = held.drain()
    assert created["type"] == "session.created"
    assert created["session"]["instructions"] == "Be brief."
    assert created["session"]["audio"]["output"]["format"] == {"type": "audio/pcmu"}


def test_words_are_played_here_and_no_audio_crosses() -> None:
    held = Held()
    held.send("response.create")
    held.pass_ms(60_000)
    kinds = held.kinds()
    assert "response.output_audio.delta" not in kinds
    assert held.kinds(PLAYOUT) == [f"{PLAYOUT}started", f"{PLAYOUT}stopped"]
    assert kinds.index("response.done") < kinds.index(f"{PLAYOUT}stopped")
    assert held.session.played_ms >= PROMPT_MS
    response_id = held.events[kinds.index("response.done")]["response"]["id"]
    assert held.events[kinds.index(f"{PLAYOUT}stopped")]["response_id"] == response_id


def test_words_take_their_time() -> None:
    held = Held()
    held.send("response.create")
    held.pass_ms(PROMPT_MS - 20)
    assert held.kinds(PLAYOUT) == [f"{PLAYOUT}started"]


def test_a_caller_who_speaks_up_is_played_nothing_more_and_the_item_is_cut() -> None:
    held = Held()
    held.send("response.create")
    held.pass_ms(200)
    held.session.say(WORDS)
    held.pass_ms(400)
    kinds = held.kinds()
    cleared = kinds.index(f"{PLAYOUT}cleared")
    assert kinds.index("input_audio_buffer.speech_started") < cleared
    truncated = held.events[cleared + 1]
    assert truncated["type"] == "conversation.item.truncated"
    assert 200 <= truncated["audio_end_ms"] <= 400
    assert f"{PLAYOUT}stopped" not in kinds


def test_what_the_caller_said_is_answered() -> None:
    held = Held()
    held.pass_ms(100)
    held.session.say(WORDS)
    held.pass_ms(2_500)
    assert "input_audio_buffer.committed" in held.kinds()
    assert "response.created" in held.kinds()


def test_a_client_may_stop_the_playout_behind_a_cancel() -> None:
    held = Held()
    held.send("response.create")
    held.pass_ms(100)
    (*_, done) = held.send("response.cancel")
    assert (done["type"], done["response"]["status"]) == ("response.done", "cancelled")
    assert held.kinds(PLAYOUT) == [f"{PLAYOUT}started"]
    cleared, truncated = held.send("output_audio_buffer.clear")
    assert cleared["type"] == f"{PLAYOUT}cleared"
    assert truncated["audio_end_ms"] == 100
    assert held.send("output_audio_buffer.clear") == []
    held.pass_ms(5_000)
    assert held.session.played_ms == 100


def test_two_responses_are_played_one_behind_the_other() -> None:
    held = Held()
    held.send("response.create")
    held.pass_ms(SENT_MS)
    assert held.events[-1]["type"] == "response.done"
    held.send("response.create")
    held.pass_ms(60_000)
    told = ["started", "stopped", "started", "stopped"]
    assert held.kinds(PLAYOUT) == [PLAYOUT + one for one in told]
    held.send("response.create")
    held.pass_ms(SENT_MS)
    held.send("response.create")
    held.send("output_audio_buffer.clear")
    assert held.kinds(PLAYOUT)[-2:] == [f"{PLAYOUT}cleared"] * 2


def test_a_key_is_told_as_a_provider_does() -> None:
    held = Held()
    held.session.press("7")
    (event,) = held.drain()
    assert (event["type"], event["event"]) == ("input_audio_buffer.dtmf_event_received", "7")


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("input_audio_buffer.append", {"audio": "AAAA"}),
        ("input_audio_buffer.commit", {}),
        ("input_audio_buffer.clear", {}),
    ],
)
def test_audio_of_a_client_is_refused(kind: str, fields: dict[str, Any]) -> None:
    (refused,) = Held().send(kind, **fields, event_id="e1")
    assert (refused["error"]["param"], refused["error"]["event_id"]) == ("type", "e1")
    assert kind in refused["error"]["message"]


@pytest.mark.parametrize(
    ("session", "param"),
    [
        ({"model": "m"}, "session.model"),
        (
            {"audio": {"input": {"format": {"type": "audio/pcmu"}}}},
            "session.audio.input.format",
        ),
        (
            {"audio": {"output": {"format": {"type": "audio/pcm", "rate": 24_000}}}},
            "session.audio.output.format",
        ),
        ({"audio": {"output": {"voice": "marin"}}}, "session.audio.output.voice"),
        (
            {"audio": {"input": {"turn_detection": {"type": "server_vad", "threshold": 0.3}}}},
            "session.audio.input.turn_detection.threshold",
        ),
    ],
)
def test_what_was_settled_cannot_be_updated(session: dict[str, Any], param: str) -> None:
    held = Held()
    (refused,) = held.send("session.update", session={"type": "realtime", **session})
    assert refused["error"]["code"] == "unsupported_parameter"
    assert refused["error"]["param"] == param


def test_the_rest_of_a_session_can_be_updated() -> None:
    held = Held()
    session: dict[str, Any] = {"type": "realtime", "instructions": "Be kind.", "tools": []}
    (updated,) = held.send("session.update", session=session)
    assert updated["type"] == "session.updated"
    assert updated["session"]["instructions"] == "Be kind."


def test_a_call_is_accepted_as_we_accept_one() -> None:
    wanted = SessionSettings(
        instructions="Be brief.",
        model="gpt-realtime",
        voice="marin",
        options=ModelOptions(speed=1.1, threshold=0.3),
    )
    held = Held(json.loads(write_event(accept_body(wanted))))
    held.session.attach()
    (created,) = held.drain()
    assert created["session"]["audio"]["output"]["voice"] == "marin"


@pytest.mark.parametrize(
    "accepted",
    [
        {},
        {"type": "realtime", "audio": {"input": {"format": {"type": "audio/pcmu"}}}},
        {"type": "realtime", "audio": {"input": {"turn_detection": {"silence_duration_ms": 300}}}},
        {"type": "realtime", "audio": "pcmu"},
    ],
)
def test_a_call_cannot_be_accepted_anyhow(accepted: dict[str, Any]) -> None:
    with pytest.raises(RefusedEventError):
        HostedSession("t", Speaker(tiny_voice()), accepted, Nanoseconds(0))


def test_a_caller_who_never_stops_is_not_kept_for_ever() -> None:
    held = Held()
    held.session.say(b"\xff" * (MAX_UNHEARD_OCTETS + 8_000))
    held.session.say(WORDS)
    events = held.pass_ms(62_000)
    assert "input_audio_buffer.speech_started" not in [one["type"] for one in events]
