"""What the SDK's session is told of a call, row by row."""

from typing import Any

import pytest

pytest.importorskip("agents.realtime", reason="openai-agents is not installed")

from agents.realtime.model import RealtimePlaybackTracker

from telephony.app.agents_sdk.row_events import TEXTS_KEPT, RowEvents
from telephony.call import (
    AudioEnded,
    CallEnded,
    CallerIdled,
    CallerSpeechStarted,
    CallEventBody,
    DigitPressed,
    ItemDeletedFromMemory,
    ItemNoted,
    ItemTruncatedAt,
    PlayoutAdvanced,
    ResponseBegan,
    ResponseEnded,
    SpeechTranscribed,
    ToolRequested,
    TransferProgressed,
    TroubleNoted,
    VoiceGranted,
    WordsAdded,
)
from telephony.errors import TransportError
from telephony.voice import VoiceFormat

TEXT = "Good day, this is the library. How can I help you?"


class Tracker(RealtimePlaybackTracker):
    """A playback tracker that keeps what it had when it was stopped."""

    def __init__(self) -> None:
        super().__init__()
        self.stopped: list[object] = []

    def on_interrupted(self) -> None:
        self.stopped.append((self.get_state()["current_item_id"], self.get_state()["elapsed_ms"]))
        super().on_interrupted()


class Bench:
    """A call's rows, turned into events."""

    def __init__(self) -> None:
        self.tracker = Tracker()
        self._rows = RowEvents(self.tracker)

    def tell(self, *rows: CallEventBody) -> list[Any]:
        return [event for row in rows for event in self._rows.of(row)]

    def types(self, *rows: CallEventBody) -> list[str]:
        return [event.type for event in self.tell(*rows)]


@pytest.fixture
def bench() -> Bench:
    return Bench()


def advanced(sent_ms: int, item: str = "a", index: int = 0) -> PlayoutAdvanced:
    return PlayoutAdvanced(item_id=item, content_index=index, sent_ms=sent_ms)


def truncated(ms: int, item: str = "a", of_ms: int = 4000) -> ItemTruncatedAt:
    return ItemTruncatedAt(
        item_id=item,
        content_index=0,
        audio_end_ms=ms,
        sent_samples=ms * 8,
        received_samples=of_ms * 8,
        rate_hz=8000,
    )


def agent_said(text: str, item: str = "a") -> SpeechTranscribed:
    return SpeechTranscribed(role="agent", item_id=item, text=text)


def noted(item: str, role: str, *texts: str, status: str = "completed") -> ItemNoted:
    return ItemNoted(item_id=item, role=role, status=status, previous_item_id="before", texts=texts)


# ---- turns and words --------------------------------------------------------------------------


def test_a_response_is_a_turn_with_its_usage(bench: Bench) -> None:
    usage = {"input_tokens": 3, "output_tokens": 4, "total_tokens": 7}
    ended = ResponseEnded(response_id="r", status="completed", usage=usage)
    started, used, over = bench.tell(ResponseBegan(response_id="r"), ended)
    assert (started.type, started.response_id) == ("turn_started", "r")
    assert (used.type, used.usage.total_tokens) == ("usage", 7)
    assert (over.type, over.response_id) == ("turn_ended", "r")


@pytest.mark.parametrize(
    ("status", "types"),
    [
        ("completed", ["turn_ended"]),
        ("cancelled", ["turn_ended"]),
        ("failed", ["other", "turn_ended"]),
        ("incomplete", ["other", "turn_ended"]),
    ],
)
def test_a_response_that_did_not_end_as_planned_is_told_as_well(
    bench: Bench, status: str, types: list[str]
) -> None:
    assert bench.types(ResponseEnded(response_id="r", status=status)) == types


def test_words_are_deltas_and_audio_has_an_end(bench: Bench) -> None:
    words = WordsAdded(response_id="r", item_id="a", content_index=0, text="Good ")
    delta, done = bench.tell(words, AudioEnded(response_id="r", item_id="a", content_index=2))
    assert (delta.type, delta.item_id, delta.delta, delta.response_id) == (
        "transcript_delta",
        "a",
        "Good ",
        "r",
    )
    assert (done.type, done.item_id, done.content_index) == ("audio_done", "a", 2)


def test_a_function_call_is_an_item_and_then_a_request(bench: Bench) -> None:
    row = ToolRequested(tool_call_id="c1", name="find", arguments='{"a": 1}', item_id="i1")
    item, call = bench.tell(row)
    assert item.type == "item_updated"
    assert (item.item.item_id, item.item.call_id, item.item.status) == ("i1", "c1", "in_progress")
    assert (call.type, call.call_id, call.name, call.arguments, call.id) == (
        "function_call",
        "c1",
        "find",
        '{"a": 1}',
        "i1",
    )


# ---- items ------------------------------------------------------------------------------------


def test_what_the_caller_spoke_is_audio_and_what_was_written_is_text(bench: Bench) -> None:
    spoke, spoken, written, transcribed = bench.tell(
        CallerSpeechStarted(item_id="u1", audio_start_ms=10),
        noted("u1", "user"),
        noted("u2", "user", "[keys 1]"),
        SpeechTranscribed(role="caller", item_id="u1", text="Hello?"),
    )
    assert spoke.type == "other"
    assert spoken.item.previous_item_id == "before"
    assert [part.type for part in spoken.item.content] == ["input_audio"]
    assert [(part.type, part.text) for part in written.item.content] == [("input_text", "[keys 1]")]
    assert (transcribed.type, transcribed.item_id, transcribed.transcript) == (
        "input_audio_transcription_completed",
        "u1",
        "Hello?",
    )


