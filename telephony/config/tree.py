"""Walks the types of the settings: what lies at a path, and what a type is called.

The tree is made of sections (pydantic models), tables of them by name, lists of them, and values.
"""

from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel

__all__ = ["KeyPath", "as_section", "dotted", "element", "field_type", "unwrap"]

KeyPath = tuple[str | int, ...]
"""The steps to a key: names, and the index of an element of a list."""


def dotted(path: KeyPath) -> str:
    """Write a path with dots, an index in brackets."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return text.removeprefix(".")


def unwrap(annotation: Any) -> Any:
    """Give a type without `Annotated` and without `| None`."""
    while True:
        if get_origin(annotation) is Annotated:
            annotation = get_args(annotation)[0]
        elif get_origin(annotation) in (UnionType, Union):
            (annotation,) = (one for one in get_args(annotation) if one is not type(None))
        else:
            return annotation


def as_section(annotation: Any) -> type[BaseModel] | None:
    """Give a type as the section that it is, or None."""
    plain = unwrap(annotation)
    if isinstance(plain, type) and issubclass(plain, BaseModel):
        return plain
    return None


def field_type(section: type[BaseModel], name: str) -> Any:
    """Give the type of a section's field, or None where it has no such field."""
    field = section.model_fields.get(name)
    return None if field is None else field.annotation


def element(annotation: Any) -> tuple[Literal["table", "list"] | None, Any]:
    """Give the kind of a collection and the type of what it holds; else (None, None)."""
    plain = unwrap(annotation)
    origin = get_origin(plain)
    if origin is dict:
        return "table", get_args(plain)[1]
    if origin is tuple:
        return "list", get_args(plain)[0]
    return None, None
