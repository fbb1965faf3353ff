"""Reads the settings: defaults, then the file, then the environment, then the command line.

Each key has a twin in the environment: `TELEPHONY_`, then the key's path in capitals with `__`
between its steps, as in `TELEPHONY_SIP__ADVERTISE`. A variable without `__` after the prefix is not
ours: Kubernetes makes such for a service of that name.
"""

import tomllib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, cast

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from telephony.config.contradictions import contradictions
from telephony.config.faults import describe
from telephony.config.settings import Settings
from telephony.config.tree import KeyPath, as_section, element, field_type
from telephony.errors import ConfigurationError

__all__ = ["ENVIRONMENT_PREFIX", "load"]

ENVIRONMENT_PREFIX: Final = "TELEPHONY_"
STEP: Final = "__"
MAX_FILE_OCTETS: Final = 1_048_576


@dataclass
class _Raw:
    """Values as they were found, before they are checked.

    Attributes:
        values: Nested as in the file.
        file: Names the file in messages.
        sources: Where a value came from, by path, where it was not the file.
    """

    values: dict[str, Any]
    file: str
    sources: dict[KeyPath, str] = field(default_factory=dict[KeyPath, str])

    def source_of(self, path: KeyPath) -> str:
        """Name where the value at a path, or around it, came from."""
        for length in range(len(path), 0, -1):
            if path[:length] in self.sources:
                return self.sources[path[:length]]
        return self.file

    def put(self, path: KeyPath, value: object, source: str) -> None:
        """Lay a value over what is there; a file's wrong shape stays, to be complained of."""
        node: object = self.values
        for step, following in pairwise(path):
            child = _child(node, step)
            if child is None:
                child = list[object]() if isinstance(following, int) else dict[str, object]()
                _set_child(node, step, child)
            node = child
        _set_child(node, path[-1], value)
        self.sources[path] = source


def load(
    path: Path | None,
    environ: Mapping[str, str],
    overrides: Mapping[str, object],
    *,
    agents: Collection[str] | None = (),
) -> Settings:
    """Read the settings, check every value, and check that they fit together.

    Names must lead somewhere, targets be allowed, secrets be there.

    Args:
        path: The file, or None for none.
        environ: The process's environment.
        overrides: What the command line says, by key path with dots, such as "sip.listen".
        agents: Names of agents that Python declares, besides those of the file. None where nothing
            is served: each value is checked, not whether they fit together.

    Raises:
        ConfigurationError: One line for each fault: file or variable, key, value seen and value
            wanted; secrets are not shown.
    """
    raw = _Raw({"version": 1}, "settings") if path is None else _Raw(_read(path), str(path))
    faults = list(_lay_environment(raw, environ))
    for key, value in overrides.items():
        raw.put(tuple(key.split(".")), value, "command line")
    try:
        settings = Settings.model_validate(raw.values)
    except ValidationError as error:
        faults += _wrong_values(error.errors(include_url=False), raw)
        raise ConfigurationError("\n".join(faults)) from None
    if agents is not None:
        faults += contradictions(settings, raw.source_of, environ, agents)
    if faults:
        raise ConfigurationError("\n".join(faults))
    return settings


def _read(path: Path) -> dict[str, Any]:
    """Read a file.

    Raises:
        ConfigurationError: It cannot be read, or is not TOML.
    """
    try:
        with path.open("rb") as opened:
            content = opened.read(MAX_FILE_OCTETS + 1)
    except OSError as error:
        raise ConfigurationError(f"{path}: {error.strerror or 'cannot be read'}") from None
    if len(content) > MAX_FILE_OCTETS:
        raise ConfigurationError(f"{path}: is larger than {MAX_FILE_OCTETS} octets")
    try:
        return tomllib.loads(content.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigurationError(f"{path}: is not TOML: {error}") from None


def _lay_environment(raw: _Raw, environ: Mapping[str, str]) -> Iterator[str]:
    """Lay the twins found in the environment over the file; yields a line for each unknown one."""
    for name in sorted(environ):
        steps = name.removeprefix(ENVIRONMENT_PREFIX).split(STEP)
        if name.startswith(ENVIRONMENT_PREFIX) and len(steps) > 1:
            found = _find_key(steps, raw.values)
            if found is None:
                yield f"environment {name}: no such key"
            else:
                path, annotation = found
                value = _read_variable(environ[name], annotation)
                raw.put(path, value, f"environment {name}")


def _find_key(steps: list[str], values: Mapping[str, Any]) -> tuple[KeyPath, Any] | None:
    """Find the key that a variable's steps mean, and its type; None where there is none."""
    annotation: Any = Settings
    node: object = values
    path: list[str | int] = []
    for text in steps:
        kind, inner = element(annotation)
        section = as_section(annotation)
        step: str | int = text.lower()
        if section is not None:
            annotation = field_type(section, text.lower())
        elif kind == "table":
            step, annotation = _existing_name(text, node), inner
        elif kind == "list" and as_section(inner) is not None and _is_next(text, node):
            step, annotation = int(text), inner
        else:
            return None
        if annotation is None:
            return None
        path.append(step)
        node = _child(node, step)
    return tuple(path), annotation


def _existing_name(text: str, node: object) -> str:
    """Give the name in a table that a variable's step spells in capitals, else a new one."""
    names = cast("dict[str, object]", node) if isinstance(node, dict) else {}
    for name in names:
        if name.upper().replace("-", "_") == text.upper():
            return name
    return text.lower()


def _is_next(text: str, node: object) -> bool:
    """Whether a step is the index of an element of a list, or of the one after its last."""
    count = len(cast("list[object]", node)) if isinstance(node, list) else 0
    return (
        text.isascii()
        and text.isdigit()
        and len(text) < len(str(MAX_FILE_OCTETS))
        and (int(text) <= count)
    )


def _child(node: object, step: str | int) -> object:
    """Step down in the values found so far; None where nothing is."""
    if isinstance(node, dict):
        return cast("dict[str | int, object]", node).get(step)
    if isinstance(node, list) and isinstance(step, int):
        return next(iter(cast("list[object]", node)[step : step + 1]), None)
    return None


def _set_child(node: object, step: str | int, value: object) -> None:
    """Put a value into a table or list; anything else has no place for it."""
    if isinstance(node, dict):
        cast("dict[str | int, object]", node)[step] = value
    elif isinstance(node, list) and isinstance(step, int):
        cast("list[object]", node)[step : step + 1] = [value]


def _read_variable(text: str, annotation: Any) -> object:
    """Read a variable's text: a scalar as it is, a list or table as TOML, a list with commas."""
    kind, _ = element(annotation)
    if kind is None and as_section(annotation) is None:
        return text
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except (tomllib.TOMLDecodeError, RecursionError):
        return [part.strip() for part in text.split(",")] if kind == "list" else text


def _wrong_values(found: list[ErrorDetails], raw: _Raw) -> Iterator[str]:
    """Describe pydantic's findings; one that only follows from another below it is left out."""
    paths = [tuple(step for step in fault["loc"] if step != "[key]") for fault in found]
    for fault, path in zip(found, paths, strict=True):
        if not any(len(other) > len(path) and other[: len(path)] == path for other in paths):
            yield describe(fault, raw.source_of(path), path)
