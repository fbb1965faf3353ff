"""Where a session is opened."""

import pytest

from telephony.errors import ConfigurationError
from telephony.realtime.target import session_url


@pytest.mark.parametrize(
    ("base", "model", "wanted"),
    [
        ("wss://h/v1/realtime", "gpt-realtime", "wss://h/v1/realtime?model=gpt-realtime"),
        ("wss://h/r?a=&b=1", "x&y z/#é", "wss://h/r?a=&b=1&model=x%26y%20z%2F%23%C3%A9"),
        ("wss://h/r?sig=a%2Bb+c;d", "m", "wss://h/r?sig=a%2Bb+c;d&model=m"),
        ("wss://h/r?", "m", "wss://h/r?model=m"),
        ("ws://h/r?model=own", "other", "ws://h/r?model=own"),
        ("ws://h:9/r", None, "ws://h:9/r"),
    ],
)
def test_the_model_joins_the_url_escaped(base: str, model: str | None, wanted: str) -> None:
    assert session_url(base, model) == wanted


@pytest.mark.parametrize(
    ("base", "wanted"),
    [
        ("wss://h", "wss://h/v1/realtime?model=m"),
        ("wss://h/?a=1", "wss://h/v1/realtime?a=1&model=m"),
        ("wss://h/own", "wss://h/own?model=m"),
    ],
)
def test_a_url_without_a_path_gets_the_dialects(base: str, wanted: str) -> None:
    assert session_url(base, "m", "/v1/realtime") == wanted
    assert session_url("wss://h/?model=own", "m", "/v1/realtime") == "wss://h/v1/realtime?model=own"


def test_what_is_no_url_is_a_configuration_error() -> None:
    with pytest.raises(ConfigurationError, match="ws://"):
        session_url("wss://[::1", "m")


@pytest.mark.parametrize(
    ("base", "wanted"),
    [
        ("wss://h/v1/realtime", "wss://h/v1/realtime?call_id=rtc_1%2F2%26model%3Dx"),
        ("wss://h", "wss://h/v1/realtime?call_id=rtc_1%2F2%26model%3Dx"),
        ("wss://h/r?model=own&a=%2B", "wss://h/r?a=%2B&call_id=rtc_1%2F2%26model%3Dx"),
    ],
)
def test_a_call_is_attached_to_by_its_escaped_id_and_no_model(base: str, wanted: str) -> None:
    assert session_url(base, "m", "/v1/realtime", attach_to="rtc_1/2&model=x") == wanted
