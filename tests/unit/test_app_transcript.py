"""The transcript holds what was heard, in whichever order text and cut came."""

import pytest

from telephony.app.transcript import transcript
from telephony.call import (
    CallEventBody,
    EventLog,
    ItemDeletedFromMemory,
    ItemTruncatedAt,
    SpeechTranscribed,
)
from telephony.units import Nanoseconds

WELCOME = SpeechTranscribed(role="agent", item_id="i1", text="Welcome to the shop of wonders")
REPLY = SpeechTranscribed(role="caller", item_id="u1", text="Stop, please")


def cut(sent: int, received: int = 8000) -> ItemTruncatedAt:
    return ItemTruncatedAt(
        item_id="i1",
        content_index=0,
        audio_end_ms=sent // 8,
        sent_samples=sent,
        received_samples=received,
        rate_hz=8000,
    )


def told(*payloads: CallEventBody) -> list[tuple[str, str, bool, int | None]]:
    log = EventLog("e1", Nanoseconds(0), 0.0)
    rows = [log.row(one, Nanoseconds(index)) for index, one in enumerate(payloads)]
    return [(one.role, one.text, one.is_cut, one.heard_ms) for one in transcript(rows)]


def test_what_nobody_interrupted_stands_as_it_was_said() -> None:
    assert told(WELCOME, REPLY) == [
        ("agent", WELCOME.text, False, None),
        ("caller", REPLY.text, False, None),
    ]


def test_an_interrupted_text_ends_where_its_audio_did_whichever_row_came_first() -> None:
    heard = ("agent", "Welcome to the …", True, 500)
    assert told(WELCOME, cut(4000), REPLY)[0] == heard
    assert told(cut(4000), WELCOME, REPLY)[0] == heard
    assert told(cut(4000), REPLY, WELCOME)[1] == heard


@pytest.mark.parametrize(
    ("sent", "text"),
    [
        (1, "…"),
        (7 * 8000 // 30, "…"),
        (8 * 8000 // 30, "Welcome …"),
        (7999, "Welcome to the shop of …"),
        (8000, "Welcome to the shop of wonders …"),
        (9000, "Welcome to the shop of wonders …"),
    ],
)
def test_only_words_that_were_spoken_whole_are_shown(sent: int, text: str) -> None:
    ((_, shown, is_cut, _),) = told(WELCOME, cut(sent))
    assert (shown, is_cut) == (text, True)


@pytest.mark.parametrize("is_late", [False, True])
def test_an_item_of_which_nothing_was_heard_is_not_shown(*, is_late: bool) -> None:
    deleted = ItemDeletedFromMemory(item_id="i1", received_samples=8000)
    rows = (deleted, WELCOME) if is_late else (WELCOME, deleted)
    assert told(*rows, REPLY) == [("caller", REPLY.text, False, None)]


def test_another_item_is_not_cut_with_it() -> None:
    other = SpeechTranscribed(role="agent", item_id="i2", text="Goodbye")
    assert told(WELCOME, cut(4000), other)[1] == ("agent", "Goodbye", False, None)
