"""The settings as a JSON schema and as a page to read, both generated from the tree."""

import json
from pathlib import Path
from typing import Any, Final, Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from telephony.config.load import ENVIRONMENT_PREFIX, STEP
from telephony.config.secret import SecretReference
from telephony.config.settings import Settings
from telephony.config.tree import as_section, element, unwrap

__all__ = ["json_schema", "reference_markdown"]

TYPE_NAMES: Final[dict[object, str]] = {
    str: "text",
    int: "whole number",
    float: "number",
    bool: "`true` or `false`",
    Path: "path",
    SecretReference: "`{env = ...}` or `{file = ...}`",
}
HEADING: Final = "| key | type | default | meaning | environment |\n|---|---|---|---|---|\n"


def json_schema() -> dict[str, Any]:
    """Give the JSON schema of `telephony.toml`, for editors."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **Settings.model_json_schema(),
    }


def reference_markdown() -> str:
    """Write the page of every key: type, default, meaning, environment twin."""
    parts = [
        "# Settings\n\n`telephony.toml` opens with `version = 1`. The environment comes before"
        " the file, the command line before both. Unknown keys are errors.\n"
    ]
    for name, about in Settings.model_fields.items():
        kind, inner = element(about.annotation)
        section = as_section(about.annotation if kind is None else inner)
        if section is None:
            continue
        if kind == "table":
            parts.append(_section(section, f"[{name}.NAME]", (name, "NAME")))
        elif kind == "list":
            parts.append(_section(section, f"[[{name}]]", (name, "0")))
        else:
            parts.append(_section(section, f"[{name}]", (name,)))
    return "\n".join(parts)


def _section(section: type[BaseModel], heading: str, path: tuple[str, ...]) -> str:
    """Write one section as a table."""
    schemas = section.model_json_schema()["properties"]
    rows = [
        f"| `{name}` | {_type_name(about, schemas[name])}{_range(schemas[name])} |"
        f" {_default(about)} | {_one_line(about.description)} |"
        f" `{ENVIRONMENT_PREFIX}{STEP.join((*path, name)).upper()}` |\n"
        for name, about in section.model_fields.items()
    ]
    return f"## `{heading}`\n\n{_one_line(section.__doc__)}\n\n{HEADING}{''.join(rows)}"


def _type_name(about: FieldInfo, schema: dict[str, Any]) -> str:
    """Name a field's type; a list may say that one alone will do."""
    kind, inner = element(about.annotation)
    if kind is not None:
        name = TYPE_NAMES[unwrap(inner)]
        return f"{name} or {kind} of {name}" if "anyOf" in schema else f"{kind} of {name}"
    plain = unwrap(about.annotation)
    if get_origin(plain) is Literal:
        return " or ".join(f"`{value}`" for value in get_args(plain))
    return TYPE_NAMES[plain]


def _range(schema: dict[str, Any]) -> str:
    """Write the bounds of a number; every number has an upper one."""
    if "maximum" not in schema:
        return ""
    low = schema.get("minimum", f"above {schema.get('exclusiveMinimum')}")
    return f", {low} to {schema['maximum']}"


def _default(about: FieldInfo) -> str:
    """Write a field's default as it would stand in the file."""
    if about.is_required():
        return "required"
    default: object = about.default
    if default in (None, (), {}):
        return "none"
    return f"`{json.dumps(default, default=str)}`"


def _one_line(text: str | None) -> str:
    """Join lines, with single blanks."""
    return " ".join((text or "").split())
