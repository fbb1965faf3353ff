"""Says what is wrong with a value: its source, its key, the value seen, the value wanted."""

import re
from typing import Any, Final

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from telephony.config.secret import SecretReference
from telephony.config.settings import HEADER_NAME, HEADER_VALUE, LINE_NUMBER, NAME, Settings
from telephony.config.tree import KeyPath, as_section, dotted, element, field_type

__all__ = ["describe"]

MAX_SHOWN_CHARACTERS: Final = 80
CREDENTIALS: Final = re.compile(r"//[^/@]*@")

WHOLE_NUMBER: Final = "a whole number"
NUMBER: Final = "a number"
TABLE: Final = "a table"
TRUTH: Final = "true or false"
WANTED: Final = {
    "bool_parsing": TRUTH,
    "bool_type": TRUTH,
    "dict_type": TABLE,
    "finite_number": NUMBER,
    "float_parsing": NUMBER,
    "float_type": NUMBER,
    "greater_than": "more than {gt}",
    "greater_than_equal": "at least {ge}",
    "int_from_float": WHOLE_NUMBER,
    "int_parsing": WHOLE_NUMBER,
    "int_parsing_size": WHOLE_NUMBER,
    "int_type": WHOLE_NUMBER,
    "less_than": "less than {lt}",
    "less_than_equal": "at most {le}",
    "literal_error": "{expected}",
    "model_type": TABLE,
    "path_type": "text",
    "string_type": "text",
    "too_short": "at least {min_length} of them",
    "tuple_type": 'a list, such as ["..."]',
}
"""By pydantic's name of the fault, with the names of its context."""
WANTED_BY_PATTERN: Final = {
    LINE_NUMBER: 'a number or name as it is dialled, such as "+15551234567", "+1555*" for all that'
    ' begin so, or "*" for any',
    HEADER_NAME: "the name of an HTTP header",
    HEADER_VALUE: "printable ASCII, without a blank at either end",
    NAME: "a name of letters, digits, _ and -, at most 52",
}


def describe(fault: ErrorDetails, source: str, path: KeyPath) -> str:
    """Write one of pydantic's findings as a line; a secret in the wrong place is not repeated.

    Args:
        fault: With its context.
        source: Where the value came from.
        path: Of the key.
    """
    head = f"{source}: {dotted(path)}"
    if fault["type"] == "missing":
        section = _section_at(path[:-1])
        about = section.model_fields[str(path[-1])].description or ""
        return f"{head}: is missing: {' '.join(about.split())}"
    if fault["type"] == "extra_forbidden":
        section = _section_at(path[:-1])
        return f"{head}: is unknown, wanted one of {', '.join(section.model_fields)}"
    if any(_section_at(path[:length]) is SecretReference for length in range(len(path) + 1)):
        return f'{head}: wanted {{env = "NAME"}} or {{file = "PATH"}}'
    return f"{head}: is {_shown(fault['input'])}, {_wanted(fault, path)}"


def _wanted(fault: ErrorDetails, path: KeyPath) -> str:
    """Say what a value should have been, in the words of the file."""
    context = fault.get("ctx", {})
    if fault["type"] == "value_error":
        return str(context["error"])
    if fault["type"] == "tuple_type" and len(path) == 1:
        return f"wanted tables that open with [[{path[0]}]]"
    if fault["type"] == "string_pattern_mismatch":
        return f"wanted {WANTED_BY_PATTERN[context['pattern']]}"
    return f"wanted {WANTED[fault['type']].format(**context)}"


def _section_at(path: KeyPath) -> type[BaseModel]:
    """Give the innermost section on a path."""
    annotation: Any = Settings
    innermost: type[BaseModel] = Settings
    for step in path:
        section = as_section(annotation)
        if section is not None:
            annotation = field_type(section, str(step))
        else:
            annotation = element(annotation)[1]
        innermost = as_section(annotation) or innermost
    return innermost


def _shown(value: object) -> str:
    """Write a value for a message: short, and without credentials of a URL."""
    text = CREDENTIALS.sub("//...@", repr(value))
    return text if len(text) <= MAX_SHOWN_CHARACTERS else f"{text[:MAX_SHOWN_CHARACTERS]}..."
