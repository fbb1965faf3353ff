"""What a server repeats of our key, or of the caller's audio, is read nowhere."""

import base64
import json

import pytest

from telephony.realtime import RealtimeSession
from telephony.realtime.redaction import HIDDEN, Redaction
from telephony.units import Nanoseconds
from telephony.voice import (
    AgentTranscribed,
    ResponseFinished,
    ResponseStatus,
    SessionClosed,
    UnknownEventReceived,
    VoiceErrorReceived,
    VoiceEvent,
)

KEY = "sk-1234567890"
SECRETS = (f"Bearer {KEY}", "s3cr3t-proxy-word")
AUDIO = base64.b64encode(bytes(range(200))).decode()


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        (f"Incorrect API key provided: {KEY}.", f"Incorrect API key provided: {HIDDEN}."),
        ("proxy s3cr3t-proxy-word", f"proxy {HIDDEN}"),
        ("Bearer of bad news", "Bearer of bad news"),
        (f"cannot decode '{AUDIO}'", f"cannot decode '{HIDDEN}'"),
        ("item_" + "0" * 36 + " not found", "item_" + "0" * 36 + " not found"),
    ],
)
def test_secrets_and_long_runs_are_hidden(said: str, shown: str) -> None:
    assert Redaction(SECRETS).text(said) == shown


def test_with_no_secrets_only_long_runs_are_hidden() -> None:
    assert Redaction(("", "short")).text(f"{KEY} {AUDIO}") == f"{KEY} {HIDDEN}"


@pytest.mark.parametrize(
    "event",
    [
        VoiceErrorReceived(KEY, f"wrong: {KEY}", is_harmless=True),
        SessionClosed(is_clean=False, code=3000, reason=f"wrong: {KEY}"),
        ResponseFinished("r1", ResponseStatus.FAILED, f"wrong: {KEY}", {"total": 1}),
        UnknownEventReceived(KEY),
    ],
    ids=lambda event: type(event).__name__,
)
def test_events_with_words_of_the_server_are_cleaned(event: VoiceEvent) -> None:
    cleaned = Redaction(SECRETS).event(event)
    assert repr(cleaned) == repr(event).replace(KEY, HIDDEN)


def test_what_is_said_in_the_call_stays() -> None:
    event = AgentTranscribed("r1", "i1", 0, KEY, is_final=True)
    assert Redaction(SECRETS).event(event) is event


WORDS = "my pin is 4711"
BROKEN = (
    json.dumps({"type": "response.output_audio.delta", "delta": AUDIO, "content_index": "x"}),
    json.dumps({"type": "response.output_audio.delta", "delta": AUDIO + "%"}),
    json.dumps({"type": "response.output_audio_transcript.done", "transcript": [WORDS]}),
    json.dumps({"type": "response.done", "response": {"output": WORDS}}),
    json.dumps({"type": "response.done", "response": {"output": [{"arguments": [WORDS]}]}}),
    json.dumps({"type": "session.updated", "session": WORDS}),
    json.dumps({"type": "error", "error": WORDS}),
    json.dumps({"type": "error", "error": {"message": f"{KEY} {AUDIO}", "code": KEY}}),
    json.dumps({"type": [WORDS]}),
    '{"type": "error", "error": "' + WORDS,
    WORDS,
)


@pytest.mark.parametrize("message", BROKEN)
def test_no_error_repeats_what_was_said_or_a_secret(message: str) -> None:
    session = RealtimeSession(lambda: "t", secrets=SECRETS)
    session.handle_message(message.encode(), Nanoseconds(1))
    event = session.poll_output()
    assert isinstance(event, VoiceErrorReceived)
    assert session.poll_output() is None
    for hidden in (WORDS, KEY, AUDIO):
        assert hidden not in repr(event)
