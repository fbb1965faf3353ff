"""Trouble in a call is one line of the log, and nothing else is."""

from structlog.testing import capture_logs

from telephony.app.trouble_log import log_trouble
from telephony.call import CallEventBody, DigitPressed, EventLog, TroubleNoted
from telephony.units import Nanoseconds


def logged(payload: CallEventBody) -> list[dict[str, object]]:
    row = EventLog("e1", Nanoseconds(0), 0.0).row(payload, Nanoseconds(0))
    with capture_logs() as lines:
        log_trouble(row)
    return [dict(line) for line in lines]


def test_trouble_is_one_line_with_the_call_and_whose_fault_it_was() -> None:
    (line,) = logged(TroubleNoted(code="voice.lost", fault="model", text="it hung up"))
    told = (line["call"], line["code"], line["fault"], line["why"], line["log_level"])
    assert told == ("e1", "voice.lost", "model", "it hung up", "warning")


def test_what_is_no_trouble_is_not_logged() -> None:
    assert logged(DigitPressed(digit="1", method="rtp")) == []
