"""Whatever a model sends as arguments: keyword arguments, or an error it can read."""

import json
from typing import Literal

from hypothesis import given, settings
from hypothesis import strategies as st

from telephony.agent import ToolArgumentError, tool


@tool
def order(number: str, count: int = 1, size: Literal["small", "large"] = "small") -> None:
    """Order."""


MESSAGE_CHARACTERS = 2000
KEYS = st.sampled_from(["number", "count", "size", "other", ""])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=8,
)


@settings(max_examples=300, deadline=None)
@given(JSON.map(json.dumps) | st.text(max_size=40))
def test_any_arguments(text: str) -> None:
    try:
        arguments = order.parse_arguments(text)
    except ToolArgumentError as error:
        assert_readable(str(error))
        return
    assert arguments.keys() == {"number", "count", "size"}
    assert isinstance(arguments["number"], str)
    assert isinstance(arguments["count"], int)
    assert arguments["size"] in ("small", "large")
    assert order.parse_arguments(json.dumps(arguments)) == arguments


def assert_readable(said: str) -> None:
    """Hold that the model can be told so."""
    assert 0 < len(said) <= MESSAGE_CHARACTERS
