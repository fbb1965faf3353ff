"""An engine's report survives the wire beside the events of calls."""

import pytest

from telephony.call import EngineReport, MessageError, decode_event, encode

REPORT = EngineReport(engine_id="e1", calls=3, clock_late_ns=250_000, counters={"late_slots": 2})


def test_a_report_round_trips() -> None:
    assert decode_event(encode(REPORT)) == REPORT


def test_a_report_of_another_schema_is_refused() -> None:
    damaged = encode(REPORT).replace(b'"schema_version":1', b'"schema_version":2')
    with pytest.raises(MessageError, match="schema 1"):
        decode_event(damaged)