def test_the_agents_text_is_its_items(bench: Bench) -> None:
    begun, said = bench.tell(noted("a", "assistant", status="in_progress"), agent_said(TEXT))
    assert (begun.item.status, begun.item.content[0].transcript) == ("in_progress", None)
    assert (said.item.status, said.item.content[0].transcript) == ("completed", TEXT)


def test_an_item_that_no_history_can_hold_is_left_out(bench: Bench) -> None:
    assert bench.tell(noted("x", "developer", "You are a phone.")) == []


# ---- playout and interruptions ----------------------------------------------------------------


def test_the_tracker_adds_up_to_what_was_sent_part_by_part(bench: Bench) -> None:
    assert bench.tell(advanced(180), advanced(380), advanced(380), advanced(300)) == []
    assert bench.tracker.get_state()["elapsed_ms"] == 380
    bench.tell(advanced(60, index=1))
    state = bench.tracker.get_state()
    assert (state["current_item_content_index"], state["elapsed_ms"]) == (1, 60)


def test_an_interruption_is_told_at_the_ledgers_millisecond(bench: Bench) -> None:
    bench.tell(advanced(1180))
    row, stopped = bench.tell(truncated(1255))
    assert (row.type, row.data.audio_end_ms) == ("other", 1255)
    assert (stopped.type, stopped.item_id) == ("audio_interrupted", "a")
    assert bench.tracker.stopped == [("a", 1255)]
    assert bench.tracker.get_state()["current_item_id"] is None
    bench.tell(advanced(100, item="b"))
    assert bench.tracker.get_state()["elapsed_ms"] == 100


@pytest.mark.parametrize("is_text_first", [True, False])
def test_the_history_holds_what_was_heard_whichever_comes_first(
    bench: Bench, *, is_text_first: bool
) -> None:
    rows = (agent_said(TEXT), truncated(2000))
    events = bench.tell(*(rows if is_text_first else reversed(rows)))
    last = [event for event in events if event.type == "item_updated"][-1]
    assert last.item.status == "incomplete"
    assert last.item.content[0].transcript == "Good day, this is the …"
    (late,) = bench.tell(noted("a", "assistant", TEXT))
    assert late.item.content[0].transcript == "Good day, this is the …"


def test_an_item_of_which_nothing_was_heard_is_deleted(bench: Bench) -> None:
    assert bench.types(ItemDeletedFromMemory(item_id="a", received_samples=80)) == [
        "other",
        "audio_interrupted",
        "item_deleted",
    ]


def test_texts_that_can_no_longer_be_cut_are_forgotten(bench: Bench) -> None:
    for number in range(TEXTS_KEPT + 1):
        bench.tell(agent_said(TEXT, item=f"i{number}"))
    assert "item_updated" not in bench.types(truncated(10, item="i0"))
    assert "item_updated" in bench.types(truncated(10, item=f"i{TEXTS_KEPT}"))


# ---- the call ---------------------------------------------------------------------------------


def test_what_the_sdk_has_no_word_for_is_told_as_it_is(bench: Bench) -> None:
    rows: list[CallEventBody] = [
        DigitPressed(digit="1", method="rtp"),
        TransferProgressed(status=180, reason="Ringing"),
    ]
    events = bench.tell(*rows)
    assert [event.type for event in events] == ["other", "other"]
    assert [event.data for event in events] == rows


def test_a_granted_session_is_a_connection(bench: Bench) -> None:
    pcmu = VoiceFormat.PCMU
    granted = VoiceGranted(epoch=0, input_format=pcmu, output_format=pcmu, after_ms=3)
    status, row = bench.tell(granted)
    assert (status.status, row.data) == ("connected", granted)


def test_a_caller_who_idles_and_trouble_have_words_of_their_own(bench: Bench) -> None:
    idled = CallerIdled(audio_start_ms=5, audio_end_ms=6)
    trouble = TroubleNoted(code="voice.lost", fault="model", text="reset")
    timeout, error = bench.tell(idled, trouble)
    assert (timeout.type, timeout.audio_start_ms, timeout.audio_end_ms) == (
        "input_audio_timeout_triggered",
        5,
        6,
    )
    assert (error.type, error.error.code, error.error.message) == ("error", "voice.lost", "reset")


def test_a_call_that_ends_ends_the_stream(bench: Bench) -> None:
    row, status, *rest = bench.tell(CallEnded(by="remote", cause="hung up"))
    assert (row.type, status.status) == ("other", "disconnected")
    assert [event.type for event in rest] in (["end_of_stream"], [])


def test_only_a_call_that_the_engine_gave_up_raises_in_the_session(bench: Bench) -> None:
    events = bench.tell(CallEnded(by="failure", cause="the voice session was lost: reset"))
    (raised,) = [event for event in events if event.type == "exception"]
    assert isinstance(raised.exception, TransportError)
    assert "reset" in str(raised.exception)
