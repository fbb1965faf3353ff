"""What `@tool` makes of a function, and what it refuses."""

import asyncio
import pickle
from collections.abc import Callable, Iterator
from typing import Any, Literal

import pytest

from telephony.agent import AnyTool, Executor, Tool, tool
from telephony.errors import ConfigurationError


@tool
async def order_status(order_number: str) -> str:
    """Look up an order.  order_number: digits only."""
    return f"order {order_number} is on its way"


@tool(name="sum", description="Add.", timeout_s=2.5, executor="process")
def add(left: int, right: int = 1) -> int:
    """Ignored, the option holds.

    Args:
        left: the first
    """
    return left + right


def multiply(left: int, right: int) -> int:
    return left * right


times = tool(executor="process")(multiply)


def test_bare_decorator_takes_name_and_description_from_the_function() -> None:
    assert isinstance(order_status, Tool)
    assert order_status.name == "order_status"
    assert order_status.description == "Look up an order."
    assert order_status.argument_descriptions == {"order_number": "digits only."}
    assert order_status.executor is Executor.LOOP
    assert order_status.timeout_s == 10.0


def test_options_come_before_what_the_function_says() -> None:
    assert (add.name, add.description, add.timeout_s) == ("sum", "Add.", 2.5)
    assert add.executor is Executor.PROCESS
    assert add.argument_descriptions == {"left": "the first"}


def test_plain_function_runs_in_a_thread_unless_told_otherwise() -> None:
    assert tool(multiply).executor is Executor.THREAD
    assert tool(executor="thread")(multiply).executor is Executor.THREAD


def test_tool_is_still_the_function_it_was() -> None:
    assert add(2, right=3) == 5
    assert asyncio.run(order_status("12")) == "order 12 is on its way"


def test_declaration_is_what_the_model_reads() -> None:
    declaration = order_status.declaration
    assert (declaration.name, declaration.description) == ("order_status", "Look up an order.")
    assert declaration.parameters == {
        "type": "object",
        "properties": {"order_number": {"type": "string", "description": "digits only."}},
        "required": ["order_number"],
        "additionalProperties": False,
    }


def test_arguments_and_result_go_through_the_tool() -> None:
    arguments = add.parse_arguments('{"left": "2"}')
    assert arguments == {"left": 2, "right": 1}
    assert add.write_result(add.function(**arguments)) == "3"  # type: ignore[arg-type]  # parsed


@pytest.mark.parametrize("declared", [add, times])
def test_tool_for_a_process_is_pickled_by_name(declared: AnyTool) -> None:
    found = pickle.loads(pickle.dumps(declared))  # noqa: S301 - our own octets
    assert found.function is declared.function


def test_method_of_an_object_is_a_tool() -> None:
    class Shop:
        def stock(self, item: str) -> int:
            """Count."""
            return len(item)

    declared = tool(Shop().stock)
    assert declared.name == "stock"
    assert declared.parse_arguments('{"item": "nut"}') == {"item": "nut"}


def positional_only(x: int, /) -> None: ...


def variadic(*numbers: int) -> None: ...


def keywords(**options: int) -> None: ...


def unhinted(x: int) -> None: ...


del unhinted.__annotations__["x"]


def misdescribed(x: int) -> None:
    """Do.

    Args:
        y: a slip
    """


def misdescribed_without_parameters() -> None:
    """Do.

    Args:
        y: a slip
    """


def generator() -> Iterator[int]:
    yield 1


async def async_generator() -> Any:
    yield 1


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (positional_only, "tool 'positional_only': parameter 'x: int' cannot be passed by name"),
        (variadic, r"parameter '\*numbers: int' cannot be passed by name"),
        (keywords, r"parameter '\*\*options: int' cannot be passed by name"),
        (unhinted, "tool 'unhinted': parameter 'x' has no type hint"),
        (misdescribed, "the docstring describes y, wanted only x"),
        (misdescribed_without_parameters, "the docstring describes y, wanted only nothing"),
        (generator, "is a generator, wanted one result"),
        (async_generator, "is a generator, wanted one result"),
        (lambda: 1, "name of a tool is '<lambda>'"),
    ],
)
def test_function_that_cannot_be_a_tool_is_refused_at_once(
    function: Callable[..., object], message: str
) -> None:
    with pytest.raises(ConfigurationError, match=message):
        tool(function)


@pytest.mark.parametrize("name", ["", "two words", "a" * 65, "caf\u00e9"])
def test_name_that_no_model_could_call_is_refused(name: str) -> None:
    with pytest.raises(ConfigurationError, match=r"name of a tool is .* wanted 1 to 64 letters"):
        tool(name=name)(multiply)


@pytest.mark.parametrize("timeout_s", [0, -1, 300.5, float("nan")])
def test_timeout_out_of_range_is_refused(timeout_s: float) -> None:
    with pytest.raises(ConfigurationError, match=r"timeout_s is .* wanted above 0 to 300"):
        tool(timeout_s=timeout_s)(multiply)


def test_coroutine_runs_on_the_loop_and_nowhere_else() -> None:
    async def wait() -> None: ...

    with pytest.raises(ConfigurationError, match="executor is 'thread', wanted none"):
        tool(executor="thread")(wait)


def test_executor_is_one_of_two() -> None:
    wrong: Literal["thread", "process"] = "loop"  # type: ignore[assignment]  # pyright: ignore
    with pytest.raises(ConfigurationError, match="executor is 'loop', wanted 'thread' or"):
        tool(executor=wrong)(multiply)


def test_process_needs_a_function_it_can_find() -> None:
    def inner() -> None: ...

    class Shop:
        def stock(self) -> None: ...

    for function in (inner, Shop().stock):
        with pytest.raises(ConfigurationError, match="only a function at the top of a module"):
            tool(executor="process")(function)
