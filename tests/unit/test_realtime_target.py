"""Where a session is opened."""

import pytest

from telephony.realtime.target import session_url


@pytest.mark.parametrize(
    ("base", "model", "wanted"),
    [
        ("wss://h/v1/realtime", "gpt-realtime", "wss://h/v1/realtime?model=gpt-realtime"),
        ("wss://h/r?a=&b=1", "x&y z", "wss://h/r?a=&b=1&model=x%26y+z"),
        ("ws://h/r?model=own", "other", "ws://h/r?model=own"),
        ("ws://h:9/r", None, "ws://h:9/r"),
    ],
)
def test_the_model_joins_the_url_escaped(base: str, model: str | None, wanted: str) -> None:
    assert session_url(base, model) == wanted
