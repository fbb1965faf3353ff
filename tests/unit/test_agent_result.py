"""A tool's result as the text that the model reads."""

import json
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import pytest

from telephony.agent import ToolResultError
from telephony.agent.result import MAX_RESULT_CHARACTERS, serialize_result
from telephony.errors import LocalError


@dataclass
class Order:
    number: int
    due: date


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        ("as it is", "as it is"),
        (None, "null"),
        (True, "true"),
        ({"a": [1, 2.5]}, '{"a":[1,2.5]}'),
        (Order(7, date(2026, 1, 31)), '{"number":7,"due":"2026-01-31"}'),
        (Decimal("1.10"), '"1.10"'),
        (float("nan"), "null"),
        ("caf\u00e9", "caf\u00e9"),
        ("half \ud800 a pair", "half ? a pair"),
        (["caf\u00e9"], '["caf\u00e9"]'),
    ],
)
def test_result_is_text_as_it_is_or_json(value: object, wanted: str) -> None:
    assert serialize_result("order", value) == wanted


def test_long_result_is_cut_and_says_so() -> None:
    cut = serialize_result("order", "x" * 1_000_000)
    assert len(cut) == MAX_RESULT_CHARACTERS
    assert cut.endswith("xxx [cut: the result has 1000000 characters]")
    assert len(serialize_result("order", ["x" * 1_000_000])) == MAX_RESULT_CHARACTERS


def test_result_at_the_limit_is_whole() -> None:
    assert serialize_result("order", "x" * MAX_RESULT_CHARACTERS) == "x" * MAX_RESULT_CHARACTERS
    assert len(json.loads(serialize_result("order", ["x" * (MAX_RESULT_CHARACTERS - 4)]))) == 1


def test_result_that_json_cannot_carry_is_the_tool_s_fault() -> None:
    endless: list[object] = []
    endless.append(endless)
    for value in (object(), endless, b"\xff", ["\ud800"]):
        with pytest.raises(ToolResultError, match="tool 'order' returned no JSON") as caught:
            serialize_result("order", value)
        assert isinstance(caught.value, LocalError)
