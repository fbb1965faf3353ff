"""The base of every message between engine and app."""

import re
from typing import cast

from pydantic import BaseModel, ConfigDict, model_validator

__all__ = ["MessageBody"]

SURROGATE = re.compile(r"[\ud800-\udfff]")
"""Stands for an octet that is not UTF-8, or half of a character: JSON in UTF-8 cannot carry it."""
REPLACEMENT = "\ufffd"


class MessageBody(BaseModel):
    """What every message between engine and app is: immutable, no unknown fields.

    Text comes from far ends, models and tools. What of it is no character becomes U+FFFD, so that
    every message can be written.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _mark_what_is_no_text(cls, fields: object) -> object:
        return _readable(fields)


def _readable(value: object) -> object:
    match value:
        case str():
            return value if value.isascii() else SURROGATE.sub(REPLACEMENT, value)
        case dict():
            pairs = cast("dict[object, object]", value)
            return {_readable(name): _readable(one) for name, one in pairs.items()}
        case list() | tuple():
            return [_readable(one) for one in cast("list[object]", value)]
        case _:
            return value
