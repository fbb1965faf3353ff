"""The `@tool` decorator: a function that the model may call.

Declaring costs no schema: that is built at first use (`telephony check` and `telephony serve` use
every one). What the bare signature shows to be wrong is said at once.
"""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from importlib import import_module
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final, Generic, Literal, ParamSpec, TypeVar, cast, overload

from telephony.agent.docstring import Docstring, read_docstring
from telephony.agent.names import check_name
from telephony.errors import ConfigurationError
from telephony.voice import ToolDeclaration

if TYPE_CHECKING:
    from telephony.agent.schema import ArgumentSchema

__all__ = ["AnyTool", "Executor", "Tool", "tool"]

P = ParamSpec("P")
R = TypeVar("R")

DEFAULT_TIMEOUT_S: Final = 10.0
"""A caller waits that long for an answer, with a word in between, and not longer."""
MAX_TIMEOUT_S: Final = 300.0
PASSED_BY_NAME: Final = frozenset(
    {inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY}
)


class Executor(Enum):
    """Where a tool runs; never where calls are served."""

    LOOP = "loop"
    """On the event loop that async tools share, in a thread of the app: for `async def`."""
    THREAD = "thread"
    """In a thread of the app: for a function that waits."""
    PROCESS = "process"
    """In a process of its own: for a function that computes."""
    CALL = "call"
    """In the call itself: for the tools of `telephony.agent.call_tools` only."""


