"""A tool's arguments: what the model is told, and what is made of what it sends."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from enum import Enum
from typing import Annotated, Any, Literal

import pytest
from pydantic import Field

from telephony.agent import ToolArgumentError
from telephony.agent.schema import MAX_ARGUMENT_CHARACTERS, ArgumentSchema
from telephony.errors import ConfigurationError, RemoteError


class Size(Enum):
    SMALL = "small"
    LARGE = "large"


@dataclass
class Topping:
    """Something on top."""

    title: str
    grams: int = 20


@dataclass
class Nested:
    child: "Nested | None"


def schema_of(function: Any, **descriptions: str) -> dict[str, Any]:
    return ArgumentSchema("order", function, descriptions).json_schema


def test_scalars_and_defaults() -> None:
    def order(count: int, note: str | None = None, *, fast: bool = False) -> None: ...

    assert schema_of(order, count="how many") == {
        "type": "object",
        "properties": {
            "count": {"type": "integer", "description": "how many"},
            "note": {"anyOf": [{"type": "string"}, {"type": "null"}], "default": None},
            "fast": {"type": "boolean", "default": False},
        },
        "required": ["count"],
        "additionalProperties": False,
    }


def test_types_are_written_out_without_references() -> None:
    def order(size: Size, tops: list[Topping], way: Literal["in", "out"]) -> None: ...

    properties = schema_of(order, size="of the cup")["properties"]
    assert properties["size"] == {
        "type": "string",
        "enum": ["small", "large"],
        "description": "of the cup",
    }
    assert properties["way"] == {"type": "string", "enum": ["in", "out"]}
    assert properties["tops"]["items"] == {
        "type": "object",
        "description": "Something on top.",
        "properties": {"title": {"type": "string"}, "grams": {"type": "integer", "default": 20}},
        "required": ["title"],
        "additionalProperties": False,
    }


def test_no_parameters_is_an_empty_object() -> None:
    def order() -> None: ...

    assert schema_of(order) == {
        "type": "object",
        "properties": {},
        "required": [],
        "additionalProperties": False,
    }


def test_a_parameter_may_have_any_name() -> None:
    def order(json: str, _x: int, model_dump: int, schema: int) -> None: ...

    arguments = ArgumentSchema("order", order, {})
    given = '{"json": "a", "_x": 1, "model_dump": 2, "schema": 3}'
    assert arguments.parse(given) == {"json": "a", "_x": 1, "model_dump": 2, "schema": 3}


def test_pydantic_s_own_metadata_holds() -> None:
    def order(count: Annotated[int, Field(ge=1, le=9, description="cups")]) -> None: ...

    arguments = ArgumentSchema("order", order, {})
    assert arguments.json_schema["properties"]["count"] == {
        "type": "integer",
        "minimum": 1,
        "maximum": 9,
        "description": "cups",
    }
    with pytest.raises(ToolArgumentError, match="count: Input should be less than or equal to 9"):
        arguments.parse('{"count": 10}')


def test_arguments_arrive_as_the_types_of_the_hints() -> None:
    def order(day: date, size: Size, tops: list[Topping], code: str, note: str = "-") -> None: ...

    given = '{"day": "2026-01-31", "size": "large", "tops": [{"title": "nuts"}], "code": 1234}'
    assert ArgumentSchema("order", order, {}).parse(given) == {
        "day": date(2026, 1, 31),
        "size": Size.LARGE,
        "tops": [Topping("nuts")],
        "code": "1234",
        "note": "-",
    }


@pytest.mark.parametrize("text", ["", "  ", "{}"])
def test_no_arguments_may_be_no_text(text: str) -> None:
    def order() -> None: ...

    assert ArgumentSchema("order", order, {}).parse(text) == {}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "order: count: Field required"),
        ('{"count": "many"}', "order: count: Input should be a valid integer"),
        ('{"count": 1, "colour": "red"}', "order: colour: Extra inputs are not permitted"),
        ('{"count": 1', "order: Invalid JSON: EOF while parsing"),
        ("[1]", "order: Input should be an object"),
        ("null", "order: Input should be an object"),
        ("[" * 5000, "order: Invalid JSON: recursion limit exceeded"),
        ('{"count": 1, "a":1, "b":1, "c":1, "d":1, "e":1, "f":1}', "; and 1 more$"),
        (" " * (MAX_ARGUMENT_CHARACTERS + 1), "wanted at most 65536"),
    ],
)
def test_wrong_arguments_are_explained_to_the_model(text: str, message: str) -> None:
    def order(count: int) -> None: ...

    with pytest.raises(ToolArgumentError, match=message) as caught:
        ArgumentSchema("order", order, {}).parse(text)
    assert isinstance(caught.value, RemoteError)


def test_explanation_repeats_nothing_that_the_model_sent() -> None:
    def order(count: int) -> None: ...

    with pytest.raises(ToolArgumentError) as caught:
        ArgumentSchema("order", order, {}).parse('{"count": "4111-secret"}')
    assert "4111" not in str(caught.value)


def test_type_that_json_cannot_carry_is_a_configuration_error() -> None:
    class Opaque:
        pass

    def order(thing: Opaque) -> None: ...

    def call_back(thing: Callable[[], int]) -> None: ...

    def misfit(thing: Annotated[str, Field(pattern="(")]) -> None: ...

    for function in (order, call_back, misfit):
        with pytest.raises(ConfigurationError, match="tool 'order': "):
            ArgumentSchema("order", function, {})


def test_type_that_contains_itself_is_a_configuration_error() -> None:
    def order(thing: Nested) -> None: ...

    with pytest.raises(ConfigurationError, match="type 'Nested' contains itself"):
        ArgumentSchema("order", order, {})


def test_unknown_type_hint_is_a_configuration_error() -> None:
    def order(thing: Any) -> None: ...

    order.__annotations__["thing"] = "Unheard"
    with pytest.raises(ConfigurationError, match="a type hint is wrong: name 'Unheard'"):
        ArgumentSchema("order", order, {})
