"""Which of a session's news make a row."""

from telephony.call import CallerIdled, ToolServed
from telephony.call.news_rows import row_of_news
from telephony.voice import IdleTimedOut, ItemDeleted, PlayoutReported
from telephony.voice import ToolServed as ToolServedByProvider


def test_an_idle_caller_and_a_tool_that_was_served_make_rows() -> None:
    idled = CallerIdled(audio_start_ms=5, audio_end_ms=10)
    assert row_of_news(IdleTimedOut("u1", 5, 10)) == idled
    served = ToolServed(server="orders", name="find", arguments="{}", output="7")
    assert row_of_news(ToolServedByProvider("m1", "orders", "find", "{}", "7")) == served


def test_confirmations_and_a_providers_playout_make_none() -> None:
    assert row_of_news(ItemDeleted("i1")) is None
    assert row_of_news(PlayoutReported("r1", "stopped")) is None
