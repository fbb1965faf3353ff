"""A tool's result as the text that a model reads. Imports pydantic: keep it out of declarations."""

from typing import Final

from pydantic_core import PydanticSerializationError, to_json

from telephony.agent.errors import ToolResultError

__all__ = ["MAX_RESULT_CHARACTERS", "serialize_result"]

MAX_RESULT_CHARACTERS: Final = 16_384
"""About 4,000 tokens: more than a caller will hear, far less than a model's memory."""


def serialize_result(tool: str, value: object) -> str:
    """Write what a tool gave back: text as it is, all else as JSON, cut to the limit.

    Args:
        tool: The tool's name, for messages.
        value: What the function returned; dataclasses, pydantic models, dates, sets and their
            like are written as pydantic writes them.

    Returns:
        At most `MAX_RESULT_CHARACTERS`; a cut one says so at its end.

    Raises:
        ToolResultError: JSON cannot carry it; the tool's fault.
    """
    if isinstance(value, str):
        text = value.encode("utf-8", "replace").decode()  # no lone surrogate gets onto the wire
    else:
        try:
            text = to_json(value, inf_nan_mode="null").decode()
        except (PydanticSerializationError, ValueError) as error:
            reason = str(error).partition("\n")[0]
            raise ToolResultError(f"tool {tool!r} returned no JSON: {reason}") from None
    if len(text) <= MAX_RESULT_CHARACTERS:
        return text
    note = f" [cut: the result has {len(text)} characters]"
    return text[: MAX_RESULT_CHARACTERS - len(note)] + note
