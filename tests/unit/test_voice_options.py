"""Options of a model: what cannot be used is refused where it is written."""

from typing import Any

import pytest

from telephony.errors import ConfigurationError
from telephony.voice import ModelOptions, OptionError, ToolServer


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"speed": 0.2}, "speed is 0.2, wanted 0.25 to 1.5"),
        ({"max_output_tokens": 4097}, "max_output_tokens is 4097, wanted 1 to 4096"),
        ({"threshold": -0.1}, "threshold is -0.1, wanted 0 to 1"),
        ({"noise_reduction": "near"}, "noise_reduction is 'near', wanted one of near_field, far_"),
        ({"eagerness": "very"}, "eagerness is 'very', wanted one of low"),
        ({"eagerness": "low", "idle_timeout_ms": 6000}, "idle_timeout_ms is there, wanted none"),
        ({"truncation": "auto", "retention_ratio": 0.5}, "wanted one of them"),
    ],
)
def test_an_option_that_no_server_takes_is_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=message) as refused:
        ModelOptions(**values)
    assert isinstance(refused.value, ConfigurationError)


def test_zero_is_an_option() -> None:
    assert ModelOptions(threshold=0, prefix_padding_ms=0, retention_ratio=0).threshold == 0


@pytest.mark.parametrize("places", [{}, {"url": "https://a", "connector_id": "c"}])
def test_a_tool_server_is_in_one_place(places: dict[str, Any]) -> None:
    with pytest.raises(OptionError, match="tool server 'x': wanted either"):
        ToolServer("x", **places)


def test_what_a_tool_server_is_shown_is_shown_to_nobody_else() -> None:
    shown = repr(ToolServer("x", "https://a", authorization="t0ken", headers={"K": "s3cret"}))
    assert "t0ken" not in shown
    assert "s3cret" not in shown
