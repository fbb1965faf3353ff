"""Which troubles of a session are told, and whose fault they are."""

import pytest

from telephony.call.events import CallEventBody, TroubleNoted
from telephony.call.session_troubles import ERRORS_NOTED, LIMITS_NOTED, SessionTroubles
from telephony.voice import RateLimitUpdated, SessionClosed, VoiceErrorReceived


def test_errors_are_told_up_to_a_limit_and_harmless_ones_only_counted() -> None:
    rows = list[CallEventBody]()
    troubles = SessionTroubles(rows.append)
    troubles.handle_error(VoiceErrorReceived("late_cancel", "no response", is_harmless=True))
    for _ in range(ERRORS_NOTED + 5):
        troubles.handle_error(VoiceErrorReceived("bad_event", "what?"))
    assert rows == [TroubleNoted(code="bad_event", fault="model", text="what?")] * 19
    assert troubles.errors == ERRORS_NOTED + 6


def test_the_first_unknown_event_is_told() -> None:
    rows = list[CallEventBody]()
    troubles = SessionTroubles(rows.append)
    troubles.handle_unknown("response.smell")
    troubles.handle_unknown("response.taste")
    text = "the server sent an event of type 'response.smell'"
    assert rows == [TroubleNoted(code="voice.unknown_event", fault="model", text=text)]
    assert troubles.unknown_events == 2


@pytest.mark.parametrize(
    ("code", "reason", "fault", "text"),
    [
        (401, "HTTP status 401", "configuration", "HTTP status 401"),
        (404, "", "configuration", "closed with 404"),
        (1006, "", "model", "closed with 1006"),
        (503, "busy", "model", "busy"),
    ],
)
def test_a_session_that_refuses_us_is_the_configurations_fault(
    code: int, reason: str, fault: str, text: str
) -> None:
    rows = list[CallEventBody]()
    SessionTroubles(rows.append).handle_lost(
        SessionClosed(is_clean=False, code=code, reason=reason)
    )
    expected = {"code": "voice.lost", "fault": fault, "text": text}
    assert rows == [TroubleNoted.model_validate(expected)]


def test_a_limit_that_is_nearly_used_up_is_told_once() -> None:
    rows = list[CallEventBody]()
    troubles = SessionTroubles(rows.append)
    for name, limit, remaining in (
        ("tokens", None, 0),
        ("tokens", 100, None),
        ("tokens", 100, 11),
        ("tokens", 100, 10),
        ("tokens", 100, 0),
        ("requests", 0, 0),
        *((f"made up {number}", 1, 0) for number in range(2 * LIMITS_NOTED)),
    ):
        troubles.handle_rate_limit(RateLimitUpdated(name, limit, remaining, 1.5))
    texts = [row.text for row in rows if isinstance(row, TroubleNoted)]
    assert texts[:2] == ["10 of 100 tokens are left", "0 of 0 requests are left"]
    assert len(rows) == len(texts) == LIMITS_NOTED


def test_a_memory_that_cannot_be_cut_is_told_once() -> None:
    rows = list[CallEventBody]()
    troubles = SessionTroubles(rows.append)
    troubles.handle_truncation_unsupported()
    troubles.handle_truncation_unsupported()
    (row,) = rows
    assert isinstance(row, TroubleNoted)
    assert (row.code, row.fault) == ("voice.truncate_unsupported", "model")