@dataclass(frozen=True, eq=False)
class Tool(Generic[P, R]):
    """A function that the model may call. It can still be called as the function it was.

    Attributes:
        name: What the model calls it.
        description: What the model reads about it.
        function: The user's function.
        executor: Where it runs.
        timeout_s: When the model is told that it took too long, in seconds.
        argument_descriptions: What the model reads about each argument.
    """

    name: str
    description: str
    function: Callable[P, R]
    executor: Executor
    timeout_s: float
    argument_descriptions: dict[str, str]

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Call the function itself, as in a test of it."""
        return self.function(*args, **kwargs)

    def __reduce__(self) -> tuple[Callable[[str, str], object], tuple[str, str]]:
        """Pickle by name, so that another process finds it in the module that declares it."""
        return _find, (self.function.__module__, self.function.__qualname__)

    @cached_property
    def _schema(self) -> "ArgumentSchema":
        # Here and not above: it imports pydantic, which a declaration does not need.
        from telephony.agent.schema import ArgumentSchema

        return ArgumentSchema(self.name, self.function, self.argument_descriptions)

    @property
    def declaration(self) -> ToolDeclaration:
        """What the voice session is told of it.

        Raises:
            ConfigurationError: A type hint cannot be resolved, or JSON cannot carry its type.
        """
        return ToolDeclaration(self.name, self.description, self._schema.json_schema)

    def parse_arguments(self, text: str) -> dict[str, object]:
        """Read the arguments of a call by the model into keyword arguments.

        Args:
            text: A JSON object as the model wrote it; empty means no arguments.

        Raises:
            ToolArgumentError: The model's fault; hand the message back to it.
        """
        return self._schema.parse(text)

    def write_result(self, result: object) -> str:
        """Write what the function gave back as the text that the model reads.

        Text stays as it is; all else becomes JSON as pydantic writes it. A result longer than
        `telephony.agent.result.MAX_RESULT_CHARACTERS` is cut and says so at its end.

        Raises:
            ToolResultError: JSON cannot carry it; the tool's fault.
        """
        from telephony.agent.result import serialize_result

        return serialize_result(self.name, result)


AnyTool = Tool[..., Any]
"""A tool whatever its parameters and its result."""


@overload
def tool(function: Callable[P, R], /) -> Tool[P, R]: ...
@overload
def tool(
    *,
    name: str | None = None,
    description: str | None = None,
    timeout_s: float = DEFAULT_TIMEOUT_S,
    executor: Literal["thread", "process"] | None = None,
) -> Callable[[Callable[P, R]], Tool[P, R]]: ...
def tool(
    function: Callable[P, R] | None = None,
    /,
    *,
    name: str | None = None,
    description: str | None = None,
    timeout_s: float = DEFAULT_TIMEOUT_S,
    executor: Literal["thread", "process"] | None = None,
) -> Tool[P, R] | Callable[[Callable[P, R]], Tool[P, R]]:
    """Declare a function as a tool; use it bare or with options.

    Each parameter has a type hint and is passed by name. The docstring tells the model what the
    tool does and, as `name: text` after two spaces or in an `Args:` section, what to pass.

    Args:
        function: The function, `async def` or plain.
        name: What the model calls it; the function's name by default.
        description: What the model reads about it; the docstring by default.
        timeout_s: When the model is told that it took too long, in seconds, above 0 to 300.
        executor: Where a plain function runs: "thread" (the default) if it waits, "process" if it
            computes for more than a few milliseconds. `async def` runs on a loop that tools share.

    Raises:
        ConfigurationError: The name, a parameter, the docstring or an option cannot be used.
    """

    def declare(declared: Callable[P, R]) -> Tool[P, R]:
        called = name if name is not None else getattr(declared, "__name__", "")
        check_name(called, "name of a tool")
        about = _read_parameters(called, declared)
        if not 0 < timeout_s <= MAX_TIMEOUT_S:
            raise ConfigurationError(
                f"tool {called!r}: timeout_s is {timeout_s!r}, wanted above 0 to {MAX_TIMEOUT_S:g}"
            )
        return Tool(
            called,
            about.description if description is None else description,
            declared,
            _choose_executor(called, declared, executor),
            timeout_s,
            about.arguments,
        )

    return declare if function is None else declare(function)


def _read_parameters(called: str, function: Callable[..., object]) -> Docstring:
    """Check what the signature shows, and read the docstring.

    Raises:
        ConfigurationError: A parameter cannot be passed by name or has no type hint, or the
            docstring describes one that does not exist.
    """
    parameters = inspect.signature(function).parameters
    for parameter in parameters.values():
        if parameter.kind not in PASSED_BY_NAME:
            raise ConfigurationError(
                f"tool {called!r}: parameter {str(parameter)!r} cannot be passed by name"
            )
        if parameter.annotation is parameter.empty:
            raise ConfigurationError(
                f"tool {called!r}: parameter {parameter.name!r} has no type hint"
            )
    about = read_docstring(function.__doc__ or "", tuple(parameters))
    unknown = about.arguments.keys() - parameters.keys()
    if unknown:
        raise ConfigurationError(
            f"tool {called!r}: the docstring describes {', '.join(sorted(unknown))},"
            f" wanted only {', '.join(parameters) or 'nothing'}"
        )
    return about


def _choose_executor(
    called: str, function: Callable[..., object], wanted: Literal["thread", "process"] | None
) -> Executor:
    """Choose where a function runs.

    Raises:
        ConfigurationError: It cannot run where it was told to.
    """
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise ConfigurationError(f"tool {called!r}: is a generator, wanted one result")
    if inspect.iscoroutinefunction(function):
        if wanted is not None:
            raise ConfigurationError(
                f"tool {called!r}: executor is {wanted!r}, wanted none: async def runs on the loop"
            )
        return Executor.LOOP
    if wanted not in (None, "thread", "process"):
        raise ConfigurationError(
            f"tool {called!r}: executor is {wanted!r}, wanted 'thread' or 'process'"
        )
    if wanted == "process" and not _is_importable(function):
        raise ConfigurationError(
            f"tool {called!r}: a process finds only a function at the top of a module"
        )
    return Executor(wanted or "thread")


def _is_importable(function: Callable[..., object]) -> bool:
    """Whether another process can find it by module and name."""
    return inspect.isfunction(function) and "<" not in function.__qualname__


def _find(module: str, qualified_name: str) -> AnyTool:
    """Find a tool again by the name of its function, in a process that unpickles it."""
    found: object = attrgetter(qualified_name)(import_module(module))
    if isinstance(found, Tool):
        return cast("AnyTool", found)
    # `tool(function)` under another name leaves the bare function under its own.
    return tool(cast("Callable[..., Any]", found))
