"""A tool's arguments: their JSON schema for the model, and the reading of what the model sends.

Imports pydantic, so it is imported only when a tool's schema is first asked for: declaring agents
and tools stays quick.
"""

import inspect
from collections.abc import Callable, Mapping
from typing import Any, Final, cast

from pydantic import BaseModel, ConfigDict, Field, PydanticUserError, ValidationError, create_model
from pydantic.json_schema import GenerateJsonSchema
from pydantic_core import SchemaError

from telephony.agent.errors import ToolArgumentError
from telephony.errors import ConfigurationError

__all__ = ["ArgumentSchema"]

MAX_ARGUMENT_CHARACTERS: Final = 65_536
"""Of one call's arguments as JSON; a model writes hundreds."""
MAX_FAULTS_TOLD: Final = 5
"""Enough for a model to mend its call; more would only fill its memory."""
MAX_REASON_CHARACTERS: Final = 200
DEFINITIONS: Final = "#/$defs/"


class _Arguments(BaseModel):
    """The base of a tool's arguments: nothing unknown, a number where text is wanted will do."""

    model_config = ConfigDict(extra="forbid", coerce_numbers_to_str=True)


class _UntitledSchema(GenerateJsonSchema):
    """JSON schema without a title per field: names say it already, and models pay by the word."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002
        """Leave every title out."""
        return False


class ArgumentSchema:
    """The arguments of one function, from its type hints.

    Attributes:
        json_schema: An object schema without references.

    Raises:
        ConfigurationError: A type hint cannot be resolved, or JSON cannot carry its type.
    """

    def __init__(
        self, tool: str, function: Callable[..., object], descriptions: Mapping[str, str]
    ) -> None:
        """Read the type hints.

        Args:
            tool: The tool's name, for messages.
            function: Its parameters are all passed by name and have type hints.
            descriptions: Of the parameters, by name.
        """
        self._tool = tool
        try:
            parameters = inspect.signature(function, eval_str=True).parameters
        except (NameError, AttributeError, SyntaxError, TypeError) as error:
            raise ConfigurationError(f"tool {tool!r}: a type hint is wrong: {error}") from None
        # Fields have names of our own and go by alias: a parameter may be called `json` or `_x`.
        self._fields = {f"argument_{index}": name for index, name in enumerate(parameters)}
        fields: dict[str, Any] = {}
        for field, name in self._fields.items():
            parameter = parameters[name]
            default = ... if parameter.default is parameter.empty else parameter.default
            about = Field(default, alias=name)
            if name in descriptions:
                about = Field(default, alias=name, description=descriptions[name])
            fields[field] = (parameter.annotation, about)
        try:
            self._model = create_model(tool, __base__=_Arguments, **fields)
            self.json_schema = _object_schema(self._model, tool)
        except (PydanticUserError, SchemaError) as error:
            reason = " ".join(str(error).partition("\n\n")[0].split())[:MAX_REASON_CHARACTERS]
            raise ConfigurationError(f"tool {tool!r}: {reason}") from None

    def parse(self, text: str) -> dict[str, object]:
        """Read a call's arguments.

        Args:
            text: A JSON object as the model wrote it; empty means no arguments.

        Returns:
            Keyword arguments for the function, defaults filled in.

        Raises:
            ToolArgumentError: The model's fault; the message tells it what to mend.
        """
        if len(text) > MAX_ARGUMENT_CHARACTERS:
            raise ToolArgumentError(
                f"{self._tool}: the arguments have {len(text)} characters,"
                f" wanted at most {MAX_ARGUMENT_CHARACTERS}"
            )
        try:
            arguments = self._model.model_validate_json(text if text.strip() else "{}")
        except ValidationError as error:
            raise ToolArgumentError(f"{self._tool}: {_explain(error)}") from None
        return {name: getattr(arguments, field) for field, name in self._fields.items()}


def _explain(error: ValidationError) -> str:
    """Say what is wrong with a model's arguments, in words it can act on."""
    faults = error.errors(include_url=False, include_context=False, include_input=False)
    told = [
        f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" if fault["loc"] else fault["msg"]
        for fault in faults[:MAX_FAULTS_TOLD]
    ]
    more = len(faults) - len(told)
    return "; ".join(told) + (f"; and {more} more" if more else "")


def _object_schema(model: type[BaseModel], tool: str) -> dict[str, Any]:
    """Give a model's JSON schema with every reference written out.

    Raises:
        ConfigurationError: A type contains itself, so it cannot be written out.
    """
    schema = model.model_json_schema(schema_generator=_UntitledSchema)
    definitions: dict[str, Any] = schema.pop("$defs", {})
    schema.pop("title", None)

    def inline(node: object, inside: tuple[str, ...]) -> Any:
        if isinstance(node, list):
            return [inline(item, inside) for item in cast("list[object]", node)]
        if not isinstance(node, dict):
            return node
        members = cast("dict[str, object]", node)
        reference = members.get("$ref")
        if not isinstance(reference, str):
            return {key: inline(value, inside) for key, value in members.items()}
        name = reference.removeprefix(DEFINITIONS)
        if name in inside:
            raise ConfigurationError(f"tool {tool!r}: type {name!r} contains itself")
        whole = {**definitions[name], **members}
        del whole["$ref"]
        whole.pop("title", None)
        return inline(whole, (*inside, name))

    return {"properties": {}, "required": [], **inline(schema, ())}
