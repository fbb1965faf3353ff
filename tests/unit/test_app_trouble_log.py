"""Trouble in a call is one line of the log, and nothing else is."""

from typing import Literal, get_args

import pytest
from pydantic import BaseModel
from structlog.testing import capture_logs

from telephony.app.trouble_log import log_trouble
from telephony.call import CallEventBody, EventLog, PlayoutFinished, TroubleNoted
from telephony.units import Nanoseconds

Fault = Literal["ours", "caller", "model", "tool", "configuration"]
OTHERS = [one for one in get_args(get_args(CallEventBody)[0]) if one is not TroubleNoted]
"""Every other kind of row."""


def logged(payload: CallEventBody) -> list[dict[str, object]]:
    row = EventLog("e1", Nanoseconds(0), 0.0).row(payload, Nanoseconds(0))
    with capture_logs() as lines:
        log_trouble(row)
    return [dict(line) for line in lines]


def test_trouble_is_one_line_with_the_call_and_whose_fault_it_was() -> None:
    (line,) = logged(TroubleNoted(code="voice.lost", fault="model", text="it hung up"))
    told = (line["call"], line["code"], line["fault"], line["why"], line["log_level"])
    assert told == ("e1", "voice.lost", "model", "it hung up", "warning")


@pytest.mark.parametrize("fault", ["ours", "caller", "model", "tool", "configuration"])
def test_whose_fault_it_was_is_told_as_the_engine_told_it(fault: Fault) -> None:
    (line,) = logged(TroubleNoted(code="c", fault=fault, text="t"))
    assert line["fault"] == fault


@pytest.mark.parametrize("payload", OTHERS, ids=lambda one: one.__name__)
def test_what_is_no_trouble_is_not_logged(payload: type[BaseModel]) -> None:
    row = EventLog("e1", Nanoseconds(0), 0.0).row(PlayoutFinished(), Nanoseconds(0))
    with capture_logs() as lines:
        log_trouble(row.model_copy(update={"payload": payload.model_construct()}))
    assert lines == []
